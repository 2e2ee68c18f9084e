package store

import "time"

// Mortal is embedded in records that may be forgotten after some time.
type Mortal struct {
	Forget time.Time `json:"forget"`
}

// Forget deletes the mortal records of a bucket that are past their time. It looks through the bucket at most once in an interval, so that its cost is shared out.
func Forget(tx Tx, bucket string, now time.Time, interval time.Duration) error {
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
		var record Mortal
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

// Load reads one record in a transaction of its own.
func Load[T any](s Store, bucket, key string) (record T, found bool, err error) {
	err = s.Update(func(tx Tx) error {
		found, err = tx.Get(bucket, key, &record)
		return err
	})
	return record, found, err
}
