package sequence_test

import (
	"flag"
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/reports/sequence"
)

var draw = flag.Bool("sequence.update", false, "draw the picture of the README anew")

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
		const file = "../../conformance/profiles/bidirectional.svg"
		if *draw {
			Expect(os.WriteFile(file, picture.SVG(), 0o644)).To(Succeed())
		}
		kept, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(kept)).To(Equal(string(picture.SVG())), "draw it anew with go test ./reports/sequence -sequence.update")
	})
})
