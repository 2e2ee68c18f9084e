package token

import (
	"sync"
	"time"
)

// Kept keeps what was made of the keys of issuers, as validators, for as long as the keys are those that it was made of. Its zero value is ready for use by
// many at a time.
type Kept[V any] struct {
	lock sync.Mutex
	made map[string]version[V]
}

type version[V any] struct {
	of    time.Time
	value V
}

// Of gives what was made of the keys of an issuer that were read at that moment, or makes it. An error is not kept.
func (k *Kept[V]) Of(issuer string, read time.Time, make func() (V, error)) (V, error) {
	k.lock.Lock()
	defer k.lock.Unlock()
	if v, there := k.made[issuer]; there && v.of.Equal(read) {
		return v.value, nil
	}
	value, err := make()
	if err != nil {
		return value, err
	}
	if k.made == nil {
		k.made = map[string]version[V]{}
	}
	k.made[issuer] = version[V]{read, value}
	return value, nil
}
