package cli

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/certify"
	"countersign/conformance/profiles"
	"countersign/conformance/replay"
	"countersign/reports"
	"countersign/reports/evidence"
)

// The files that stand beside a report.
const (
	evidenceFile   = "report.evidence.json"
	transcriptFile = "report.transcript.jsonl"
)

// proof is what check leaves besides its reports, so that others need not take its word: a transcript, and evidence that is signed.
type proof struct {
	wanted             bool
	keyFile, recording string

	key      ed25519.PrivateKey
	recorder *replay.Recorder
	// draft takes the transcript until all of it is written, beside its place at recording, and spool the checks that are over until then.
	draft, spool *os.File
}

// flags adds those of the proof.
func (pr *proof) flags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&pr.wanted, "evidence", false, "write a transcript and "+evidenceFile+", signed with --key")
	f.StringVar(&pr.keyFile, "key", "", "private key to sign evidence with, as `key new` makes it")
	f.StringVar(&pr.recording, "recording", "", "file for the transcript, which holds secrets (default, with --evidence: "+transcriptFile+" beside the report)")
}

// begin finds out before the run whether all can be written, and has the job recorded. The error is a *certify.UsageError.
func (pr *proof) begin(folder reports.Folder, job *certify.Job) error {
	switch {
	case pr.wanted && pr.keyFile == "":
		return &certify.UsageError{Problem: "evidence is signed: name a private key with --key; `countersign key new FILE` makes one"}
	case !pr.wanted && pr.keyFile != "":
		return &certify.UsageError{Problem: "--key signs evidence: say --evidence too, or leave it out"}
	case !pr.wanted && pr.recording == "":
		return nil
	}
	if pr.wanted {
		var err error
		if pr.key, err = privateKey(pr.keyFile); err != nil {
			return err
		}
		pr.recording = cmp.Or(pr.recording, folder.Path(transcriptFile))
	}
	if info, err := os.Stat(pr.recording); err == nil && !info.Mode().IsRegular() {
		return &certify.UsageError{Problem: fmt.Sprintf("the transcript cannot be written: %s is no file; name one with --recording", pr.recording)}
	}
	for _, file := range []**os.File{&pr.draft, &pr.spool} {
		var err error
		if *file, err = os.CreateTemp(filepath.Dir(pr.recording), ".transcript-*"); err != nil { // for its owner only: it holds secrets
			return unwritten("transcript", err)
		}
	}
	for _, stale := range []string{transcriptFile, evidenceFile} { // of an earlier run, whose reports are gone too
		if err := os.Remove(folder.Path(stale)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unwritten("transcript", err)
		}
	}
	pr.recorder = &replay.Recorder{Secrets: job.Config.Secrets, Spool: pr.spool}
	job.Wrap = pr.recorder.Wrap
	return nil
}

// unwritten says that a file of the proof is not there.
func unwritten(what string, err error) error {
	return &certify.UsageError{Problem: fmt.Sprintf("the %s cannot be written: %v; name another file with --recording, or another folder with --out", what, err)}
}

// drop takes away the spool, and a transcript that was not finished.
func (pr *proof) drop() {
	for _, file := range []*os.File{pr.draft, pr.spool} {
		if file != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}
}

// finish writes the transcript, and the evidence of it and of the report that stands in the folder. It gives the files that it has written.
func (pr *proof) finish(folder reports.Folder, job certify.Job, report conformance.Report) ([]string, error) {
	if pr.recorder == nil {
		return nil, nil
	}
	if err := pr.transcribe(report); err != nil {
		return nil, err
	}
	written := []string{pr.recording}
	if !pr.wanted {
		return written, nil
	}
	files, err := pr.named(folder, report)
	if err != nil {
		return written, err
	}
	statement, err := evidence.Make(evidence.Case{Attempts: []conformance.Report{report}, Config: job.Config, Files: files})
	if err != nil {
		return written, err
	}
	sealed, err := evidence.Seal(statement, pr.key)
	if err != nil {
		return written, err
	}
	if err := os.WriteFile(folder.Path(evidenceFile), sealed, 0o644); err != nil {
		return written, unwritten("evidence", err)
	}
	return append(written, folder.Path(evidenceFile)), nil
}

func (pr *proof) transcribe(report conformance.Report) error {
	err := pr.recorder.Recording(report).Write(pr.draft)
	if err = errors.Join(err, pr.draft.Close()); err == nil {
		err = os.Rename(pr.draft.Name(), pr.recording)
	}
	if err != nil {
		return unwritten("transcript", err)
	}
	pr.draft = nil
	return nil
}

// named are the files that the evidence pins down.
func (pr *proof) named(folder reports.Folder, report conformance.Report) ([]evidence.File, error) {
	running, err := thisProgram()
	if err != nil {
		return nil, err
	}
	files := []evidence.File{running}
	for name, path := range map[string]string{evidence.Transcript: pr.recording, evidence.Report: folder.Path("report.json")} {
		f, err := fileNamed(name, path)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	judgedBy, err := documents(report)
	return append(files, judgedBy...), err
}

// thisProgram takes the digest of the program that runs.
func thisProgram() (evidence.File, error) {
	path, err := os.Executable()
	if err != nil {
		return evidence.File{}, fmt.Errorf("the program does not know where it lies, so that its digest cannot be taken: %w", err)
	}
	return fileNamed(evidence.Binary, path)
}

// fileNamed takes a file's digest.
func fileNamed(name, path string) (evidence.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return evidence.File{}, &certify.UsageError{Problem: fmt.Sprintf("the %s cannot be read: %v", name, err)}
	}
	defer f.Close()
	file, err := evidence.NewFile(name, f)
	if err != nil {
		return evidence.File{}, usage(err)
	}
	return file, nil
}

// documents are the profiles and catalogues that the checks of a report judge by, as they are built into this program.
func documents(report conformance.Report) ([]evidence.File, error) {
	var names []string
	for _, r := range report.Results {
		if flow, ok := catalog.FlowOf(r.Requirement.ID); ok && !slices.Contains(names, flow) {
			names = append(names, flow)
		}
	}
	var files []evidence.File
	for _, flow := range names {
		own, err := documentsOf(flow)
		if err != nil {
			return nil, err
		}
		files = append(files, own...)
	}
	return files, nil
}

// documentsOf are the profile and the catalogue of a flow.
func documentsOf(flow string) ([]evidence.File, error) {
	var files []evidence.File
	for _, document := range []struct {
		name string
		text func(string) ([]byte, bool)
	}{{evidence.Profile, profiles.Text}, {evidence.Catalogue, catalog.Text}} {
		content, ok := document.text(flow)
		if !ok {
			return nil, fmt.Errorf("there is no %s of the flow %s in this program", document.name, flow)
		}
		f, err := evidence.NewFile(document.name+" "+flow, bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}
