package scenarios

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Journal keeps in a file how far a sweep is, so that one that was stopped goes on.
type Journal struct{ Path string }

// page is what the file holds.
type page struct {
	Format string `json:"format"`
	// Sweep is what is swept; another sweep does not go on from here.
	Sweep itinerary `json:"sweep"`
	Found Swept     `json:"found"`
}

// itinerary spells what a sweep plays.
type itinerary struct {
	Scenarios []string `json:"scenarios"`
	Levels    []string `json:"levels"`
	From      uint64   `json:"from"`
	Seeds     int      `json:"seeds"`
	Faults    []string `json:"faults"`
}

const journalFormat = "countersign/sweep@1"

func (s Sweep) itinerary() itinerary {
	p := s.programme()
	i := itinerary{From: p.From, Seeds: p.Seeds, Faults: []string{}}
	for _, scenario := range p.Scenarios {
		i.Scenarios = append(i.Scenarios, scenario.Name)
	}
	for _, level := range p.Levels {
		i.Levels = append(i.Levels, string(level))
	}
	for _, f := range p.Faults {
		i.Faults = append(i.Faults, f.String())
	}
	return i
}

// Resume gives the sweep what the file holds, if there is a file, and has it save there. The error says what is
// wrong with the file: that it cannot be read, is no journal, or that of another sweep.
func (j Journal) Resume(s Sweep) (Sweep, error) {
	own := s.itinerary()
	s.Save = func(found Swept) error { return j.write(page{journalFormat, own, found}) }
	text, err := os.ReadFile(j.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, s.Save(Swept{}) // so that a file that cannot be written is told of now, and not after the first worlds
	}
	if err != nil {
		return s, fmt.Errorf("the journal cannot be read: %w", err)
	}
	var kept page
	if err := json.Unmarshal(text, &kept); err != nil || kept.Format != journalFormat {
		return s, fmt.Errorf("%s is no journal of a sweep; name another file", j.Path)
	}
	if same, err := equal(kept.Sweep, own); err != nil || !same {
		return s, fmt.Errorf("%s is the journal of another sweep: %d scenarios from seed %d on; name another file, or remove it", j.Path, len(kept.Sweep.Scenarios), kept.Sweep.From)
	}
	s.Begun = kept.Found
	return s, nil
}

func equal(a, b itinerary) (bool, error) {
	left, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	right, err := json.Marshal(b)
	return string(left) == string(right), err
}

// write replaces the file as a whole, so that whoever is stopped in the midst of it leaves the former one.
func (j Journal) write(p page) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(j.Path), ".sweep-*")
	if err != nil {
		return fmt.Errorf("the journal cannot be written: %w", err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), j.Path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("the journal cannot be written: %w", err), os.Remove(file.Name()))
	}
	return nil
}
