package stage_test

import (
	"bytes"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/scenarios/stage"
	"countersign/sim"
)

// sealedPlay is a play whose messages are sealed by a word before them.
type sealedPlay struct{ *play }

func (p *sealedPlay) Opened(body []byte) []byte {
	text, sealed := bytes.CutPrefix(body, []byte("sealed:"))
	if !sealed {
		return nil
	}
	return text
}

var _ = Describe("The drawing of a flow with sealed messages", func() {
	It("shows what they say, and leaves others as they are", func() {
		p := &sealedPlay{newPlay()}
		p.Stage = stage.New(stage.Setting{}, p, 0)
		p.server = p.Host("server", func(*sim.Host) http.Handler { return http.NotFoundHandler() })
		p.person = p.NewPerson("person", "errand", nil)
		p.person.Follows(func() {
			for _, body := range []string{`sealed:{"greeting":"good day"}`, `{"greeting":"unsealed"}`} {
				if response, err := p.person.Host.Client().Post("https://server/one", "text/plain", strings.NewReader(body)); err == nil {
					_ = response.Body.Close()
				}
			}
		})
		r := p.Run()
		Expect(r.Err).NotTo(HaveOccurred())
		text := p.Draw("a sealed play", r.Trace, nil).Outline()
		Expect(text).To(ContainSubstring("greeting=good day"))
		Expect(text).NotTo(ContainSubstring("unsealed"))
	})
})
