package launch_test

import (
	"context"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/launch"
)

var _ = Describe("A command that is run once", func() {
	once := func(ctx context.Context, in string, words ...string) (string, string, error) {
		out, said, err := launch.Command{Words: words}.Once(ctx, []byte(in), 64)
		return string(out), said, err
	}

	It("gets what it is asked, and gives its answer and what it said besides", func() {
		out, said, err := once(context.Background(), "question", "sh", "-c", "cat; echo hm >&2")
		Expect(err).NotTo(HaveOccurred())
		Expect(out).To(Equal("question"))
		Expect(said).To(Equal("hm"))
	})

	It("may leave the question unread", func() {
		_, _, err := once(context.Background(), string(make([]byte, 1<<20)), "true")
		Expect(err).NotTo(HaveOccurred())
	})

	DescribeTable("is told of when it goes wrong",
		func(message string, words ...string) {
			_, _, err := once(context.Background(), "", words...)
			Expect(err).To(MatchError(message))
		},
		Entry("with a status", `the command "sh -c echo one >&2; echo two >&2; exit 7" ended with exit status 7, saying "two"`, "sh", "-c", "echo one >&2; echo two >&2; exit 7"),
		Entry("without a word", `the command "false" ended with exit status 1, and said nothing on standard error`, "false"),
		Entry("with too much", `the command "sh -c yes | head -c 65" wrote more than 64 bytes on standard output, and said nothing on standard error`, "sh", "-c", "yes | head -c 65"),
	)

	It("is killed with all that it has started when its time is up", func() {
		left := filepath.Join(GinkgoT().TempDir(), "left")
		ctx, end := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer end()
		_, _, err := once(ctx, "", "sh", "-c", "(sleep 1; touch "+left+") & sleep 60")
		Expect(err).To(MatchError(MatchRegexp(`did not end within [0-9.]+m?s`)))
		Consistently(func() error { _, err := os.Stat(left); return err }, "1200ms", "100ms").ShouldNot(Succeed())
	})

	It("is not run where there is no such program", func() {
		_, _, err := once(context.Background(), "", "no-such-program-anywhere")
		Expect(err).To(MatchError(ContainSubstring("there is no such program")))
	})
})
