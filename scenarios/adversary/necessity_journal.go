package adversary

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"countersign/conformance/catalog"
)

const necessityFormat = "countersign/necessity@1"

// necessityPage is what the journal of a table holds.
type necessityPage struct {
	Format  string `json:"format"`
	Program string `json:"program"`
	Doubt   bool   `json:"doubt"`
	Table   Table  `json:"table"`
	// Written is the catalogue of attacks and of reasons by which the table was made.
	Written string `json:"written"`
	// Deciding are, for each rung that was surveyed and by the name of the world, the requirements whose guards decide anything there.
	Deciding []map[string][]catalog.ID `json:"deciding"`
}

func (p necessityPage) need(id catalog.ID) (Need, bool) {
	i := slices.IndexFunc(p.Table.Needs, func(n Need) bool { return n.Requirement == id })
	if i < 0 {
		return Need{}, false
	}
	return p.Table.Needs[i], true
}

// open reads the journal, or begins one.
func (n Necessity) open(t Table) (necessityPage, error) {
	begun := necessityPage{Format: necessityFormat, Program: n.Program, Doubt: n.Doubt, Table: t, Written: n.written()}
	if n.Journal == "" {
		return begun, nil
	}
	text, err := os.ReadFile(n.Journal)
	if errors.Is(err, fs.ErrNotExist) {
		return begun, nil
	}
	if err != nil {
		return begun, &JournalError{fmt.Sprintf("the journal cannot be read: %v", err)}
	}
	var kept necessityPage
	if err := json.Unmarshal(text, &kept); err != nil || kept.Format != necessityFormat {
		return begun, &JournalError{n.Journal + " is no journal of a table of necessity; name another file"}
	}
	if kept.Program != begun.Program {
		return begun, &JournalError{n.Journal + " was begun by another program, in which runs may go otherwise; go on with that one, or remove the journal"}
	}
	if kept.Written != begun.Written {
		return begun, &JournalError{n.Journal + " was begun with other catalogues of attacks or reasons; name another file, or remove it"}
	}
	if kept.Doubt != n.Doubt || kept.Table.Flow != t.Flow || kept.Table.Seed != t.Seed || !slices.Equal(kept.Table.Rungs, t.Rungs) {
		return begun, &JournalError{fmt.Sprintf("%s is the journal of another table, of the flow %s with other bounds or another seed; name another file, or remove it", n.Journal, kept.Table.Flow)}
	}
	return kept, nil
}

// written is the digest of what is written down of the flow's attacks and reasons.
func (n Necessity) written() string {
	h := sha256.New()
	for _, text := range [][]byte{textOf(knownFiles, "attacks/"+n.Flow.Name+".yaml"), textOf(reasonsFiles, "reasons/"+n.Flow.Name+".yaml")} {
		h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (n Necessity) save(p necessityPage) error {
	if n.Journal == "" {
		return nil
	}
	return writeJournal(n.Journal, p)
}

// record takes down which guards decide anything in runs that may be played side by side.
type record struct {
	mu    sync.Mutex
	asked map[catalog.ID]bool
}

func (r *record) add(asked map[catalog.ID]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		r.asked = map[catalog.ID]bool{}
	}
	maps.Copy(r.asked, asked)
}

func (r *record) sorted() []catalog.ID { return slices.Sorted(maps.Keys(r.asked)) }
