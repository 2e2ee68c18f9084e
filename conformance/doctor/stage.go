package doctor

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/conformance"
	"countersign/conformance/config"
)

// detour is how long the way from an announced address back to the harness may take.
const detour = 700 * time.Millisecond

// stageNames examines what the file says of the addresses of a flow's parties without asking anybody.
func (e *examination) stageNames(flow conformance.Flow) {
	all, stage := e.setup(flow).Addresses(), e.config.Stage
	for name := range stage.Listen {
		if !slices.ContainsFunc(all, func(a conformance.Address) bool { return a.Party == name || *a.Origin == name }) {
			var parties []string
			for _, a := range all {
				parties = append(parties, a.Party)
			}
			e.wrong(e.config.Place("stage", "listen", name), "stage-unknown-party", fmt.Sprintf("the harness plays no %s, and announces no such origin", name), "write one of "+strings.Join(parties, ", "))
		}
	}
	if stage.Secure() && !slices.ContainsFunc(all, func(a conformance.Address) bool { return strings.HasPrefix(*a.Origin, "https://") }) {
		e.warn(e.config.Place("stage"), "stage-unused", "a certificate is named for the harness, but it announces no address of https, so that it is not used", "write https:// in the addresses of the setup, or take the certificate out")
	}
}

// shown examines the certificate that the harness shows under an announced origin of https.
func (e *examination) shown(at config.Place, party string, u *url.URL) {
	if !e.config.Stage.Secure() {
		e.wrong(at, "stage-no-certificate", fmt.Sprintf("the harness is to play %s at %s://%s, and has no certificate to show there", party, u.Scheme, u.Host), "name one under stage.certificate and its key under stage.key, or the folder of a practice CA under stage.practice_ca")
		return
	}
	pair, err := e.config.Stage.Shown(u.Hostname())
	if err != nil {
		e.once(e.config.Place("stage"), "stage-files", err.Error(), "correct it")
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		e.once(e.config.Place("stage", "certificate"), "stage-certificate", "the certificate that the harness shows cannot be read", "have it made anew")
		return
	}
	at, now := e.config.Place("stage", "certificate"), time.Now()
	switch {
	case now.After(leaf.NotAfter):
		e.once(at, "stage-expired", "the certificate that the harness shows as a server expired on "+leaf.NotAfter.UTC().Format(time.DateOnly), "have it renewed")
	case now.Before(leaf.NotBefore):
		e.once(at, "stage-not-yet-valid", "the certificate that the harness shows as a server is valid from "+leaf.NotBefore.UTC().Format(time.RFC3339)+" on only", "correct this machine's clock, or have another made")
	case len(leaf.ExtKeyUsage) > 0 && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny):
		e.once(at, "stage-no-server", "the certificate that the harness shows may not be used for a server", "name one that is issued for servers")
	case leaf.VerifyHostname(u.Hostname()) != nil:
		e.once(at, "stage-wrong-name", fmt.Sprintf("the certificate that the harness shows is for %s, and not for %s, which the setup announces", names(leaf), u.Hostname()), "name one for all announced addresses, or announce those that it is for")
	}
}

// once is wrong for what several addresses have in common.
func (e *examination) once(at config.Place, code, what, mend string) {
	f := Finding{Code: code, Severity: Error, Place: at, What: what, Mend: mend}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.findings, f) {
		e.findings = append(e.findings, f)
	}
}

// announcement is an address that the harness announces and listens for elsewhere.
type announcement struct {
	party, origin string
	at            config.Place
}

// follow goes to each announced address and sees whether it leads here. From the target's network the way may be another: what is found is a warning.
func (e *examination) follow(ctx context.Context, all []announcement) {
	ctx, end := context.WithTimeout(ctx, detour)
	defer end()
	ways := make([]string, len(all))
	var running sync.WaitGroup
	for i, a := range all {
		running.Go(func() { ways[i] = e.way(ctx, a) })
	}
	running.Wait()
	for i, why := range ways {
		if why == "" || slices.Index(ways, why) < i { // told already
			continue
		}
		var told []string
		for k := range all {
			if ways[k] == why {
				told = append(told, fmt.Sprintf("%s (%s)", all[k].origin, all[k].party))
			}
		}
		e.warn(all[i].at, "stage-elsewhere", fmt.Sprintf("from this machine, the harness is not reached at %s: %s", strings.Join(told, ", "), why), "see that the target reaches the harness by that name, or announce another")
	}
}

// way is why an announced address does not lead to a listener of the harness; empty where it does, or where it cannot be listened at, which is told elsewhere.
func (e *examination) way(ctx context.Context, a announcement) string {
	l, err := e.config.Stage.Listener(a.party, a.origin)
	if err != nil {
		return ""
	}
	word := rand.Text()
	server := &http.Server{ReadHeaderTimeout: detour, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, word) })}
	go func() { _ = server.Serve(l) }() // ends with Close
	defer server.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.origin, nil)
	if err != nil {
		return ""
	}
	client := &http.Client{
		// Nothing secret is sent; whether the certificate is right is examined by itself.
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %s is unknown here", dns.Name)
	case err != nil:
		return "nobody answers there"
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, int64(len(word))+1))
	if err != nil || string(said) != word {
		return "somebody else answers there"
	}
	return ""
}
