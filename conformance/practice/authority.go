// Package practice makes the certificates with which TLS is practised: a CA of one's own in a folder, and what it issues.
// They are for loopback and test networks; nobody else has a reason to trust them.
package practice

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The files of a folder.
const (
	fileCA     = "ca.pem"
	fileCAKey  = "ca-key.pem"
	fileServer = "server.pem"
	keyServer  = "server-key.pem"
	fileClient = "client.pem"
	keyClient  = "client-key.pem"
)

// How long certificates are valid, and how long before their end they are made anew.
const (
	lifetimeCA   = 2 * 365 * 24 * time.Hour
	lifetimeLeaf = 90 * 24 * time.Hour
	renewal      = 7 * 24 * time.Hour
	// early is how far before now they begin, for clocks that are behind.
	early = time.Hour
)

// Authority is the CA of a folder.
type Authority struct {
	folder      string
	certificate *x509.Certificate
	key         crypto.Signer
}

// FolderError is a folder that cannot be used. It shows nothing of a key.
type FolderError struct{ File, What, Mend string }

func (e *FolderError) Error() string { return fmt.Sprintf("%s: %s; %s", e.File, e.What, e.Mend) }

const anotherFolder = "name another folder, or remove the file"

// Find gives the CA that lies in a folder. The error is a *FolderError, also where there is none.
func Find(folder string) (*Authority, error) {
	a, err := read(folder)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, &FolderError{filepath.Join(folder, fileCA), "there is no practice CA", "make one with `countersign init --practice-ca " + folder + "` or `countersign serve FLOW --tls --tls-folder " + folder + "`"}
	}
	if left := time.Until(a.certificate.NotAfter); left <= 0 {
		return nil, &FolderError{filepath.Join(folder, fileCA), "the practice CA expired on " + a.certificate.NotAfter.Format(time.DateOnly), "make it anew as it was made"}
	}
	return a, nil
}

// Open gives the CA that lies in a folder, or makes the folder and a CA in it where there is none, or one that is about to expire. Keys are readable by their owner alone.
// The error is a *FolderError: nothing is written over that this package did not write.
func Open(folder string) (*Authority, error) {
	a, err := read(folder)
	if err != nil || a != nil && time.Until(a.certificate.NotAfter) > lifetimeLeaf {
		return a, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, &FolderError{folder, "the folder cannot be made: " + because(err), "name one that can be written to"}
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Countersign practice CA"}, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	dated(template, lifetimeCA)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making a practice CA: %w", err)
	}
	if err := write(folder, fileCA, fileCAKey, der, key); err != nil {
		return nil, err
	}
	return read(folder)
}

// read gives the CA of a folder; nil when there is none.
func read(folder string) (*Authority, error) {
	file := filepath.Join(folder, fileCA)
	_, err := os.Stat(file)
	_, keyErr := os.Stat(filepath.Join(folder, fileCAKey))
	if os.IsNotExist(err) && os.IsNotExist(keyErr) {
		return nil, nil
	}
	pair, err := load(folder, fileCA, fileCAKey)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !pair.Leaf.IsCA || !ok {
		return nil, &FolderError{file, "the certificate is none of a CA", anotherFolder}
	}
	return &Authority{folder, pair.Leaf, key}, nil
}

// CA is the path of the file that those have to trust who speak with what the CA issues certificates for.
func (a *Authority) CA() string { return filepath.Join(a.folder, fileCA) }

// Pool holds the CA alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// Issue makes a certificate for a server under host names and addresses. It is written nowhere.
func (a *Authority) Issue(names ...string) (tls.Certificate, error) {
	der, key, err := a.issue(serverFor(names))
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// Server gives a certificate for a server under host names and addresses. One that lies in the folder is taken while it is valid and for all of them.
func (a *Authority) Server(names ...string) (tls.Certificate, error) {
	return a.kept(fileServer, keyServer, serverFor(names))
}

// Client gives the certificate that a client shows, with the paths of its files. One that lies in the folder is taken while it is valid.
func (a *Authority) Client() (certificate tls.Certificate, file, key string, err error) {
	certificate, err = a.kept(fileClient, keyClient, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Countersign practice client"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return certificate, filepath.Join(a.folder, fileClient), filepath.Join(a.folder, keyClient), err
}

// kept gives the certificate of two files, and makes it where they lack what the template asks for.
func (a *Authority) kept(file, key string, template *x509.Certificate) (tls.Certificate, error) {
	_, err := os.Stat(filepath.Join(a.folder, file))
	_, keyErr := os.Stat(filepath.Join(a.folder, key))
	if err == nil || keyErr == nil {
		pair, err := load(a.folder, file, key)
		if err != nil || a.serves(pair.Leaf, template) {
			return pair, err
		}
	}
	der, made, err := a.issue(template)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := write(a.folder, file, key, der, made); err != nil {
		return tls.Certificate{}, err
	}
	return load(a.folder, file, key)
}

// serves reports whether a certificate is this CA's, for some time to come, and for all that the template asks for.
func (a *Authority) serves(leaf, template *x509.Certificate) bool {
	_, err := leaf.Verify(x509.VerifyOptions{Roots: a.Pool(), KeyUsages: template.ExtKeyUsage, CurrentTime: time.Now().Add(renewal)})
	for _, name := range template.DNSNames {
		if err == nil {
			err = leaf.VerifyHostname(name)
		}
	}
	for _, ip := range template.IPAddresses {
		if err == nil {
			err = leaf.VerifyHostname(ip.String())
		}
	}
	return err == nil
}

func serverFor(names []string) *x509.Certificate {
	t := &x509.Certificate{Subject: pkix.Name{CommonName: "Countersign practice server"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	return t
}

func (a *Authority) issue(template *x509.Certificate) ([]byte, *ecdsa.PrivateKey, error) {
	key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	dated(template, lifetimeLeaf)
	if template.NotAfter.After(a.certificate.NotAfter) {
		template.NotAfter = a.certificate.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("issuing a practice certificate: %w", err)
	}
	return der, key, nil
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// dated sets how long a certificate is valid. Its serial number is left to x509, which takes a random one.
func dated(template *x509.Certificate, lifetime time.Duration) {
	now := time.Now().Truncate(time.Second)
	template.NotBefore, template.NotAfter = now.Add(-early), now.Add(lifetime)
}
