package adversary

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"countersign/conformance/catalog"
	"countersign/sim/explore"
)

const journalFormat = "countersign/explore@3"

// page is what a journal holds.
type page struct {
	Format string           `json:"format"`
	Hunt   itinerary        `json:"hunt"`
	Begun  explore.Frontier `json:"begun"`
}

// itinerary spells what is hunted; another hunt does not go on from here.
type itinerary struct {
	Flow     string        `json:"flow"`
	Level    catalog.Level `json:"level"`
	Lifted   []catalog.ID  `json:"lifted"`
	Attacker Attacker      `json:"attacker"`
	Scene    string        `json:"scene"`
	Moves    int           `json:"moves"`
	Switches int           `json:"switches"`
	Sessions int           `json:"sessions"`
	Faults   bool          `json:"faults"`
	Seed     uint64        `json:"seed"`
	Breaks   string        `json:"breaks,omitempty"`
	// RandomMoves and RandomSwitches are as the hunt has them.
	RandomMoves    int    `json:"random_moves,omitempty"`
	RandomSwitches int    `json:"random_switches,omitempty"`
	Changed        bool   `json:"changed,omitempty"`
	Program        string `json:"program"`
}

// JournalError says why a journal cannot be used.
type JournalError struct{ Problem string }

func (e *JournalError) Error() string { return e.Problem }

// resume gives the search what the journal holds, if there is one, and has it save there.
func (h Hunt) resume(s explore.Search) (explore.Search, error) {
	if h.Journal == "" {
		return s, nil
	}
	own := itinerary{
		h.Flow.Name, h.Level, append([]catalog.ID{}, h.Lifted...), h.Attacker, h.Scene, h.Moves, h.Switches, h.Sessions, h.Faults, h.Seed, h.Breaks,
		h.RandomMoves, h.RandomSwitches, h.Flow.changed, h.Program,
	}
	written := 0
	s.Save = func(f explore.Frontier) error {
		// A journal grows with the search. To write ten points costs less than a hundredth of a run, so that this takes a small part of the time;
		// what a crash loses is as small a part of it.
		const least = 1200
		if f.Stats.Runs-written < max(least, f.Size()/10) {
			return nil
		}
		written = f.Stats.Runs
		return writeJournal(h.Journal, page{journalFormat, own, f})
	}
	s.Stopped = func(f explore.Frontier) error { return writeJournal(h.Journal, page{journalFormat, own, f}) }
	text, err := os.ReadFile(h.Journal)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, &JournalError{fmt.Sprintf("the journal cannot be read: %v", err)}
	}
	var kept page
	if err := json.Unmarshal(text, &kept); err != nil || kept.Format != journalFormat {
		return s, &JournalError{h.Journal + " is no journal of an exploration; name another file"}
	}
	if kept.Hunt.Program != own.Program {
		return s, &JournalError{h.Journal + " was begun by another program, in which runs may go otherwise; go on with that one, or remove the journal"}
	}
	was, err := json.Marshal(kept.Hunt)
	if err != nil {
		return s, err
	}
	is, err := json.Marshal(own)
	if err != nil {
		return s, err
	}
	if string(was) != string(is) {
		return s, &JournalError{fmt.Sprintf("%s is the journal of another exploration, %s; name another file, or remove it", h.Journal, was)}
	}
	s.Begun, written = &kept.Begun, kept.Begun.Stats.Runs
	return s, nil
}

// writeJournal replaces the file as a whole, so that whoever is stopped in the midst of it leaves the former one.
func writeJournal(path string, content any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".explore-*")
	if err != nil {
		return &JournalError{fmt.Sprintf("the journal cannot be written: %v", err)}
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return &JournalError{fmt.Sprintf("the journal cannot be written: %v", errors.Join(err, os.Remove(file.Name())))}
	}
	return nil
}
