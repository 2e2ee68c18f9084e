package reports

import (
	"bytes"
	"fmt"
	"io"
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

// Save writes the document as name.html, name.json and name.xml (JUnit).
func (f Folder) Save(name string, d Document) error {
	for _, format := range []struct {
		extension string
		write     func(io.Writer, Document) error
	}{
		{".html", WriteHTML},
		{".json", func(w io.Writer, d Document) error { return d.WriteJSON(w) }},
		{".xml", WriteJUnit},
	} {
		var text bytes.Buffer
		if err := format.write(&text, d); err != nil {
			return err
		}
		if err := os.WriteFile(f.Path(name+format.extension), text.Bytes(), 0o644); err != nil {
			return fmt.Errorf("the report cannot be written: %w; name another folder with --out", err)
		}
	}
	return nil
}
