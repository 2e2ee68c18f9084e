package nearfield

import "strings"

// alphabet holds the digits of Base45 in ascending order (RFC 9285 section 4), which are those of alphanumeric QR codes.
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// encodeBase45 writes two bytes in three digits, the lowest first, and a last single byte in two.
func encodeBase45(b []byte) string {
	var text strings.Builder
	for ; len(b) >= 2; b = b[2:] {
		n := int(b[0])<<8 | int(b[1])
		text.WriteByte(alphabet[n%45])
		text.WriteByte(alphabet[n/45%45])
		text.WriteByte(alphabet[n/45/45])
	}
	if len(b) == 1 {
		text.WriteByte(alphabet[b[0]%45])
		text.WriteByte(alphabet[b[0]/45])
	}
	return text.String()
}

// decodeBase45 refuses what the encoding never gives: other characters, a single digit left over, and numbers that are too large (RFC 9285 section 6).
func decodeBase45(text string) ([]byte, error) {
	malformed := &MalformedError{"its text is not Base45"}
	if len(text)%3 == 1 {
		return nil, malformed
	}
	b := make([]byte, 0, len(text)/3*2+1)
	for ; len(text) > 0; text = text[min(3, len(text)):] {
		digits := text[:min(3, len(text))]
		n := 0
		for i := len(digits) - 1; i >= 0; i-- {
			digit := strings.IndexByte(alphabet, digits[i])
			if digit < 0 {
				return nil, malformed
			}
			n = n*45 + digit
		}
		switch {
		case len(digits) == 3 && n <= 0xffff:
			b = append(b, byte(n>>8), byte(n))
		case len(digits) == 2 && n <= 0xff:
			b = append(b, byte(n))
		default:
			return nil, malformed
		}
	}
	return b, nil
}
