package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// The alerts of a TLS server that tell what it misses (RFC 8446 section 6).
const (
	alertHandshakeFailure    = tls.AlertError(40)
	alertBadCertificate      = tls.AlertError(42)
	alertProtocolVersion     = tls.AlertError(70)
	alertUnrecognizedName    = tls.AlertError(112)
	alertCertificateRequired = tls.AlertError(116)
)

// dead tells why the target gave no answer: one finding, whatever was asked.
func (e *examination) dead(document string, err error) {
	at := e.documentPlace()
	gone := func(code, why, mend string) {
		e.add(Finding{Code: code, Severity: Error, Place: at, What: fmt.Sprintf("the target does not answer at %s: %s", document, why), Mend: mend, Dead: true})
	}
	ctx, end := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer end()
	var (
		dns     *net.DNSError
		late    interface{ Timeout() bool }
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		record  tls.RecordHeaderError
		host    = e.base.Hostname()
		inner   = cause(err)
	)
	alert, alerted := alertIn(err)
	switch {
	case errors.As(err, &dns):
		gone("host-unknown", fmt.Sprintf("the name %s is unknown or could not be looked up", dns.Name), "correct the name, or write the address")
	case errors.Is(err, syscall.ECONNREFUSED):
		gone("connection-refused", "connection refused, since nothing listens at that port", "start it, or correct --target")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		gone("host-unreachable", "no route leads to the host", "correct the address, or connect this machine to the target's network")
	case errors.As(err, &unknown):
		e.wrong(at, "tls-unknown-ca", fmt.Sprintf("the certificate of %s is issued by nobody whom this machine trusts", host), "name the file of its CA under tls.ca")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if time.Now().Before(invalid.Cert.NotBefore) {
			e.wrong(at, "tls-not-yet-valid", fmt.Sprintf("the certificate of %s is valid from %s on only", host, invalid.Cert.NotBefore.UTC().Format(time.RFC3339)), "correct this machine's clock, or give the target another certificate")
		} else {
			e.wrong(at, "tls-expired", fmt.Sprintf("the certificate of %s expired on %s", host, invalid.Cert.NotAfter.UTC().Format(time.DateOnly)), "renew it, or correct this machine's clock")
		}
	case errors.As(err, &invalid):
		e.wrong(at, "tls-invalid", fmt.Sprintf("the certificate of %s may not be used for a server", host), "give the target one that is issued for servers, by a CA")
	case errors.As(err, &name):
		e.wrong(at, "tls-wrong-name", fmt.Sprintf("the certificate of the target is for %s and not for %s", names(name.Certificate), name.Host), "write the URL with that name, or set tls.server_name to it")
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		e.crossed("http", "speaks plain HTTP or no TLS, but was asked over TLS")
	case alerted:
		e.alerted(alert)
	case strings.Contains(inner.Error(), "unsupported protocol version"):
		e.alerted(alertProtocolVersion)
	case errors.As(err, &late) && late.Timeout():
		gone("no-answer", "no answer came in time", "see why it is slow, or whether something between drops connections")
	case e.base.Scheme == "http" && e.speaksTLS(ctx):
		e.crossed("https", "speaks TLS, but was asked over plain HTTP")
	case strings.Contains(inner.Error(), "malformed HTTP"), e.greets(ctx):
		e.wrong(at, "no-http", fmt.Sprintf("what listens at %s does not speak HTTP", e.base.Host), "correct the port")
	default: // net/http has many words for it: reset, EOF, closed while idle
		gone("connection-closed", "it ends the connection without a whole answer", "look into its log, and whether the port is its own")
	}
}

// alertIn is the alert by which the other side ended a connection. crypto/tls gives it as the cause of a "remote error", in words only.
func alertIn(err error) (tls.AlertError, bool) {
	var remote *net.OpError
	if !errors.As(err, &remote) || remote.Op != "remote error" {
		return 0, false
	}
	for code := range 256 {
		if alert := tls.AlertError(code); alert.Error() == remote.Err.Error() {
			return alert, true
		}
	}
	return 0, false
}

// alerted tells what a TLS server refused.
func (e *examination) alerted(alert tls.AlertError) {
	at := e.at()
	switch alert {
	case alertCertificateRequired, alertBadCertificate:
		if e.config.TLS.Certificate == "" {
			e.wrong(at, "tls-client-certificate", "the target asks for a client's certificate", "name one under tls.certificate, and its key under tls.key")
			return
		}
		e.wrong(e.config.Place("tls", "certificate"), "tls-client-refused", "the target does not take the certificate that the harness shows", "name one that a CA issued which the target trusts")
	case alertProtocolVersion, alertHandshakeFailure:
		e.wrong(at, "tls-version", "the target speaks no version of TLS, or no cipher suite, that the harness speaks", "let it speak TLS 1.2 or 1.3")
	case alertUnrecognizedName:
		e.wrong(at, "tls-name-unknown", "the target has no certificate for the name that it was asked under", "write the URL with the name that it knows, or set tls.server_name to it")
	default:
		if e.config.TLS.Certificate != "" {
			e.wrong(e.config.Place("tls", "certificate"), "tls-client-refused", "the target does not take the certificate that the harness shows", "name one that a CA issued which the target trusts")
			return
		}
		e.wrong(at, "tls-refused", fmt.Sprintf("the target ends the TLS handshake: %s", strings.TrimPrefix(alert.Error(), "tls: ")), "look into its log")
	}
}

// crossed tells that the URL has the wrong scheme.
func (e *examination) crossed(right, what string) {
	code := "tls-on-plain"
	if right == "https" {
		code = "plain-on-tls"
	}
	e.wrong(e.at(), code, fmt.Sprintf("what listens at %s %s", e.base.Host, what), fmt.Sprintf("write %s://%s%s, or correct the port", right, e.base.Host, e.base.Path))
}

// speaksTLS reports whether a TLS server listens at the target's address.
func (e *examination) speaksTLS(ctx context.Context) bool {
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // nothing is sent but the handshake
	conn, err := d.DialContext(ctx, "tcp", e.hostPort())
	if err != nil {
		_, alerted := alertIn(err)
		return alerted
	}
	_ = conn.Close()
	return true
}

// greets reports whether what listens at the target's address speaks first, as servers of mail and remote shells do, and no server of HTTP.
func (e *examination) greets(ctx context.Context) bool {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", e.hostPort())
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)) // a connection that takes none is not to be read from
	n, _ := conn.Read(make([]byte, 1))
	return n > 0
}

// hostPort is the target's address with its port.
func (e *examination) hostPort() string {
	if e.base.Port() != "" {
		return e.base.Host
	}
	return net.JoinHostPort(e.base.Hostname(), map[string]string{"http": "80", "https": "443"}[e.base.Scheme])
}

// names are those that a certificate is for.
func names(c *x509.Certificate) string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) == 0:
		return "no name"
	case len(all) > 3:
		return strings.Join(all[:3], ", ") + " and others"
	}
	return strings.Join(all, ", ")
}
