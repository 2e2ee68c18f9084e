package reports

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Folder is where reports are written.
type Folder struct{ dir string }

// OpenFolder makes the folder if need be, and finds out before anything is run whether reports can be written there.
func OpenFolder(dir string) (Folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Folder{}, fmt.Errorf("reports cannot be written to %s: %w; name another folder with --out", dir, err)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return Folder{}, fmt.Errorf("reports cannot be written to %s: %w; name another folder with --out", dir, err)
	}
	_ = probe.Close()
	return Folder{dir}, os.Remove(probe.Name())
}

// Path is where a file of the folder lies.
func (f Folder) Path(name string) string { return filepath.Join(f.dir, name) }

// formats are what a document is written as.
var formats = []struct {
	extension string
	write     func(io.Writer, Document) error
}{
	{".html", WriteHTML},
	{".json", func(w io.Writer, d Document) error { return d.WriteJSON(w) }},
	{".xml", WriteJUnit},
}

// Clear removes the reports of that name: where a run does not come to its end, whoever looks finds those of no other run.
func (f Folder) Clear(name string) error {
	for _, format := range formats {
		if err := os.Remove(f.Path(name + format.extension)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the report of an earlier run cannot be removed: %w; name another folder with --out", err)
		}
	}
	return nil
}

// Save writes the document as name.html, name.json and name.xml (JUnit), each as a whole or not at all.
func (f Folder) Save(name string, d Document) error {
	var texts [][]byte
	for _, format := range formats {
		var text bytes.Buffer
		if err := format.write(&text, d); err != nil {
			return err
		}
		texts = append(texts, text.Bytes())
	}
	for i, format := range formats {
		if err := f.put(name+format.extension, texts[i]); err != nil {
			return fmt.Errorf("the report cannot be written: %w; name another folder with --out", err)
		}
	}
	return nil
}

// put writes a file beside its place and moves it there.
func (f Folder) put(name string, text []byte) error {
	draft, err := os.CreateTemp(f.dir, ".draft-*")
	if err != nil {
		return err
	}
	_, err = draft.Write(text)
	if err = errors.Join(err, draft.Chmod(0o644), draft.Close()); err == nil {
		err = os.Rename(draft.Name(), f.Path(name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(draft.Name()))
	}
	return nil
}
