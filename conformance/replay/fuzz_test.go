package replay_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"countersign/conformance/replay"
)

// FuzzRead reads recordings whose SHA-256 is right: what is taken for one is written so that it reads alike.
func FuzzRead(f *testing.F) {
	var empty bytes.Buffer
	if err := (replay.Recording{Format: replay.RecordingFormat}).Write(&empty); err != nil {
		f.Fatal(err)
	}
	head := empty.String()[:bytes.IndexByte(empty.Bytes(), '\n')+1]
	f.Add([]byte(head))
	f.Add([]byte(head + "{}\n"))
	f.Add(bytes.Replace([]byte(head), []byte(`"checks":0`), []byte(`"checks":1000000000`), 1))
	f.Add([]byte("{}\n{}\n\xff"))
	f.Add([]byte(`{"format":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 || text[len(text)-1] != '\n' {
			text = append(bytes.Clone(text), '\n')
		}
		sealed := fmt.Appendf(bytes.Clone(text), "{\"sha256\":\"%x\"}\n", sha256.Sum256(text))
		read, err := replay.Read(bytes.NewReader(sealed))
		if err != nil {
			var wrong *replay.ReadError
			if !errors.As(err, &wrong) {
				t.Fatalf("%q gives an untyped error: %v", text, err)
			}
			return
		}
		var once, twice bytes.Buffer
		if err := read.Write(&once); err != nil {
			t.Fatal(err)
		}
		again, err := replay.Read(bytes.NewReader(once.Bytes()))
		if err == nil {
			err = again.Write(&twice)
		}
		if err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Errorf("%q is written %q and again %q: %v", text, &once, &twice, err)
		}
	})
}
