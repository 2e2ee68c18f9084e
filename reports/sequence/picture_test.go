package sequence_test

import (
	"flag"
	"os"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/reports/sequence"
	"countersign/scenarios"
)

var draw = flag.Bool("sequence.update", false, "draw the pictures of the flows anew")

// keptPicture compares a drawing with the one that is kept beside the profiles, or takes its place.
func keptPicture(flow string, d sequence.Diagram) {
	GinkgoHelper()
	file := "../../conformance/profiles/" + flow + ".svg"
	if *draw {
		Expect(os.WriteFile(file, d.SVG(), 0o644)).To(Succeed())
	}
	kept, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	Expect(string(kept)).To(Equal(string(d.SVG())), "draw it anew with go test ./reports/sequence -sequence.update")
}

// withoutMetadata leaves out the reading of documents that say where everything is, which is no step of a flow.
func withoutMetadata(d sequence.Diagram) sequence.Diagram {
	var kept []sequence.Step
	var reading []sequence.Step // not yet answered
	for _, s := range d.Steps {
		answers := func(r sequence.Step) bool { return s.Kind == sequence.Response && s.From == r.To && s.To == r.From }
		if s.Label == "metadata" {
			reading = append(reading, s)
		} else if i := slices.IndexFunc(reading, answers); i >= 0 {
			reading = slices.Delete(reading, i, i+1)
		} else {
			kept = append(kept, s)
		}
	}
	d.Steps = kept
	return d
}

var _ = Describe("The pictures of the flows", func() {
	for _, flow := range []string{"ticket", "mobile", "offline", "unified"} {
		It("are drawn from what happens when the flow "+flow+" goes as it is meant to", func() {
			happy, err := scenarios.Find(flow + "/happy")
			Expect(err).NotTo(HaveOccurred())
			played := scenarios.Run{Scenario: happy, Seed: 1}.Play()
			Expect(played.Verdict).To(Equal("pass"), played.Actual)
			keptPicture(flow, withoutMetadata(*played.Diagram))
		})
	}
})

var _ = Describe("The picture of the README", func() {
	It("is drawn by this package, from the fifteen steps of the document", func() {
		const terminal, clientA, serverA, resourceA = "user terminal", "client A", "OAuth server A", "resource server A"
		const clientB, serverB, resourceB = "client B", "OAuth server B", "resource server B"
		picture := sequence.Diagram{
			Title: "Bidirectional authorization: site A begins, and in the end each site reads the user's resources at the other",
			Lanes: []sequence.Lane{
				{Name: resourceA, Kind: "site A"}, {Name: serverA, Kind: "site A"}, {Name: clientA, Kind: "site A"}, {Name: terminal, Kind: "browser"},
				{Name: clientB, Kind: "site B"}, {Name: serverB, Kind: "site B"}, {Name: resourceB, Kind: "site B"},
			},
			Steps: []sequence.Step{
				{At: "1", From: clientA, To: serverA, Label: "asks for the first temporary credential", Detail: "delegate: client B"},
				{At: "2", From: clientA, To: serverB, Label: "asks for the second temporary credential"},
				{At: "9", From: clientA, To: clientB, Label: "hands the first credential over", Detail: "signed"},
				{At: "4", From: clientA, To: terminal, Label: "second credential, to authorize"},
				{At: "5", From: terminal, To: serverB, Label: "user name and password of site B"},
				{At: "6", From: terminal, To: clientA, Label: "second verifier"},
				{At: "7", From: clientA, To: serverB, Label: "exchanges it for the second access token"},
				{At: "7", From: serverB, To: resourceB, Label: "hands the token over"},
				{At: "8", From: clientA, To: resourceB, Label: "reads the user's resources at B"},
				{At: "10", From: clientB, Label: "rewrites the identifier from A to B", Kind: sequence.Note},
				{At: "11", From: clientB, To: terminal, Label: "first credential, to authorize"},
				{At: "12", From: terminal, To: serverA, Label: "user name and password of site A"},
				{At: "13", From: terminal, To: clientB, Label: "first verifier"},
				{At: "14", From: clientB, To: serverA, Label: "exchanges it for the first access token"},
				{At: "14", From: serverA, To: resourceA, Label: "hands the token over"},
				{At: "15", From: clientB, To: resourceA, Label: "reads the user's resources at A"},
			},
		}
		keptPicture("bidirectional", picture)
	})
})
