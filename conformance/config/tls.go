package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// TLS says how the target is reached over https. The zero value trusts whom the machine trusts and shows no certificate.
type TLS struct {
	// CA is a PEM file with the certificates to trust instead of the machine's.
	CA string `yaml:"ca"`
	// Certificate and Key are PEM files: what the harness shows to a target that asks for a client's certificate.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	// ServerName is the name that the target's certificate has to be for; empty: the host of the URL.
	ServerName string `yaml:"server_name"`
}

// beside gives the files their paths from the folder of the configuration.
func (t TLS) beside(file string) TLS {
	t.CA, t.Certificate, t.Key = beside(file, t.CA), beside(file, t.Certificate), beside(file, t.Key)
	return t
}

// FileError is a file that TLS needs and that cannot be used. Key is the one of ca, certificate and key that names it.
type FileError struct{ Key, What, Mend string }

func (e *FileError) Error() string { return fmt.Sprintf("tls.%s: %s; %s", e.Key, e.What, e.Mend) }

// Client reads the files and gives what a client of the target connects with. Every error is a *FileError.
func (t TLS) Client() (*tls.Config, error) {
	client := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		text, err := readPEM(t.CA, "ca")
		if err != nil {
			return nil, err
		}
		client.RootCAs = x509.NewCertPool()
		if !client.RootCAs.AppendCertsFromPEM(text) {
			return nil, &FileError{"ca", "the file holds no certificate in PEM", "name the file that begins with -----BEGIN CERTIFICATE-----"}
		}
	}
	switch {
	case t.Certificate == "" && t.Key == "":
		return client, nil
	case t.Key == "":
		return nil, &FileError{"certificate", "its key is missing", "name the key's file under `key`"}
	case t.Certificate == "":
		return nil, &FileError{"key", "its certificate is missing", "name the certificate's file under `certificate`"}
	}
	certificate, err := readPEM(t.Certificate, "certificate")
	if err != nil {
		return nil, err
	}
	key, err := readPEM(t.Key, "key")
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil { // its words may not be shown: they may be about the key
		return nil, &FileError{"key", "certificate and key do not make a pair in PEM", "name the key that the certificate was made for"}
	}
	client.Certificates = []tls.Certificate{pair}
	return client, nil
}

func readPEM(file, key string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &FileError{key, "the file cannot be read: " + because(err), "correct the path, which begins at the folder of the configuration"}
	}
	return text, nil
}

// readTLS finds mistakes in what the file says of TLS.
func (c Config) readTLS() error {
	_, err := c.TLS.Client()
	var wrong *FileError
	if errors.As(err, &wrong) {
		return c.mistake([]string{"tls", wrong.Key}, wrong.What, wrong.Mend)
	}
	return err
}
