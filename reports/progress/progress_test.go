package progress_test

import (
	"bytes"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/reports/progress"
)

var _ = Describe("Progress", func() {
	It("writes plain lines where there is no screen: what did not pass, and every tenth", func() {
		var out bytes.Buffer
		t := progress.New(&out, false)
		for i := range 20 {
			verdict := "pass"
			if i == 6 {
				verdict = "fail"
			}
			t.Tell(i+1, 20, fmt.Sprintf("check-%d", i+1), verdict)
		}
		t.Close()
		Expect(out.String()).To(HavePrefix("2 of 20 done\n4 of 20 done\n6 of 20 done\ncheck-7 fail\n8 of 20 done\n"))
		Expect(out.String()).To(HaveSuffix("20 of 20 done\n"))
		Expect(out.String()).NotTo(ContainSubstring("\x1b"))
	})

	It("says that a run of one is done", func() {
		var out bytes.Buffer
		t := progress.New(&out, false)
		t.Tell(1, 1, "check", "pass")
		t.Close()
		Expect(out.String()).To(Equal("1 of 1 done\n"))
	})

	It("ends on a screen too, before the run is done", func() {
		var out bytes.Buffer
		t := progress.New(&out, true)
		t.Tell(1, 3, "check", "pass")
		t.Close()
		Expect(out.String()).NotTo(ContainSubstring("fail"))
	})
})
