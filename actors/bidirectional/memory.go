package bidirectional

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"countersign/actors/store"
)

// mortal is a record that may be forgotten after some time.
type mortal struct {
	Forget time.Time `json:"forget"`
}

// forget deletes the mortal records of a bucket that are past their time. It looks through the bucket at most once in an interval, so that its cost is shared out.
func forget(tx store.Tx, bucket string, now time.Time, interval time.Duration) error {
	const lastTime = "last forgotten"
	var last time.Time
	if _, err := tx.Get(lastTime, bucket, &last); err != nil {
		return err
	}
	if now.Sub(last) < interval {
		return nil
	}
	keys, err := tx.Keys(bucket)
	if err != nil {
		return err
	}
	for _, key := range keys {
		var record mortal
		if _, err := tx.Get(bucket, key, &record); err != nil {
			return err
		}
		if record.Forget.Before(now) {
			if err := tx.Delete(bucket, key); err != nil {
				return err
			}
		}
	}
	return tx.Put(lastTime, bucket, now)
}

// load reads one record in a transaction of its own.
func load[T any](s store.Store, bucket, key string) (record T, found bool, err error) {
	err = s.Update(func(tx store.Tx) error {
		found, err = tx.Get(bucket, key, &record)
		return err
	})
	return record, found, err
}

// unguessable draws 192 bits, written in 32 URL-safe characters.
func unguessable(entropy io.Reader) (string, error) {
	bits := make([]byte, 24)
	if _, err := io.ReadFull(entropy, bits); err != nil {
		return "", fmt.Errorf("reading entropy for a secret: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(bits), nil
}

// same compares two secrets in time that tells neither where they differ nor how long they are.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// label tells sites apart in names: hosts share cookies over all their ports (RFC 6265 section 8.5), so that a cookie's name has to say whose it is.
func label(site string) string {
	sum := sha256.Sum256([]byte(site))
	return hex.EncodeToString(sum[:4])
}
