package judge

import (
	"maps"
	"math"
)

// URLSafe is the alphabet of tokens, secrets and verifiers.
const URLSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Differing counts the positions in which two values differ; what one has beyond the other's end counts.
func Differing(a, b string) int {
	if len(a) < len(b) {
		a, b = b, a
	}
	n := len(a) - len(b)
	for i := range len(b) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// RandomBits bounds from above how many random bits the values hold: in each position that is not the same in all of them,
// as many as the alphabet seen in such positions allows. It needs some 16 values to see the alphabet.
func RandomBits(values []string) float64 {
	length := 0
	for _, v := range values {
		length = max(length, len(v))
	}
	alphabet := map[byte]bool{}
	varying := 0
	for i := range length {
		here := map[byte]bool{}
		for _, v := range values {
			if i < len(v) {
				here[v[i]] = true
			} else {
				here[0] = true // past the end of a shorter value
			}
		}
		if len(here) < 2 {
			continue
		}
		varying++
		maps.Copy(alphabet, here)
	}
	if varying == 0 {
		return 0
	}
	return float64(varying) * math.Log2(float64(len(alphabet)))
}
