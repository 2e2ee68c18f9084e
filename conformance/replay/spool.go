package replay

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"countersign/conformance"
)

// Spool takes the steps of checks that are over, so that the memory of a run does not grow with what its target sends. It holds secrets.
type Spool interface {
	io.Writer
	io.ReaderAt
}

// shelf is where a Spool has the steps of one check: so many lines.
type shelf struct {
	lines *io.SectionReader
	count int
}

// shelve moves the steps of a check that is over to the spool, where there is one. What cannot be kept is told by Recording.Write.
func (r *Recorder) shelve(over *run) {
	if r.Spool == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	size := &tally{w: r.Spool}
	buffered := bufio.NewWriter(size)
	err := errors.Join(writeSteps(buffered, over.steps), buffered.Flush())
	over.shelf = &shelf{io.NewSectionReader(r.Spool, r.spooled, size.n), len(over.steps)}
	over.steps = nil
	r.spooled += size.n
	if r.lost == nil {
		r.lost = err
	}
}

// copyTo writes the lines.
func (s *shelf) copyTo(w io.Writer) error {
	_, err := io.Copy(w, io.NewSectionReader(s.lines, 0, s.lines.Size()))
	return err
}

// writeSteps writes steps, a line each.
func writeSteps(w io.Writer, steps []Step) error {
	lines := newLines(w)
	for _, s := range steps {
		if err := lines.Encode(s); err != nil {
			return err
		}
	}
	return nil
}

// newLines writes values as lines of a recording.
func newLines(w io.Writer) *json.Encoder {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	return lines
}

// tally counts what is written.
type tally struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (t *tally) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.n += int64(n)
	return n, err
}

// mostUnread is how many requests of which a party reads nothing are recorded in one check. A session that has had too much of its target refuses all further
// ones unread, and a target may send any number of them: nothing comes of those that are left out.
const mostUnread = 256

// ahead is the body of a request that is read before its party has a turn. It breaks off where all those that wait have more bytes than a session takes in
// all: when they have had their turns, the check has failed for it.
type ahead struct {
	io.Reader
	waiting *atomic.Int64
	own     int64
}

var errAhead = fmt.Errorf("the target sends more than %d bytes before it has an answer", conformance.MaxCheck)

// Read implements io.Reader.
func (a *ahead) Read(p []byte) (int, error) {
	const most = 32 << 10 // by which each of those that read at the same time may overdo it
	if a.waiting.Load() > conformance.MaxCheck {
		return 0, errAhead
	}
	n, err := a.Reader.Read(p[:min(len(p), most)])
	a.own += int64(n)
	a.waiting.Add(int64(n))
	return n, err
}

// taken says that the party has its turn.
func (a *ahead) taken() { a.waiting.Add(-a.own) }

// watched is a body of which the recording keeps what was read, so that the recorder holds no more of a target than the session does.
type watched struct {
	io.ReadCloser
	asked  bool
	read   int
	closed func() // may be nil
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	w.asked = true
	n, err := w.ReadCloser.Read(p)
	w.read += n
	return n, err
}

// Close implements io.Closer.
func (w *watched) Close() error {
	if w.closed != nil {
		w.closed()
	}
	return w.ReadCloser.Close()
}
