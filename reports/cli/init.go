package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/config"
	"countersign/conformance/flows"
	"countersign/conformance/practice"
)

// Init is the command init.
func (p Program) Init() *cobra.Command {
	var i beginning
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a countersign.yaml to begin with",
		Long: `Init writes a commented countersign.yaml, and its schema beside it, from the target's own metadata document, or from flags alone where --flow is given.
On a terminal it asks for what no flag says; --yes takes the usual answers.`,
		Example: `  countersign init
  countersign init --target http://127.0.0.1:9000
  countersign init --target https://127.0.0.1:9000 --ca out/tls/ca.pem
  countersign init --target https://accounts.example --flow ticket --role account-server
  countersign init --target http://app.test:9000 --announce https://harness.test --practice-ca out/tls`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := named(c, "target"); err != nil {
				return err
			}
			if p.atTerminal() && !i.yes {
				if err := i.free(); err != nil {
					return err
				}
				i.flagged = c.Flags().Changed
				if err := i.ask(c.Context(), p.person()); err != nil {
					return err
				}
			}
			draft, err := i.draft(c.Context())
			if err != nil {
				return err
			}
			path, err := draft.Write(i.folder, i.force)
			if err != nil {
				return usage(err)
			}
			what := "it"
			if draft.Targetless() {
				what = "its `target`"
			}
			fmt.Fprintf(p.Err, "%s is written. Fill %s in, and then: countersign doctor --config %s\n", path, what, path)
			if draft.Environment {
				fmt.Fprintf(p.Err, "It takes its secrets from the environment. Put yours into %s, and then: set -a; . %[1]s; set +a\n", filepath.Join(i.folder, config.EnvironmentName))
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&i.target, "target", "", "base URL of the implementation under test")
	f.StringVar(&i.flow, "flow", "", "flow, or profile (default: what the target's metadata say)")
	f.StringSliceVar(&i.roles, "role", nil, "role under test; repeatable (default: those that the target serves)")
	f.StringVar(&i.level, "level", "", "core or hardened (default hardened)")
	f.StringVar(&i.tls.CA, "ca", "", "PEM file with the certificates to trust instead of the machine's, for a target of https")
	f.StringVar(&i.tls.Certificate, "certificate", "", "PEM file with the certificate to show to a target that asks for a client's")
	f.StringVar(&i.tls.Key, "key", "", "PEM file with its key")
	f.StringVar(&i.tls.ServerName, "server-name", "", "the name in the target's certificate, if not the host of the URL")
	f.StringVar(&i.announce, "announce", "", "scheme and host, as https://harness.test, at which the target reaches the harness (default: loopback)")
	f.StringVar(&i.practiceCA, "practice-ca", "", "folder of the practice CA that certifies the harness's own addresses of https, made where it is missing")
	f.BoolVar(&i.environment, "secrets-in-environment", false, "take passwords, secrets and keys from the environment")
	f.StringVar(&i.folder, "out", ".", "folder for the file")
	f.BoolVar(&i.force, "force", false, "write over a file that is there")
	f.BoolVar(&i.yes, "yes", false, "ask nothing, also on a terminal")
	return c
}

// beginning is what flags and answers say of a configuration to begin with.
type beginning struct {
	target, flow, level  string
	roles                []string
	tls                  config.TLS
	announce, practiceCA string
	environment          bool
	folder               string
	force, yes           bool

	flagged func(name string) bool
	found   *config.Draft // what the target's metadata said
}

// free reports, as a *config.ExistsError, that a file stands in the way.
func (i *beginning) free() error {
	file := filepath.Join(i.folder, config.FileName)
	if _, err := os.Stat(file); err == nil && !i.force {
		return &config.ExistsError{File: file}
	}
	return nil
}

// ask asks for what no flag says.
func (i *beginning) ask(ctx context.Context, someone person) error {
	put := func(flag, question, usual string, accept func(string) error) error {
		if i.flagged(flag) {
			return nil
		}
		return someone.ask(ctx, question, usual, accept)
	}
	file := func(into *string) func(string) error {
		return func(answer string) error {
			*into = answer
			if answer == "" {
				return nil
			}
			_, err := os.ReadFile(answer)
			return err
		}
	}
	if err := put("target", "Base URL of the implementation under test", "http://127.0.0.1:9000", func(answer string) error {
		i.target = answer
		return originLike(answer)
	}); err != nil {
		return err
	}
	if strings.HasPrefix(i.target, "https://") {
		if err := put("ca", "PEM file of the CA that its certificate is of (Enter: one that this machine trusts)", "", file(&i.tls.CA)); err != nil {
			return err
		}
		if err := put("certificate", "PEM file of the certificate to show to it (Enter: none)", "", file(&i.tls.Certificate)); err != nil {
			return err
		}
		if i.tls.Certificate != "" {
			if err := put("key", "PEM file of its key", "", file(&i.tls.Key)); err != nil {
				return err
			}
		}
	}
	if err := i.askRoles(ctx, someone); err != nil {
		return err
	}
	if err := put("level", "Level: core, what the source document asks for, or hardened", string(catalog.Hardened), func(answer string) error {
		i.level = answer
		_, err := catalog.ParseLevel(answer)
		return err
	}); err != nil {
		return err
	}
	return put("secrets-in-environment", "Take passwords, secrets and keys from the environment: yes or no", "no", func(answer string) error {
		i.environment = answer == "yes" || answer == "y"
		if !i.environment && answer != "no" && answer != "n" {
			return errors.New("write yes or no")
		}
		return nil
	})
}

// askRoles asks for the flow, where the target does not tell it, and for the roles.
func (i *beginning) askRoles(ctx context.Context, someone person) error {
	if !i.flagged("flow") {
		found, err := i.discover(ctx)
		if err == nil {
			i.found = &found
			fmt.Fprintf(someone.out, "It serves the metadata of %s.\n", found.Flow.Profile)
		} else {
			fmt.Fprintf(someone.out, "  %v\n", err)
			if err := someone.ask(ctx, "Flow: "+strings.Join(flowNames(), ", "), flowNames()[0], func(answer string) error {
				i.flow = answer
				_, err := flows.Find(answer)
				return err
			}); err != nil {
				return err
			}
		}
	}
	if i.flagged("role") {
		return nil
	}
	flow, usual, err := conformance.Flow{}, "all that it serves", error(nil)
	if i.found != nil {
		flow = i.found.Flow
		var names []string
		for _, r := range i.found.Roles {
			names = append(names, string(r))
		}
		usual = strings.Join(names, ", ")
	} else if flow, err = flows.Find(i.flow); err != nil {
		return err
	}
	return someone.ask(ctx, "Roles under test, of "+strings.Join(config.RoleNames(flow), ", "), usual, func(answer string) error {
		i.roles = nil
		if answer == usual {
			return nil
		}
		i.roles = strings.FieldsFunc(answer, func(r rune) bool { return r == ',' || r == ' ' })
		return rolesOf(flow, i.roles)
	})
}

// discover reads the target's metadata.
func (i *beginning) discover(ctx context.Context) (config.Draft, error) {
	secure, err := connecting(i.tls)
	if err != nil {
		return config.Draft{}, err
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: secure}}
	defer client.CloseIdleConnections()
	found, err := config.Discover(ctx, client, i.target, flows.All()...)
	var stranger x509.UnknownAuthorityError
	if errors.As(err, &stranger) {
		return found, &certify.UsageError{Problem: fmt.Sprintf("the certificate of %s is issued by nobody whom is trusted; name the file of its CA with --ca", i.target)}
	}
	if i.tls.Certificate == "" && wantsCertificate(err) {
		return found, &certify.UsageError{Problem: fmt.Sprintf("%s asks for a client's certificate; name one with --certificate, and its key with --key", i.target)}
	}
	return found, err
}

// connecting is how the target is reached. The error is one of usage, for files that flags name.
func connecting(t config.TLS) (*tls.Config, error) {
	secure, err := t.Client()
	var wrong *config.FileError
	if errors.As(err, &wrong) {
		return nil, &certify.UsageError{Problem: fmt.Sprintf("--%s: %s", wrong.Key, wrong.What)}
	}
	return secure, err
}

// wantsCertificate reports whether a server ended the connection for want of a client's certificate (RFC 8446 section 6.2). crypto/tls says it in words only.
func wantsCertificate(err error) bool {
	const certificateRequired = tls.AlertError(116)
	var remote *net.OpError
	return errors.As(err, &remote) && remote.Op == "remote error" && remote.Err.Error() == certificateRequired.Error()
}

// draft is what is to be written.
func (i *beginning) draft(ctx context.Context) (config.Draft, error) {
	d := config.Draft{Target: i.target}
	var err error
	switch {
	case i.target != "" && originLike(i.target) != nil:
		return d, &certify.UsageError{Problem: fmt.Sprintf("--target: %v", originLike(i.target))}
	case i.flow == "" && i.target == "":
		return d, &certify.UsageError{Problem: "name a --target, whose metadata say what it is, or a --flow"}
	case i.found != nil:
		d = *i.found
	case i.flow == "":
		d, err = i.discover(ctx)
	default:
		d.Flow, err = flows.Find(i.flow)
	}
	if err != nil {
		return d, err
	}
	if d.Level, err = catalog.ParseLevel(i.level); err != nil {
		return d, usage(err)
	}
	if err := rolesOf(d.Flow, i.roles); err != nil {
		return d, &certify.UsageError{Problem: "--role: " + err.Error()}
	}
	if len(i.roles) > 0 {
		d.Roles = nil
		for _, r := range i.roles {
			d.Roles = append(d.Roles, catalog.Role(r))
		}
	}
	d.Environment = i.environment
	if d.TLS, err = i.fromFolder(i.tls); err != nil {
		return d, err
	}
	return d, i.stage(&d)
}

// stage puts in how the harness is reached.
func (i *beginning) stage(d *config.Draft) error {
	if i.announce != "" {
		u, err := url.Parse(strings.TrimSuffix(i.announce, "/"))
		if err != nil || originLike(i.announce) != nil || u.Port() != "" || u.Path != "" || u.RawQuery != "" {
			return &certify.UsageError{Problem: fmt.Sprintf("--announce %q is not a scheme and a host; write it as https://harness.test, without a port", i.announce)}
		}
		d.Announce = u.Scheme + "://" + u.Host
	}
	if i.practiceCA == "" {
		return nil
	}
	if _, err := practice.Open(i.practiceCA); err != nil {
		return wrongFile(err)
	}
	var err error
	d.Stage.PracticeCA, err = i.relative(i.practiceCA)
	return err
}

// fromFolder names files as the configuration does, whose paths begin at its folder.
func (i *beginning) fromFolder(t config.TLS) (config.TLS, error) {
	if _, err := connecting(t); err != nil {
		return t, err
	}
	for _, file := range []*string{&t.CA, &t.Certificate, &t.Key} {
		named, err := i.relative(*file)
		if err != nil {
			return t, err
		}
		*file = named
	}
	return t, nil
}

func (i *beginning) relative(file string) (string, error) {
	if file == "" || filepath.IsAbs(file) {
		return file, nil
	}
	folder, err := filepath.Abs(i.folder)
	if err != nil {
		return "", err
	}
	whole, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	named, err := filepath.Rel(folder, whole)
	if err != nil { // on another volume
		return whole, nil
	}
	return filepath.ToSlash(named), nil
}

// originLike refuses what is no URL of a server.
func originLike(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return errors.New("this is no URL of a server; write it as http://host:port, without a user name")
	}
	return nil
}

// rolesOf refuses what is no role of a flow.
func rolesOf(flow conformance.Flow, names []string) error {
	known := config.RoleNames(flow)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%s has no role %q; write one of %s", flow.Profile, name, strings.Join(known, ", "))
		}
	}
	return nil
}
