package drive_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/drive"
)

// person sits at a terminal, reads what is asked, and uses a terminal of the ticket flow at a URL that only the person knows.
type person struct {
	use string
	in  *io.PipeReader

	mu   sync.Mutex
	text strings.Builder
	keys *io.PipeWriter
}

func newPerson(use string) *person {
	p := &person{use: use}
	p.in, p.keys = io.Pipe()
	DeferCleanup(p.keys.Close)
	return p
}

// scripted types lines, whatever is asked.
func scripted(lines string) *drive.Prompt {
	return &drive.Prompt{In: strings.NewReader(lines), Out: io.Discard}
}

func (p *person) prompt() *drive.Prompt { return &drive.Prompt{In: p.in, Out: p} }

func (p *person) asked() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

var value = regexp.MustCompile(`(?m)^  (app_id|user_name|password|register): (.*)$`)

// Write reads a question, does what it asks for, and types what came of it.
func (p *person) Write(question []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text.Write(question)
	members := map[string]any{}
	for _, m := range value.FindAllStringSubmatch(string(question), -1) {
		if members[m[1]] = m[2]; m[2] == "true" {
			members[m[1]] = true
		}
	}
	go func() {
		body, _ := json.Marshal(members)
		resp, err := http.Post(p.use, "application/json", strings.NewReader(string(body)))
		if err != nil {
			_ = p.keys.CloseWithError(err)
			return
		}
		defer resp.Body.Close()
		said, _ := io.ReadAll(resp.Body)
		fmt.Fprintf(p.keys, "%d %s\n", resp.StatusCode, strings.ReplaceAll(string(said), "\n", " "))
	}()
	return len(question), nil
}

// ownStart is a URL at which a client is started by a vendor's own JSON.
func ownStart(start string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Site, Mode string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Mode != "quick" || r.URL.RawQuery != "at=once" {
			http.Error(w, "no", http.StatusTeapot)
			return
		}
		form := url.Values{"peer": {asked.Site}}.Encode()
		req, _ := http.NewRequest(http.MethodPost, start, strings.NewReader(form))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header["Cookie"] = r.Header["Cookie"]
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = bufio.NewReader(resp.Body).WriteTo(w)
	}))
	DeferCleanup(server.Close)
	return server.URL
}

var _ = Describe("A question at the terminal", func() {
	It("is put again until the answer is understood", func() {
		out := &strings.Builder{}
		p := &drive.Prompt{In: strings.NewReader("maybe\nyes\n"), Out: out}
		err := p.Ask(GinkgoT().Context(), "Well?", func(line string) error {
			if line != "yes" {
				return fmt.Errorf("say yes, and not %s", line)
			}
			return nil
		})
		Expect(err).NotTo(HaveOccurred())
		Expect(out.String()).To(Equal("\nWell?\n> say yes, and not maybe\n> "))
	})

	It("is alone: the next one waits", func() {
		in, keys := io.Pipe()
		out := make(chan string, 8)
		p := &drive.Prompt{In: in, Out: writer(out)}
		done := make(chan error, 2)
		for range 2 {
			go func() {
				done <- p.Ask(GinkgoT().Context(), "Well?", func(string) error { return nil })
			}()
		}
		Eventually(out).Should(Receive(ContainSubstring("Well?")))
		Consistently(out, "50ms").ShouldNot(Receive())
		fmt.Fprintln(keys, "one")
		Eventually(done).Should(Receive(BeNil()))
		Eventually(out).Should(Receive(ContainSubstring("Well?")))
		fmt.Fprintln(keys, "two")
		Eventually(done).Should(Receive(BeNil()))
	})

	It("ends with the terminal", func() {
		p := &drive.Prompt{In: strings.NewReader(""), Out: io.Discard}
		Expect(p.Ask(GinkgoT().Context(), "Well?", func(string) error { return nil })).To(MatchError("the terminal was closed"))
	})
})

type writer chan<- string

func (w writer) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}
