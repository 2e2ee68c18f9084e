package practice

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
)

// load reads a certificate and its key. A key that others may read is made its owner's alone.
func load(folder, file, key string) (tls.Certificate, error) {
	file, key = filepath.Join(folder, file), filepath.Join(folder, key)
	for _, name := range []string{file, key} {
		if _, err := os.Stat(name); err != nil {
			return tls.Certificate{}, &FolderError{name, "the file cannot be read: " + because(err), "name another folder, or remove what else lies in this one, which does not go without it"}
		}
	}
	if there, err := os.Stat(key); err == nil && there.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(key, 0o600); err != nil {
			return tls.Certificate{}, &FolderError{key, "others may read the key, and that cannot be changed: " + because(err), anotherFolder}
		}
	}
	pair, err := tls.LoadX509KeyPair(file, key)
	if err != nil { // its words may not be shown: they may be about the key
		return tls.Certificate{}, &FolderError{file, "it is no certificate in PEM to which the key beside it belongs", anotherFolder}
	}
	return pair, nil
}

// write puts a certificate and its key into a folder, each whole or not at all.
func write(folder, file, key string, der []byte, private *ecdsa.PrivateKey) error {
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	if err := replace(filepath.Join(folder, key), 0o600, &pem.Block{Type: "PRIVATE KEY", Bytes: secret}); err != nil {
		return err
	}
	return replace(filepath.Join(folder, file), 0o644, &pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func replace(file string, mode os.FileMode, block *pem.Block) error {
	unwritable := func(err error) error {
		return &FolderError{file, "the file cannot be written: " + because(err), "name a folder that can be written to"}
	}
	whole, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // readable by its owner alone
	if err != nil {
		return unwritable(err)
	}
	defer os.Remove(whole.Name()) // where it has not become the file
	if err := errors.Join(pem.Encode(whole, block), whole.Chmod(mode), whole.Close()); err != nil {
		return unwritable(err)
	}
	if err := os.Rename(whole.Name(), file); err != nil {
		return unwritable(err)
	}
	return nil
}

// because is why a file cannot be used, without its name.
func because(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err.Error()
}
