package config

import (
	"crypto/tls"
	"crypto/x509"
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

// Client reads the files and gives what a client of the target connects with. Every error is a *FileError.
func (t TLS) Client() (*tls.Config, error) {
	client := &tls.Config{ServerName: t.ServerName, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		text, err := readPEM("tls", t.CA, "ca")
		if err != nil {
			return nil, err
		}
		client.RootCAs = x509.NewCertPool()
		if !client.RootCAs.AppendCertsFromPEM(text) {
			return nil, &FileError{"ca", "the file holds no certificate in PEM", "name the file that begins with -----BEGIN CERTIFICATE-----", "tls"}
		}
	}
	if t.Certificate == "" && t.Key == "" {
		return client, nil
	}
	shown, err := pair("tls", t.Certificate, t.Key)
	if err != nil {
		return nil, err
	}
	client.Certificates = []tls.Certificate{shown}
	return client, nil
}

// readTLS finds mistakes in what the file says of TLS.
func (c Config) readTLS() error {
	_, err := c.TLS.Client()
	return c.fileMistake(err)
}
