package validate

import (
	"context"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"countersign/actors/store/shared"
	"countersign/actors/store/shared/redis"
	"countersign/bench/redisserver"
)

// RedisError says that a Redis server does not answer.
type RedisError struct {
	Address string
	Err     error
}

func (e *RedisError) Error() string {
	return fmt.Sprintf("the Redis server %s does not answer: %v; name one that runs", e.Address, e.Err)
}

// Unwrap gives the cause.
func (e *RedisError) Unwrap() error { return e.Err }

// OpenRedis connects to the Redis server at host:port, or at the path of a socket; where the address is empty, it starts one. The error is a *RedisError,
// redisserver.ErrNone, or says why none comes up. close ends the connections, and the server that was started.
func OpenRedis(ctx context.Context, address string) (s shared.Store, close func(), err error) {
	stop := func() {}
	if address == "" {
		server, err := redisserver.Start()
		if err != nil {
			return nil, nil, err
		}
		address, stop = server.Socket, server.Stop
	}
	options := &goredis.Options{Addr: address}
	if strings.Contains(address, "/") {
		options.Network = "unix"
	}
	client := goredis.NewClient(options)
	close = func() {
		_ = client.Close() // nothing is under way any more
		stop()
	}
	if err := client.Ping(ctx).Err(); err != nil {
		close()
		return nil, nil, &RedisError{address, err}
	}
	return redis.Store{Client: client, Prefix: "countersign-bench/"}, close, nil
}
