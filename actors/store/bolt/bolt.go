// Package bolt is a store in one file, for live servers: what was committed survives the death of the process at any moment.
package bolt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"countersign/actors/store"
)

// Store is a store.Store in a file. Transactions that wait while another is written to the disk are written together after it,
// so that many callers share the cost of one commit.
type Store struct {
	path string
	db   *bbolt.DB

	turn sync.Mutex // held by the caller that runs transactions, until they are on the disk

	mu      sync.Mutex
	waiting []*transaction
}

// FileError says why the file of a store cannot be used.
type FileError struct {
	Path string
	Err  error
	mend string // what to do about it
}

func (e *FileError) Error() string {
	return fmt.Sprintf("the store %s cannot be used: %v%s", e.Path, e.Err, e.mend)
}

// Unwrap gives the cause.
func (e *FileError) Unwrap() error { return e.Err }

// ErrLocked is the cause when another process has the file open, ErrDamaged when its content is not that of a whole store.
var (
	ErrLocked  = errors.New("another process has it open")
	ErrDamaged = errors.New("it is damaged, or no store")
)

// root is the one bucket of the file; a store's buckets are prefixes in it, so that there may be millions and an empty one leaves nothing.
var root = []byte("countersign")

// patience is how long a lock is waited for: a server that is started anew finds the one before it still ending.
const patience = time.Second

// Open opens the store in a file, and makes the file, readable by its owner only, where there is none. It reads the store once to be sure that it is
// whole. The error is a *FileError.
func Open(path string) (s *Store, err error) {
	// a page that lies beyond the end of a file cut short is a fault of memory
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var db *bbolt.DB
	defer func() {
		if v := recover(); v != nil {
			s, err = nil, unusable(path, fmt.Errorf("%w: %v", ErrDamaged, v))
		}
		if err != nil && db != nil {
			_ = db.Close() // why it cannot be used is known, and says more
		}
	}()
	db, err = bbolt.Open(path, 0o600, &bbolt.Options{Timeout: patience, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, unusable(path, err)
	}
	if err := db.View(func(tx *bbolt.Tx) error { return whole(path, tx) }); err != nil {
		return nil, unusable(path, err)
	}
	return &Store{path: path, db: db}, nil
}

func unusable(path string, err error) error {
	var whole *fs.PathError
	switch {
	case errors.As(err, &whole):
		return &FileError{path, whole.Err, "; name a file in a folder that is there and may be written to"}
	case errors.Is(err, bolterrors.ErrTimeout):
		return &FileError{path, ErrLocked, "; stop it, or name another file"}
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if errors.Is(err, ErrDamaged) {
		return &FileError{path, err, "; put back a copy, or remove it to begin with an empty one"}
	}
	return &FileError{Path: path, Err: err}
}

// whole reads all that a file holds.
func whole(path string, tx *bbolt.Tx) error {
	file, err := os.Stat(path)
	if err != nil {
		return err
	}
	if file.Size() < tx.Size() {
		return fmt.Errorf("%w: of %d bytes only %d are there", ErrDamaged, tx.Size(), file.Size())
	}
	records := tx.Bucket(root)
	if records == nil {
		return nil
	}
	return records.ForEach(func(key, value []byte) error {
		if !json.Valid(value) {
			return fmt.Errorf("%w: the value under %q is no JSON", ErrDamaged, key)
		}
		return nil
	})
}

// Close gives the file back. Transactions under way end first.
func (s *Store) Close() error { return s.db.Close() }

// transaction is a function that waits to be run.
type transaction struct {
	run      func(store.Tx) error
	failed   error // what it returned
	panicked any
	taken    bool  // by somebody who had the turn
	err      error // how it ended
}

var errAbandoned = errors.New("store: the transaction was abandoned with another that was to be written beside it")

// Update implements store.Store. What f did is on the disk when it returns.
func (s *Store) Update(f func(store.Tx) error) error {
	own := &transaction{run: f, err: errAbandoned}
	s.mu.Lock()
	s.waiting = append(s.waiting, own)
	s.mu.Unlock()
	s.finish(own)
	if own.panicked != nil {
		panic(own.panicked)
	}
	return own.err
}

// finish waits until it is the transaction's turn. By then it is done, or it is done now, with all that wait beside it.
func (s *Store) finish(own *transaction) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if own.taken {
		return
	}
	s.mu.Lock()
	group := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	for _, t := range group {
		t.taken = true
	}
	err := s.commit(group)
	if err != nil {
		err = fmt.Errorf("store: writing %s: %w", s.path, err)
	}
	for _, t := range group {
		if t.err = t.failed; t.failed == nil {
			t.err = err
		}
	}
}

// commit runs the transactions one after the other, and makes durable what those did that succeeded.
func (s *Store) commit(group []*transaction) error {
	disk, err := s.db.Begin(true)
	if err != nil {
		return err
	}
	defer func() { _ = disk.Rollback() }() // without effect once all is committed
	records, err := disk.CreateBucketIfNotExists(root)
	if err != nil {
		return err
	}
	changed := false
	for _, t := range group {
		tx := &boltTx{records: records}
		if t.within(tx) {
			changed = changed || len(tx.before) > 0
		} else if err := tx.rollBack(); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return disk.Commit()
}

// within runs the transaction and reports whether it succeeded. A panic is kept for the one who asked for it.
func (t *transaction) within(tx *boltTx) bool {
	defer func() { t.panicked = recover() }()
	t.failed = errAbandoned // by a panic
	t.failed = t.run(tx)
	return t.failed == nil
}
