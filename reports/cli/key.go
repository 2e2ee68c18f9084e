package cli

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"countersign/conformance/certify"
	"countersign/reports/evidence"
)

// publicSuffix is what the file of a public key has behind the name of the private key's.
const publicSuffix = ".pub"

// Key is the command key.
func (p Program) Key() *cobra.Command {
	c := &cobra.Command{
		Use: "key", Short: "Make a key to sign evidence with", Example: "  countersign key new countersign.key", Args: NoSuchCommand,
		RunE: func(*cobra.Command, []string) error {
			return &certify.UsageError{Problem: "say `key new FILE` to make a key"}
		},
	}
	c.AddCommand(&cobra.Command{
		Use: "new FILE", Short: "Write an Ed25519 key pair: the private key to FILE, the public one to FILE" + publicSuffix,
		Long:    "New writes a private key in PKCS #8, which only its owner may read, and beside it the public key, to give to those who verify. It writes over nothing.",
		Example: "  countersign key new countersign.key\n  countersign check --evidence --key countersign.key\n  countersign verify out/report.evidence.json --key countersign.key" + publicSuffix,
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			private, public, err := evidence.NewKey(rand.Reader)
			if err != nil {
				return err
			}
			if err := writeNew(args[0], private, 0o600); err != nil {
				return err
			}
			if err := writeNew(args[0]+publicSuffix, public, 0o644); err != nil {
				return errors.Join(err, os.Remove(args[0])) // half a pair is of no use
			}
			fmt.Fprintf(p.Err, "%s is the private key: keep it to yourself. %s%s is the public one: give it to those who verify.\n", args[0], args[0], publicSuffix)
			return nil
		},
	})
	return c
}

// writeNew writes a file that does not exist yet. The error is a *certify.UsageError.
func writeNew(file string, text []byte, mode os.FileMode) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err == nil {
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return &certify.UsageError{Problem: file + " is there already, and a key is not written over; name another file"}
	case err != nil:
		return &certify.UsageError{Problem: fmt.Sprintf("the key cannot be written: %v; name another file", err)}
	}
	return nil
}

// privateKey reads the key to sign with. The error is a *certify.UsageError.
func privateKey(file string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &certify.UsageError{Problem: fmt.Sprintf("the key cannot be read: %v; make one with `countersign key new %s`", err, file)}
	}
	key, err := evidence.ParsePrivateKey(text)
	if err != nil {
		return nil, &certify.UsageError{Problem: fmt.Sprintf("%s: %v; to sign takes the private half", file, err)}
	}
	return key, nil
}

// publicKeys reads the keys to verify with. The error is a *certify.UsageError.
func publicKeys(files []string) ([]ed25519.PublicKey, error) {
	if len(files) == 0 {
		return nil, &certify.UsageError{Problem: "name the signer's public key with --key: without it nothing can be verified"}
	}
	var keys []ed25519.PublicKey
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, &certify.UsageError{Problem: fmt.Sprintf("the key cannot be read: %v; name the signer's public key with --key", err)}
		}
		key, err := evidence.ParsePublicKey(text)
		if err != nil {
			return nil, &certify.UsageError{Problem: fmt.Sprintf("%s: %v; to verify takes the public half", file, err)}
		}
		keys = append(keys, key)
	}
	return keys, nil
}
