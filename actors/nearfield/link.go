package nearfield

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
	"time"
)

// Link is what a link is like (profile section 4.1). Only the frame size binds a device; the rest is what simulations take.
type Link struct {
	Name         string
	FrameSize    int     // bytes
	Rate         int     // bytes a second; 0 takes no time
	BitErrorRate float64 // probability that a bit is turned over
	FrameLoss    float64 // probability that a frame does not arrive
}

// Links are those of the profile.
func Links() []Link {
	return []Link{
		{"acoustic", 64, 100, 0.0001, 0.05},
		{"nfc", 256, 13_000, 0.000001, 0.001},
		{"ble", 185, 20_000, 0.000001, 0.01},
		{"qr", 1024, 500, 0, 0.1},
	}
}

// Find gives the link of the profile that has the name.
func Find(name string) (Link, bool) {
	all := Links()
	i := slices.IndexFunc(all, func(l Link) bool { return l.Name == name })
	if i < 0 {
		return Link{}, false
	}
	return all[i], true
}

// Duration is how long a frame of so many bytes is under way.
func (l Link) Duration(size int) time.Duration {
	if l.Rate == 0 {
		return 0
	}
	return time.Duration(size) * time.Second / time.Duration(l.Rate)
}

// Carry carries a frame over the link: it arrives whole, damaged, or, with arrives false, not at all. The frame given stays as it is.
// The error is that of reading entropy.
func (l Link) Carry(entropy io.Reader, frame []byte) (carried []byte, arrives bool, err error) {
	lost, err := chance(entropy)
	if err != nil || lost < l.FrameLoss {
		return nil, false, err
	}
	carried = slices.Clone(frame)
	if l.BitErrorRate <= 0 {
		return carried, true, nil
	}
	// The gaps between errors are geometric: one draw an error is as good as one a bit.
	for bit := 0; ; bit++ {
		gap, err := chance(entropy)
		if err != nil {
			return nil, false, err
		}
		skipped := math.Log1p(-gap) / math.Log1p(-min(l.BitErrorRate, 0.5))
		if skipped >= float64(8*len(carried)-bit) {
			return carried, true, nil
		}
		bit += int(skipped)
		carried[bit/8] ^= 1 << (bit % 8)
	}
}

// chance draws a number from 0 up to, and without, 1.
func chance(entropy io.Reader) (float64, error) {
	var b [8]byte
	if _, err := io.ReadFull(entropy, b[:]); err != nil {
		return 0, err
	}
	return float64(binary.BigEndian.Uint64(b[:])>>11) / (1 << 53), nil
}
