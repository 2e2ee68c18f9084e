// Package redis is a shared store in a Redis server.
package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Store is a shared.Store. Times are those of the Redis server, to the millisecond.
type Store struct {
	Client *redis.Client
	// Prefix begins every key, so that several parties may use one server.
	Prefix string
}

// Get implements shared.Store.
func (s Store) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	value, err = s.Client.Get(ctx, s.Prefix+key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, false, nil
	}
	return value, err == nil, failed("read", err)
}

// Put implements shared.Store.
func (s Store) Put(ctx context.Context, key string, value []byte, until time.Time) error {
	err := s.Client.Do(ctx, "SET", s.Prefix+key, value, "PXAT", until.UnixMilli()).Err()
	return failed("write", err)
}

// Add implements shared.Store.
func (s Store) Add(ctx context.Context, key string, value []byte, until time.Time) (added bool, err error) {
	err = s.Client.Do(ctx, "SET", s.Prefix+key, value, "NX", "PXAT", until.UnixMilli()).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	return err == nil, failed("write", err)
}

// Delete implements shared.Store.
func (s Store) Delete(ctx context.Context, key string) error {
	return failed("write", s.Client.Del(ctx, s.Prefix+key).Err())
}

func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the shared store cannot %s: %w", what, err)
}
