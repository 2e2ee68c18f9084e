// Package shared is what several servers of one party know together: values under keys, each until some time.
package shared

import (
	"context"
	"time"

	"countersign/actors/store"
)

// Store may be used by many at a time. Its errors are those of the store beneath it, and say nothing about a key.
type Store interface {
	// Get gives the value under the key; found is false where there is none, or its time has passed.
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	// Put writes a value that is there until that time, whatever was there before.
	Put(ctx context.Context, key string, value []byte, until time.Time) error
	// Add is Put where nothing is there. Of all that add under one key at a time, one has added.
	Add(ctx context.Context, key string, value []byte, until time.Time) (added bool, err error)
	// Delete takes the value away, if there is one.
	Delete(ctx context.Context, key string) error
}

// Local is a Store in a bucket of a store.Store: in memory for one process, or in a file that outlives it.
type Local struct {
	Store  store.Store
	Bucket string
	// Now is the time that values end by. It is required.
	Now func() time.Time
}

type kept struct {
	store.Mortal
	Value []byte `json:"value"`
}

// sweep is how often the bucket is looked through for values whose time has passed: not oftener, since all there are have to be looked at.
const sweep = time.Hour

// Get implements Store.
func (l Local) Get(_ context.Context, key string) (value []byte, found bool, err error) {
	k, found, err := store.Load[kept](l.Store, l.Bucket, key)
	if err != nil || !found || !l.Now().Before(k.Forget) {
		return nil, false, err
	}
	return k.Value, true, nil
}

// Put implements Store.
func (l Local) Put(_ context.Context, key string, value []byte, until time.Time) error {
	return l.Store.Update(func(tx store.Tx) error { return l.put(tx, key, value, until) })
}

// Add implements Store.
func (l Local) Add(_ context.Context, key string, value []byte, until time.Time) (added bool, err error) {
	err = l.Store.Update(func(tx store.Tx) error {
		var before kept
		found, err := tx.Get(l.Bucket, key, &before)
		if added = err == nil && (!found || !l.Now().Before(before.Forget)); !added {
			return err
		}
		return l.put(tx, key, value, until)
	})
	return added && err == nil, err
}

// Delete implements Store.
func (l Local) Delete(_ context.Context, key string) error {
	return l.Store.Update(func(tx store.Tx) error { return tx.Delete(l.Bucket, key) })
}

func (l Local) put(tx store.Tx, key string, value []byte, until time.Time) error {
	if err := store.Forget(tx, l.Bucket, l.Now(), sweep); err != nil {
		return err
	}
	return tx.Put(l.Bucket, key, kept{store.Mortal{Forget: until}, value})
}
