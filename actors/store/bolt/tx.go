package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// boltTx is one of several transactions that go to the disk together. It remembers what it changed, to undo that alone.
type boltTx struct {
	records *bbolt.Bucket
	before  []record
}

// record is what stood under a key; a nil value says that nothing did.
type record struct{ key, value []byte }

// address is the key of a record in the file: bucket and key, told apart by the bucket's length.
func address(bucket, key string) []byte {
	a := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(bucket)+len(key)), uint32(len(bucket)))
	return append(append(a, bucket...), key...)
}

func (tx *boltTx) Get(bucket, key string, v any) (bool, error) {
	data := tx.records.Get(address(bucket, key))
	if data == nil {
		return false, nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("store: %s/%s cannot be read: %w", bucket, key, err)
	}
	return true, nil
}

func (tx *boltTx) Put(bucket, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store: %s/%s cannot be written: %w", bucket, key, err)
	}
	at := address(bucket, key)
	tx.remember(at)
	if err := tx.records.Put(at, data); err != nil {
		return fmt.Errorf("store: %s/%s cannot be written: %w", bucket, key, err)
	}
	return nil
}

func (tx *boltTx) Delete(bucket, key string) error {
	at := address(bucket, key)
	if tx.records.Get(at) == nil {
		return nil
	}
	tx.remember(at)
	if err := tx.records.Delete(at); err != nil {
		return fmt.Errorf("store: %s/%s cannot be deleted: %w", bucket, key, err)
	}
	return nil
}

func (tx *boltTx) Keys(bucket string) (keys []string, err error) {
	prefix := address(bucket, "")
	at := tx.records.Cursor()
	for key, _ := at.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = at.Next() {
		keys = append(keys, string(key[len(prefix):]))
	}
	return keys, nil
}

func (tx *boltTx) remember(at []byte) {
	tx.before = append(tx.before, record{at, bytes.Clone(tx.records.Get(at))})
}

func (tx *boltTx) rollBack() error {
	for _, was := range slices.Backward(tx.before) {
		restore := func() error { return tx.records.Delete(was.key) }
		if was.value != nil {
			restore = func() error { return tx.records.Put(was.key, was.value) }
		}
		if err := restore(); err != nil {
			return fmt.Errorf("store: undoing a transaction: %w", err)
		}
	}
	return nil
}
