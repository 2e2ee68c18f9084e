package hostile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"sync"
	"time"
)

// Authority issues certificates for servers.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes one.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Authority of specs"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	return &Authority{certificate, key}, err
}

// Pool holds its certificate.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// issue makes a certificate for 127.0.0.1, but for what change makes of it; self: one that vouches for itself.
func (a *Authority) issue(self bool, change func(*x509.Certificate)) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Target"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	parent, by := a.certificate, a.key
	if self {
		parent, by = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, err
}

// Handshake is one way to open a connection over TLS.
type Handshake struct {
	// Name completes the sentence "a target that ...".
	Name string
	// Open is given a connection that a client of TLS has opened. The connection is closed when it returns.
	Open func(a *Authority, c net.Conn)
}

// Handshakes are all of them.
func Handshakes() []Handshake {
	certified := func(name string, self bool, change func(*x509.Certificate)) Handshake {
		return Handshake{name, func(a *Authority, c net.Conn) {
			certificate, err := a.issue(self, change)
			if err == nil {
				serve(tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}}))
			}
		}}
	}
	configured := func(name string, change func(*tls.Config)) Handshake {
		return Handshake{name, func(a *Authority, c net.Conn) {
			certificate, err := a.issue(false, nil)
			if err == nil {
				config := &tls.Config{Certificates: []tls.Certificate{certificate}}
				change(config)
				serve(tls.Server(c, config))
			}
		}}
	}
	raw := func(name string, open func(net.Conn)) Handshake {
		return Handshake{name, func(_ *Authority, c net.Conn) { open(c) }}
	}
	heard := func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) } // the ClientHello
	saying := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			heard(c)
			_, _ = io.WriteString(c, text)
		}
	}
	return []Handshake{
		certified("shows a certificate that has expired", false, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		certified("shows a certificate that is not valid yet", false, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }),
		certified("shows a certificate for another host", false, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"example.com"} }),
		certified("shows a certificate for nobody", false, func(c *x509.Certificate) { c.IPAddresses = nil }),
		certified("shows a certificate that vouches for itself", true, nil),
		certified("shows a certificate for clients", false, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }),
		certified("shows a certificate for a hundred thousand hosts", false, func(c *x509.Certificate) {
			c.IPAddresses = nil
			for i := range 100_000 {
				c.IPAddresses = append(c.IPAddresses, net.IPv4(10, byte(i>>16), byte(i>>8), byte(i)))
			}
		}),
		configured("speaks no TLS that is newer than 1.0", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 }),
		configured("asks for a certificate that nobody has", func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool() }),
		raw("says nothing to a ClientHello", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }),
		raw("hangs up on a ClientHello", heard),
		raw("sends an alert to a ClientHello", saying("\x15\x03\x03\x00\x02\x02\x28")),
		raw("sends warnings without end", func(c net.Conn) {
			for err := error(nil); err == nil; {
				_, err = io.WriteString(c, "\x15\x03\x03\x00\x02\x01\x5a")
			}
		}),
		raw("answers a ClientHello with plain HTTP", saying("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno")),
		raw("answers a ClientHello with random bytes", saying("\x00\xff\x16\x16\x03\x80random")),
		raw("breaks off in its ServerHello", saying("\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03")),
		raw("sends a record that is longer than any", saying("\x16\x03\x03\xff\xff"+string(make([]byte, 70000)))),
	}
}

// serve answers every request on a connection with an empty object.
func serve(c *tls.Conn) {
	for heard := make([]byte, 64<<10); ; {
		if _, err := c.Read(heard); err != nil {
			return
		}
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
			return
		}
	}
}

// Listen has a handshake await clients at a free port of loopback. It returns the address, and what closes it and all its connections.
func (h Handshake) Listen(a *Authority) (address string, end func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	var (
		serving sync.WaitGroup
		mu      sync.Mutex
		open    []net.Conn
	)
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			serving.Go(func() {
				defer c.Close()
				h.Open(a, c)
			})
		}
	})
	return l.Addr().String(), func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		serving.Wait()
	}, nil
}
