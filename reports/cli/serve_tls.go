package cli

import (
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/practice"
	"countersign/conformance/reference"
)

// serveTLS is what the flags of serve say of TLS.
type serveTLS struct {
	on                            bool
	folder, clientCertificate, ca string
}

func (s *serveTLS) flags(f *pflag.FlagSet) {
	f.BoolVar(&s.on, "tls", false, "serve https, with certificates of a practice CA")
	f.StringVar(&s.folder, "tls-folder", filepath.Join("out", "tls"), "with --tls: folder of the practice CA, made where it is missing")
	f.StringVar(&s.clientCertificate, "client-certificate", "none", "with --tls: whether a client has to show a certificate: none, optional or required")
	f.StringVar(&s.ca, "ca", "", "PEM file to trust, besides the machine's, when parties call others over https")
}

// arrange gives the parties what the flags ask for, and tells the files that others need to reach them. The error is one of usage.
func (s *serveTLS) arrange(live *reference.Live) error {
	asks := map[string]tls.ClientAuthType{"none": tls.NoClientCert, "optional": tls.VerifyClientCertIfGiven, "required": tls.RequireAndVerifyClientCert}
	asked, known := asks[s.clientCertificate]
	if !known {
		return &certify.UsageError{Problem: fmt.Sprintf("--client-certificate %q is unknown; write none, optional or required", s.clientCertificate)}
	}
	if asked != tls.NoClientCert && !s.on {
		return &certify.UsageError{Problem: "only who is reached over https can ask for a client's certificate; add --tls"}
	}
	var trusted []string
	if s.ca != "" {
		trusted = append(trusted, s.ca)
	}
	live.Client = &tls.Config{MinVersion: tls.VersionTLS12}
	if s.on {
		ca, err := practice.Open(s.folder)
		if err != nil {
			return wrongFile(err)
		}
		server, err := ca.Server("localhost", "127.0.0.1", "::1")
		if err != nil {
			return wrongFile(err)
		}
		client, certificate, key, err := ca.Client()
		if err != nil {
			return wrongFile(err)
		}
		live.Server = &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: asked, ClientCAs: ca.Pool(), MinVersion: tls.VersionTLS12}
		live.Client.Certificates, trusted = []tls.Certificate{client}, append(trusted, ca.CA())
		lines, flags := []string{"tls:", "  ca: " + ca.CA()}, "--ca "+ca.CA()
		if asked != tls.NoClientCert {
			lines = append(lines, "  certificate: "+certificate, "  key: "+key)
			flags += " --certificate " + certificate + " --key " + key
		}
		live.Ready = func(origins ...string) {
			live.Tell("In countersign.yaml, with paths from its folder:\n\n" + strings.Join(lines, "\n") + "\n")
			if live.Role != "" {
				live.Tell("Or let it be written: countersign init --target " + origins[0] + " " + flags)
			}
		}
	}
	var err error
	if live.Client.RootCAs, err = config.Trusted(trusted...); err != nil {
		return wrongFile(err)
	}
	return nil
}

// wrongFile makes an error of a certificate's file one of usage; others are the program's own.
func wrongFile(err error) error {
	var (
		folder *practice.FolderError
		file   *config.FileError
	)
	if errors.As(err, &folder) || errors.As(err, &file) {
		return usage(err)
	}
	return err
}
