// Package common is what several servers of one party know together of tokens that say the rest by themselves: the records that go with sealed ones, and what
// has counted once.
package common

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"countersign/actors/store/shared"
	"countersign/actors/token"
)

// key names what belongs to an identifier without telling it.
func key(kind, id string) string {
	digest := sha256.Sum256([]byte(id))
	return kind + "/" + base64.RawURLEncoding.EncodeToString(digest[:])
}

// Records are the shared records of sealed tokens by their `jti`, as they were downloaded by whichever server saw the token first.
type Records struct{ Store shared.Store }

const records = "record"

var errDigest = errors.New("it has no SHA-256")

// record is a token.Shared as it is kept: an array of bytes would be spelled as so many numbers.
type record struct {
	Digest                           []byte
	Subject, App, Device, Thumbprint string
}

// Keep keeps a record until that time.
func (r Records) Keep(ctx context.Context, id string, s token.Shared, until time.Time) error {
	text, err := json.Marshal(record{s.Digest[:], s.Subject, s.App, s.Device, s.Thumbprint})
	if err != nil {
		return err
	}
	return r.Store.Put(ctx, key(records, id), text, until)
}

// Find gives the record of a token; found is false where none is kept, or its time has passed. The error is the store's, or says that what it has is no record.
func (r Records) Find(ctx context.Context, id string) (s token.Shared, found bool, err error) {
	text, found, err := r.Store.Get(ctx, key(records, id))
	if err != nil || !found {
		return s, false, err
	}
	var kept record
	if err := json.Unmarshal(text, &kept); err != nil || len(kept.Digest) != len(s.Digest) {
		return s, false, fmt.Errorf("what the shared store has under %s is no record: %w", key(records, id), cmp.Or(err, errDigest))
	}
	return token.Shared{
		Digest: [sha256.Size]byte(kept.Digest), Subject: kept.Subject, App: kept.App, Device: kept.Device, Thumbprint: kept.Thumbprint,
	}, true, nil
}

// Forget takes a record away, as when its token is said to be shared no longer.
func (r Records) Forget(ctx context.Context, id string) error {
	return r.Store.Delete(ctx, key(records, id))
}

// Once lets what has an identifier count once at all servers together: a logout token by its `jti`, a countersign by its application's serial.
type Once struct {
	Store shared.Store
	// Kind tells identifiers apart that may be equal, as those of different issuers.
	Kind string
}

// Use reports whether nobody has used the identifier before; it is remembered until that time, when what it identifies would be refused anyhow. With an error, which
// is the store's, nobody knows, and nothing may count.
func (o Once) Use(ctx context.Context, id string, until time.Time) (first bool, err error) {
	return o.Store.Add(ctx, key("once "+o.Kind, id), nil, until)
}
