package stage

import (
	"encoding/json"
	"fmt"

	"countersign/actors/store"
	"countersign/sim"
)

// watched tells of every change to a store, if somebody wants to know.
func (st *Stage) watched(h *sim.Host, s store.Store) store.Store {
	if st.wrote == nil {
		return s
	}
	return &watchedStore{s, func(c Change) {
		c.Host = h.Name()
		st.wrote(c)
	}}
}

// Change is what an actor changed in its store.
type Change struct {
	Host, Bucket, Key string
	// Value is what stands there now, as JSON; nil for nothing. It must not be changed.
	Value []byte
}

// watchedStore is used by its address, so that an actor can tell whether two of its stores are one.
type watchedStore struct {
	store.Store
	wrote func(Change)
}

// Update implements [store.Store]. Only a transaction that is kept has changed anything.
func (s *watchedStore) Update(f func(store.Tx) error) error {
	var changes []Change
	err := s.Store.Update(func(tx store.Tx) error { return f(watchedTx{tx, &changes}) })
	if err == nil {
		for _, c := range changes {
			s.wrote(c)
		}
	}
	return err
}

type watchedTx struct {
	store.Tx
	changes *[]Change
}

// Put encodes the value once, for the store and for who watches.
func (tx watchedTx) Put(bucket, key string, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store: %s/%s cannot be written: %w", bucket, key, err)
	}
	*tx.changes = append(*tx.changes, Change{Bucket: bucket, Key: key, Value: value})
	return tx.Tx.Put(bucket, key, json.RawMessage(value))
}

func (tx watchedTx) Delete(bucket, key string) error {
	*tx.changes = append(*tx.changes, Change{Bucket: bucket, Key: key})
	return tx.Tx.Delete(bucket, key)
}
