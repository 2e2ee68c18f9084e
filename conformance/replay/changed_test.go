package replay_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/flows"
	"countersign/conformance/reference"
	"countersign/conformance/replay"
)

// one records a single check.
func one(id catalog.ID) replay.Recording {
	GinkgoHelper()
	checks := slices.DeleteFunc(flows.Checks(), func(c conformance.Check) bool { return c.ID != id })
	_, recording := record(reference.Reference{Seed: 3}.InWorld, checks[:1])
	return recording
}

// with is the recording of one check with other steps.
func with(r replay.Recording, steps []replay.Step) replay.Recording {
	r.Checks = slices.Clone(r.Checks)
	r.Checks[0].Steps = steps
	return r
}

var _ = Describe("A changed recording", func() {
	It("cannot be read: every byte of the file counts", func() {
		var file bytes.Buffer
		Expect(one("TI-AM-02").Write(&file)).To(Succeed())
		text := file.Bytes()
		for at := range text {
			changed := bytes.Clone(text)
			changed[at] ^= 1
			_, err := replay.Read(bytes.NewReader(changed))
			if err == nil {
				Fail(fmt.Sprintf("byte %d of %d can be changed unseen", at, len(text)))
			}
			Expect(err).To(BeAssignableToTypeOf(&replay.ReadError{}))
			if _, err := replay.Read(bytes.NewReader(text[:at])); err == nil {
				Fail(fmt.Sprintf("the file can be cut at %d unseen", at))
			}
		}
	})

	for _, id := range []catalog.ID{"TI-TE-01", "BI-RS-01", "MO-AS-20", "UN-PL-12", "OF-VD-01"} {
		It("whose sum was made anew is found by what the check "+string(id)+" does", func() {
			recording := one(id)
			steps := recording.Checks[0].Steps
			Expect(len(steps)).To(BeNumerically(">", 5))
			for i, s := range steps {
				if s.Op != "poll" { // to look once more or less, with the same outcome, changes nothing
					dropped := with(recording, slices.Delete(slices.Clone(steps), i, i+1))
					Expect(differences(rejudge(dropped))).NotTo(BeEmpty(), "step %d, %s, can be dropped", i+1, s.Op)
					twice := with(recording, slices.Insert(slices.Clone(steps), i, s))
					Expect(differences(rejudge(twice))).NotTo(BeEmpty(), "step %d, %s, can stand twice", i+1, s.Op)
				}
				if s.Op == "awaited" {
					changed := slices.Clone(steps)
					changed[i].Found = !s.Found
					Expect(differences(rejudge(with(recording, changed)))).NotTo(BeEmpty(), "the wait of step %d can have another end", i+1)
				}
				if s.Answer != nil {
					changed := slices.Clone(steps)
					answer := *s.Answer
					answer.Status++
					changed[i].Answer = &answer
					Expect(differences(rejudge(with(recording, changed)))).NotTo(BeEmpty(), "the answer of step %d can be another", i+1)
				}
				if s.Request != nil {
					changed := slices.Clone(steps)
					request := *s.Request
					request.Body = append(bytes.Clone(request.Body), 'x')
					changed[i].Request = &request
					Expect(differences(rejudge(with(recording, changed)))).NotTo(BeEmpty(), "the request of step %d can be another", i+1)
				}
			}
		})
	}

	It("whose verdict was made better is found", func() {
		d, err := reference.FindDefect("TI-AM-02")
		Expect(err).NotTo(HaveOccurred())
		checks := slices.DeleteFunc(flows.Checks(), func(c conformance.Check) bool { return c.ID != "TI-AM-02" })
		_, recording := record(reference.Reference{Seed: 3, Defect: d}.InWorld, checks)
		Expect(recording.Checks[0].Outcome.Verdict).To(Equal(conformance.Fail))
		recording.Checks[0].Outcome.Verdict = conformance.Pass
		recording.Checks[0].Outcome.Failure = nil
		Expect(differences(rejudge(reread(recording)))).To(ContainSubstring("the verdict was pass and is fail"))
	})

	DescribeTable("with a sum of its own says in which line it is wrong",
		func(text, what string) {
			_, err := replay.Read(strings.NewReader(resealed(text)))
			Expect(err).To(BeAssignableToTypeOf(&replay.ReadError{}))
			Expect(err).To(MatchError(ContainSubstring(what)))
		},
		Entry("another format", `{"format":"countersign/recording@9","profile":"","level":"","target":"","checks":0}`+"\n", "line 1 of the recording has the format"),
		Entry("an unknown member", `{"format":"countersign/recording@1","more":1,"checks":0}`+"\n", "line 1"),
		Entry("fewer checks than announced", `{"format":"countersign/recording@1","checks":1}`+"\n", "line 2"),
		Entry("more lines than announced", `{"format":"countersign/recording@1","checks":0}`+"\n{}\n", "line 2 of the recording comes after the last step"),
		Entry("nothing", "", "line 1"),
	)
})

// resealed puts the SHA-256 behind lines.
func resealed(text string) string {
	return fmt.Sprintf("%s{\"sha256\":\"%x\"}\n", text, sha256.Sum256([]byte(text)))
}
