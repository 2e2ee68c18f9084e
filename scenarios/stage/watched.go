package stage

import (
	"countersign/actors/store"
	"countersign/sim"
)

// watched tells of every change to a store, if somebody wants to know.
func (st *Stage) watched(h *sim.Host, s store.Store) store.Store {
	if st.wrote == nil {
		return s
	}
	return &watchedStore{s, func(bucket string) { st.wrote(h.Name(), bucket) }}
}

// watchedStore is used by its address, so that an actor can tell whether two of its stores are one.
type watchedStore struct {
	store.Store
	wrote func(bucket string)
}

// Update implements [store.Store]. Only a transaction that is kept has changed anything.
func (s *watchedStore) Update(f func(store.Tx) error) error {
	var changed []string
	err := s.Store.Update(func(tx store.Tx) error { return f(watchedTx{tx, &changed}) })
	if err == nil {
		for _, bucket := range changed {
			s.wrote(bucket)
		}
	}
	return err
}

type watchedTx struct {
	store.Tx
	changed *[]string
}

func (tx watchedTx) Put(bucket, key string, v any) error {
	*tx.changed = append(*tx.changed, bucket)
	return tx.Tx.Put(bucket, key, v)
}

func (tx watchedTx) Delete(bucket, key string) error {
	*tx.changed = append(*tx.changed, bucket)
	return tx.Tx.Delete(bucket, key)
}
