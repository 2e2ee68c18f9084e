package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// stream returns the random stream of a seed and the names that say what it
// is for. No two lists of names share a stream.
func stream(seed uint64, names ...string) *rand.ChaCha8 {
	var room [128]byte
	b := binary.BigEndian.AppendUint64(room[:0], seed)
	for _, name := range names {
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
	}
	return rand.NewChaCha8(sha256.Sum256(b))
}

// fraction draws from [0, 1).
func fraction(s *rand.ChaCha8) float64 { return float64(s.Uint64()>>11) / (1 << 53) }

// between draws from [low, high], at a bias far below what a test could see.
func between(s *rand.ChaCha8, low, high time.Duration) time.Duration {
	if high <= low {
		return low
	}
	return low + time.Duration(s.Uint64()%(uint64(high-low)+1))
}
