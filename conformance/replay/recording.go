package replay

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/redact"
)

// RecordingFormat names the format and version of a recording.
const RecordingFormat = "countersign/recording@1"

// Recording is a whole run.
type Recording struct {
	Format string `json:"format"`
	// Profile, Level, Seed, Target and Defect are those of the report.
	Profile string `json:"profile"`
	Level   string `json:"level"`
	Seed    uint64 `json:"seed"`
	Target  string `json:"target"`
	Defect  string `json:"defect,omitempty"`
	// Secrets are those of the configuration, which the report calls by their places.
	Secrets []Secret `json:"secrets,omitempty"`
	// Checks are in the order of their names.
	Checks []Record `json:"-"`

	lost error // why steps are missing
}

// Secret is a conformance.Secret.
type Secret struct {
	Place string `json:"place"`
	Value Text   `json:"value"`
}

// Record is one check: what it met, and what came of it.
type Record struct {
	Check string `json:"check"`
	// URL and Setup are the target's, Setup in the form of the check's flow.
	URL   string          `json:"url,omitempty"`
	Setup json.RawMessage `json:"setup,omitempty"`
	// Run names the run in the names of what its checks made.
	Run   string        `json:"run,omitempty"`
	Names []redact.Name `json:"names,omitempty"`
	// Unopened is why the check could not begin; Broken why its surroundings broke.
	Unopened Text    `json:"unopened,omitempty"`
	Broken   Text    `json:"broken,omitempty"`
	Outcome  Outcome `json:"outcome"`
	// Repro is the command of the report that runs the check again.
	Repro string `json:"repro,omitempty"`
	// Steps are empty where the Recorder has a Spool, which holds them until they are written.
	Steps []Step `json:"-"`

	shelf *shelf // nil: there are Steps
}

// Outcome is what came of a check.
type Outcome struct {
	Verdict conformance.Verdict  `json:"verdict"`
	Reason  Text                 `json:"reason,omitempty"`
	Failure *conformance.Failure `json:"failure,omitempty"`
	// Exchanges is the SHA-256, in hexadecimal digits, of the check's exchanges as they stand in the report.
	Exchanges string `json:"exchanges_sha256"`
}

// OutcomeOf sums a result up.
func OutcomeOf(r conformance.Result) Outcome {
	text, err := json.Marshal(append([]conformance.Exchange{}, r.Exchanges...))
	if err != nil {
		panic(fmt.Sprintf("exchanges are texts and numbers, and yet: %v", err))
	}
	sum := sha256.Sum256(text)
	return Outcome{Verdict: r.Verdict, Reason: Text(r.Reason), Failure: r.Failure, Exchanges: hex.EncodeToString(sum[:])}
}

// Recording gives what was recorded of the checks of a report, when all of them have ended.
func (r *Recorder) Recording(report conformance.Report) Recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	results := map[string]conformance.Result{}
	for _, result := range report.Results {
		results[result.Check] = result
	}
	all := Recording{
		Format: RecordingFormat, Profile: report.Profile, Level: cmp.Or(report.Level, string(catalog.Hardened)), Seed: report.Seed, Target: report.Target, Defect: report.Defect,
		lost: r.lost,
	}
	for _, s := range r.Secrets {
		all.Secrets = append(all.Secrets, Secret{s.Place, Text(s.Value)})
	}
	for _, kept := range r.runs {
		result, reported := results[kept.check.Name()]
		if !reported {
			continue
		}
		record := Record{
			Check: result.Check, URL: kept.target.URL, Setup: kept.setup, Run: kept.target.Run, Names: kept.names, Outcome: OutcomeOf(result), Repro: result.Repro, Steps: kept.steps, shelf: kept.shelf,
		}
		if kept.unopened != nil {
			record.Unopened = Text(kept.unopened.Error())
		}
		if kept.broken != nil {
			record.Broken = Text(kept.broken.Error())
		}
		all.Checks = append(all.Checks, record)
	}
	slices.SortStableFunc(all.Checks, func(a, b Record) int { return cmp.Compare(a.Check, b.Check) })
	return all
}

// The lines of a recording besides steps.
type (
	head struct {
		Recording
		Count int `json:"checks"`
	}
	recordHead struct {
		Record
		Count int `json:"steps"`
	}
	seal struct {
		SHA256 string `json:"sha256"`
	}
)

// Write writes the recording: one line that says what it is, a line and its steps for each check, and the SHA-256 of all that.
func (r Recording) Write(w io.Writer) error {
	hash := sha256.New()
	buffered := bufio.NewWriter(io.MultiWriter(w, hash))
	lines := newLines(buffered)
	err := errors.Join(r.lost, lines.Encode(head{r, len(r.Checks)}))
	for _, c := range r.Checks {
		if c.shelf != nil {
			err = errors.Join(err, lines.Encode(recordHead{c, c.shelf.count}), c.shelf.copyTo(buffered))
		} else {
			err = errors.Join(err, lines.Encode(recordHead{c, len(c.Steps)}), writeSteps(buffered, c.Steps))
		}
	}
	if err = errors.Join(err, buffered.Flush()); err != nil {
		return fmt.Errorf("the recording cannot be written: %w", err)
	}
	return json.NewEncoder(w).Encode(seal{hex.EncodeToString(hash.Sum(nil))})
}

// ReadError says why a file is no recording.
type ReadError struct {
	// Line is counted from 1; 0 for the file as a whole.
	Line int
	What string
}

func (e *ReadError) Error() string {
	if e.Line == 0 {
		return "the recording " + e.What
	}
	return fmt.Sprintf("line %d of the recording %s", e.Line, e.What)
}

// Read reads what Write wrote. A file that is not, to the last byte, what was written is a *ReadError.
func Read(r io.Reader) (Recording, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return Recording{}, fmt.Errorf("the recording cannot be read: %w", err)
	}
	end := bytes.LastIndexByte(bytes.TrimSuffix(text, []byte("\n")), '\n') + 1
	sum := sha256.Sum256(text[:end])
	want, err := json.Marshal(seal{hex.EncodeToString(sum[:])})
	if err != nil || !bytes.Equal(text[end:], append(want, '\n')) {
		return Recording{}, &ReadError{0, "does not end with the SHA-256 of its other lines, so it was cut or changed after it was written"}
	}
	d := decoder{lines: bytes.SplitAfter(text[:end], []byte("\n"))}
	var first head
	d.decode(&first)
	if d.err == nil && first.Format != RecordingFormat {
		d.err = &ReadError{1, fmt.Sprintf("has the format %q and not %s, the only one that this version reads", first.Format, RecordingFormat)}
	}
	all := first.Recording
	for range first.Count {
		var c recordHead
		d.decode(&c)
		for range c.Count {
			var s Step
			d.decode(&s)
			if d.err != nil {
				return Recording{}, d.err
			}
			c.Steps = append(c.Steps, s)
		}
		all.Checks = append(all.Checks, c.Record)
		if d.err != nil {
			return Recording{}, d.err
		}
	}
	if d.err == nil && d.at < len(d.lines) && len(d.lines[d.at]) > 0 {
		d.err = &ReadError{d.at + 1, "comes after the last step of the last check"}
	}
	return all, d.err
}

// decoder reads line after line until the first error.
type decoder struct {
	lines [][]byte
	at    int
	err   error
}

func (d *decoder) decode(into any) {
	if d.err != nil {
		return
	}
	d.at++
	if d.at > len(d.lines) {
		d.err = &ReadError{d.at, "is missing"}
		return
	}
	strict := json.NewDecoder(bytes.NewReader(d.lines[d.at-1]))
	strict.DisallowUnknownFields()
	if err := strict.Decode(into); err != nil {
		d.err = &ReadError{d.at, fmt.Sprintf("is not what stands there in a recording: %v", err)}
	}
}
