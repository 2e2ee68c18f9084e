// Package store keeps the state of an actor that has to survive a crash: named buckets of JSON values under string keys, changed in transactions.
package store

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Store runs transactions one at a time. A function that is given a transaction must not block, send messages or start another transaction.
type Store interface {
	// Update runs f; what f changed is kept when it returns nil, and undone otherwise. It returns f's error.
	Update(f func(Tx) error) error
}

// Tx is one transaction.
type Tx interface {
	// Get reads the value under the key into v and reports whether there is one.
	Get(bucket, key string, v any) (bool, error)
	Put(bucket, key string, v any) error
	Delete(bucket, key string) error
	// Keys lists the keys of a bucket in ascending order.
	Keys(bucket string) ([]string, error)
}

// Memory is a Store in memory. The zero value is empty and ready. It holds encoded values, so that what is read is never shared with what was written.
type Memory struct {
	mu      sync.Mutex
	buckets map[string]map[string][]byte
}

// Update implements Store.
func (m *Memory) Update(f func(Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.buckets == nil {
		m.buckets = map[string]map[string][]byte{}
	}
	tx := &memoryTx{store: m}
	if err := f(tx); err != nil {
		for _, undo := range slices.Backward(tx.undo) {
			undo()
		}
		return err
	}
	return nil
}

type memoryTx struct {
	store *Memory
	undo  []func()
}

func (tx *memoryTx) bucket(name string) map[string][]byte {
	b := tx.store.buckets[name]
	if b == nil {
		b = map[string][]byte{}
		tx.store.buckets[name] = b
	}
	return b
}

func (tx *memoryTx) remember(b map[string][]byte, key string) {
	old, had := b[key]
	tx.undo = append(tx.undo, func() {
		if had {
			b[key] = old
		} else {
			delete(b, key)
		}
	})
}

func (tx *memoryTx) Get(bucket, key string, v any) (bool, error) {
	data, ok := tx.bucket(bucket)[key]
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("store: %s/%s cannot be read: %w", bucket, key, err)
	}
	return true, nil
}

func (tx *memoryTx) Put(bucket, key string, v any) error {
	data, done := v.(json.RawMessage) // by whoever watches the store
	if !done {
		var err error
		if data, err = json.Marshal(v); err != nil {
			return fmt.Errorf("store: %s/%s cannot be written: %w", bucket, key, err)
		}
	}
	b := tx.bucket(bucket)
	tx.remember(b, key)
	b[key] = data
	return nil
}

func (tx *memoryTx) Delete(bucket, key string) error {
	b := tx.bucket(bucket)
	tx.remember(b, key)
	delete(b, key)
	return nil
}

func (tx *memoryTx) Keys(bucket string) ([]string, error) {
	return slices.Sorted(maps.Keys(tx.bucket(bucket))), nil
}
