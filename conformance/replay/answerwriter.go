package replay

import (
	"bytes"
	"crypto/tls"
	"net/http"
)

// answerWriter keeps the answer of a party until it is recorded or compared.
type answerWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newAnswerWriter() *answerWriter { return &answerWriter{header: http.Header{}} }

// Header implements http.ResponseWriter.
func (w *answerWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *answerWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *answerWriter) answer() *Answer {
	w.WriteHeader(http.StatusOK)
	return &Answer{Status: w.status, Header: fields(w.header), Body: bytes.Clone(w.body.Bytes()), Length: int64(w.body.Len())}
}

// send gives the answer to whoever asked.
func (a *Answer) send(w http.ResponseWriter) {
	for _, f := range a.Header {
		w.Header()[string(f.Name)] = append(w.Header()[string(f.Name)], string(f.Value))
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // whoever asked may have left
}

// secure stands for a TLS connection of which nothing else is known.
func secure() *tls.ConnectionState { return &tls.ConnectionState{HandshakeComplete: true} }
