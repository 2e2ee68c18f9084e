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
	"time"

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
	// spool takes the checks that are over, beside the place of the transcript, until that is written.
	spool *os.File
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
	pr.sweep()
	var err error
	if pr.spool, err = pr.temporary(); err != nil {
		return unwritten("transcript", err)
	}
	_ = os.Remove(pr.spool.Name()) // a run that is killed leaves none of its secrets; where an open file cannot be removed, drop does it
	pr.recorder = &replay.Recorder{Secrets: job.Config.Secrets, Spool: pr.spool}
	job.Wrap = pr.recorder.Wrap
	return nil
}

// unwritten says that a file of the proof is not there.
func unwritten(what string, err error) error {
	return &certify.UsageError{Problem: fmt.Sprintf("the %s cannot be written: %v; name another file with --recording, or another folder with --out", what, err)}
}

// unfinished is the pattern of the names of files that a transcript is made of, which nobody else gives.
const unfinished = ".countersign-transcript-*"

// temporary makes a file beside the place of the transcript, for its owner only: it is going to hold secrets.
func (pr *proof) temporary() (*os.File, error) {
	return os.CreateTemp(filepath.Dir(pr.recording), unfinished)
}

// sweep takes away the files that runs have left that were killed: those that nobody has written to for long.
func (pr *proof) sweep() {
	dir := filepath.Dir(pr.recording)
	left, _ := fs.Glob(os.DirFS(dir), unfinished) // the pattern is good
	for _, name := range left {
		path := filepath.Join(dir, name)
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(path)
		}
	}
}

// drop takes away the spool.
func (pr *proof) drop() {
	if pr.spool != nil {
		_ = pr.spool.Close()
		_ = os.Remove(pr.spool.Name())
	}
}

// giveWay takes away the report of an earlier run, and what proves it, where the report that is to come has its name.
func giveWay(folder reports.Folder, name string) error {
	if name == "report" { // another attempt leaves the one that it repeats, and its proof
		for _, file := range []string{transcriptFile, evidenceFile} {
			if err := os.Remove(folder.Path(file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("the evidence of an earlier run cannot be removed: %w; name another folder with --out", err)
			}
		}
	}
	return folder.Clear(name)
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
	draft, err := pr.temporary()
	if err != nil {
		return unwritten("transcript", err)
	}
	err = pr.recorder.Recording(report).Write(draft)
	if err = errors.Join(err, draft.Close()); err == nil {
		err = os.Rename(draft.Name(), pr.recording)
	}
	if err != nil {
		_ = os.Remove(draft.Name())
		return unwritten("transcript", err)
	}
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
