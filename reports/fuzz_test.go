package reports_test

import (
	"bytes"
	"errors"
	"testing"

	"countersign/reports"
)

// FuzzReadJSON reads report documents: what is wrong with one is said with its place, and what is taken is written so that it reads alike, in every format.
func FuzzReadJSON(f *testing.F) {
	var whole bytes.Buffer
	if err := only("pass").WriteJSON(&whole); err != nil {
		f.Fatal(err)
	}
	f.Add(whole.Bytes())
	f.Add(bytes.Replace(whole.Bytes(), []byte("pass"), []byte("fail"), 1))
	f.Add([]byte(`{"format":"countersign/report-document@1","format":1}`))
	f.Add([]byte(`[[[[{"a":{"a":1,"a":2}}]]]]`))
	f.Add([]byte("\ufeff{}"))
	f.Add([]byte(`{"checks":1e999}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := reports.ReadJSON(bytes.NewReader(text))
		if err != nil {
			var wrong *reports.DocumentError
			if !errors.As(err, &wrong) {
				t.Fatalf("%q gives an untyped error: %v", text, err)
			}
			return
		}
		var once, twice bytes.Buffer
		if err := d.WriteJSON(&once); err != nil {
			t.Fatal(err)
		}
		again, err := reports.ReadJSON(bytes.NewReader(once.Bytes()))
		if err == nil {
			err = again.WriteJSON(&twice)
		}
		if err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Errorf("%s and %s: %v", &once, &twice, err)
		}
		for _, format := range reports.Formats() {
			if err := format.Write(&bytes.Buffer{}, d); err != nil {
				t.Errorf("%s: %v", format.Name, err)
			}
		}
	})
}
