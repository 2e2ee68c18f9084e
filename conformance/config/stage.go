package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"

	"countersign/conformance/practice"
)

// Stage says how the harness listens at the addresses at which it plays parties, which the setup announces. The zero value listens there itself, over plain HTTP.
type Stage struct {
	// Certificate and Key are PEM files: what the harness shows where an address that is announced is https.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	// PracticeCA is a folder with a CA for practice, which issues a certificate for each address that is announced, in the place of Certificate and Key.
	PracticeCA string `yaml:"practice_ca"`
	// Listen gives host and port to listen at, by the name of the party or by the origin that is announced for it, where the announced one does not lie on this machine.
	Listen map[string]string `yaml:"listen"`
}

// beside gives the files their paths from the folder of the configuration.
func (s Stage) beside(file string) Stage {
	s.Certificate, s.Key, s.PracticeCA = beside(file, s.Certificate), beside(file, s.Key), beside(file, s.PracticeCA)
	return s
}

// At is the host and port at which the harness listens for a party that is announced under an origin. apart says that they are not the origin's own.
func (s Stage) At(party, origin string) (address string, apart bool) {
	for _, name := range []string{party, origin} {
		if address, apart = s.Listen[name]; apart {
			return address, true
		}
	}
	u, err := url.Parse(origin)
	if err != nil {
		return "", false
	}
	return u.Host, false
}

// Listener listens for a party that is announced under an origin: over TLS where that is https. The error of the files is a *FileError.
func (s Stage) Listener(party, origin string) (net.Listener, error) {
	address, _ := s.At(party, origin)
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	var secure *tls.Config
	if u.Scheme == "https" {
		pair, err := s.Shown(u.Hostname())
		if err != nil {
			return nil, err
		}
		secure = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	l, err := net.Listen("tcp", address)
	if err != nil || secure == nil {
		return l, err
	}
	return tls.NewListener(l, secure), nil
}

// Secure reports whether there is anything to show to those who come over https.
func (s Stage) Secure() bool { return s.Certificate != "" || s.Key != "" || s.PracticeCA != "" }

// Shown is the certificate that the harness shows under a host name or address. Every error is a *FileError.
func (s Stage) Shown(host string) (tls.Certificate, error) {
	switch {
	case s.PracticeCA != "":
		ca, err := practice.Find(s.PracticeCA)
		var wrong *practice.FolderError
		if errors.As(err, &wrong) {
			return tls.Certificate{}, &FileError{"practice_ca", wrong.File + ": " + wrong.What, wrong.Mend, "stage"}
		}
		return ca.Issue(host)
	case s.Certificate == "" && s.Key == "":
		return tls.Certificate{}, &FileError{"certificate", "the harness has no certificate to show over https", "name one, and its key, or a folder under `practice_ca`", "stage"}
	}
	return pair("stage", s.Certificate, s.Key)
}

// pair reads a certificate and its key. The error is a *FileError.
func pair(section, file, keyFile string) (tls.Certificate, error) {
	switch {
	case keyFile == "":
		return tls.Certificate{}, &FileError{"certificate", "its key is missing", "name the key's file under `key`", section}
	case file == "":
		return tls.Certificate{}, &FileError{"key", "its certificate is missing", "name the certificate's file under `certificate`", section}
	}
	certificate, err := readPEM(section, file, "certificate")
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readPEM(section, keyFile, "key")
	if err != nil {
		return tls.Certificate{}, err
	}
	both, err := tls.X509KeyPair(certificate, key)
	if err != nil { // its words may not be shown: they may be about the key
		return tls.Certificate{}, &FileError{"key", "certificate and key do not make a pair in PEM", "name the key that the certificate was made for", section}
	}
	return both, nil
}

// Trusted are the certificates that the machine trusts, and those of PEM files besides. The error is a *FileError.
func Trusted(files ...string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil { // a machine without any
		pool = x509.NewCertPool()
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, &FileError{Key: "ca", What: "the file " + file + " cannot be read: " + because(err), Mend: "correct the path"}
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, &FileError{Key: "ca", What: "the file " + file + " holds no certificate in PEM", Mend: "name the file that begins with -----BEGIN CERTIFICATE-----"}
		}
	}
	return pool, nil
}

// readStage finds mistakes in what the file says of the stage, but for those that need the flow.
func (c Config) readStage() error {
	if c.Stage.PracticeCA != "" && (c.Stage.Certificate != "" || c.Stage.Key != "") {
		return c.mistake([]string{"stage", "practice_ca"}, "a certificate of one's own is named too", "keep one of the two")
	}
	if !c.Stage.Secure() {
		return nil
	}
	_, err := c.Stage.Shown("localhost")
	return c.fileMistake(err)
}

// fileMistake puts a file that cannot be used where the configuration names it.
func (c Config) fileMistake(err error) error {
	var wrong *FileError
	if errors.As(err, &wrong) {
		return c.mistake([]string{wrong.Section, wrong.Key}, wrong.What, wrong.Mend)
	}
	return err
}

func readPEM(section, file, key string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &FileError{key, "the file cannot be read: " + because(err), "correct the path, which begins at the folder of the configuration", section}
	}
	return text, nil
}

// FileError is a file that TLS needs and that cannot be used. Key is the one of ca, certificate, key and practice_ca that names it, and Section where that stands: tls or stage, or nowhere.
type FileError struct{ Key, What, Mend, Section string }

func (e *FileError) Error() string {
	name := e.Key
	if e.Section != "" {
		name = e.Section + "." + e.Key
	}
	return fmt.Sprintf("%s: %s; %s", name, e.What, e.Mend)
}
