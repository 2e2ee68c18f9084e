package play

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// channel seals and opens compact JWE, `dir` with A256GCM, under one key that is made ready once. A header that has stood in a message that opened is known by its
// text from then on, and not parsed again.
type channel struct {
	id   string // `kid`
	aead cipher.AEAD

	mu      sync.Mutex
	written map[string]string // by typ: the header, encoded
	read    map[string]string // by header, encoded: its typ
}

func newChannel(id string, secret []byte) (*channel, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &channel{id: id, aead: aead, written: map[string]string{}, read: map[string]string{}}, err
}

// seal makes a message of a typ.
func (c *channel) seal(random io.Reader, typ string, plaintext []byte) ([]byte, error) {
	c.mu.Lock()
	header, known := c.written[typ]
	c.mu.Unlock()
	if !known {
		text, err := json.Marshal(map[string]string{"alg": "dir", "enc": "A256GCM", "kid": c.id, "typ": typ})
		if err != nil {
			return nil, err
		}
		header = base64.RawURLEncoding.EncodeToString(text)
		c.mu.Lock()
		c.written[typ] = header
		c.mu.Unlock()
	}
	return sealed(c.aead, random, header, plaintext), nil
}

// sealed is a compact JWE under a header, encoded, with a nonce out of random.
func sealed(aead cipher.AEAD, random io.Reader, header string, plaintext []byte) []byte {
	nonce := make([]byte, aead.NonceSize())
	_, _ = io.ReadFull(random, nonce) // which never fails
	text := aead.Seal(nil, nonce, plaintext, []byte(header))
	end := len(text) - aead.Overhead()
	compact := make([]byte, 0, len(header)+2*len(text))
	compact = append(append(compact, header...), '.', '.')
	compact = append(base64.RawURLEncoding.AppendEncode(compact, nonce), '.')
	compact = append(base64.RawURLEncoding.AppendEncode(compact, text[:end]), '.')
	return base64.RawURLEncoding.AppendEncode(compact, text[end:])
}

// maxHeaders is how many headers are known: an honest peer has one a typ.
const maxHeaders = 64

// open reads a message. The error says in words what it is instead.
func (c *channel) open(compact []byte) (typ string, plaintext []byte, err error) {
	parts := bytes.Split(compact, []byte{'.'})
	if len(parts) != 5 || len(parts[1]) != 0 {
		return "", nil, errors.New("it has not five parts, the second of them empty")
	}
	c.mu.Lock()
	typ, known := c.read[string(parts[0])]
	c.mu.Unlock()
	if !known {
		if typ, err = c.header(parts[0]); err != nil {
			return "", nil, err
		}
	}
	text, end := make([]byte, 0, len(compact)), 0
	for i, part := range parts[2:] {
		if bytes.ContainsAny(part, "\r\n") { // which encoding/base64 passes over
			return "", nil, errors.New("it has a line break")
		}
		if text, err = base64.RawURLEncoding.Strict().AppendDecode(text, part); err != nil {
			return "", nil, errors.New("a part of it is not base64url without padding")
		}
		if i == 0 {
			end = len(text)
		}
	}
	if tag := base64.RawURLEncoding.DecodedLen(len(parts[4])); end != c.aead.NonceSize() || tag != c.aead.Overhead() {
		return "", nil, fmt.Errorf("its vector has %d bytes and its tag %d", end, tag)
	}
	if plaintext, err = c.aead.Open(nil, text[:end], text[end:], parts[0]); err != nil {
		return "", nil, errors.New("it does not open under the key that its kid names")
	}
	if !known {
		c.mu.Lock()
		if len(c.read) < maxHeaders {
			c.read[string(parts[0])] = typ
		}
		c.mu.Unlock()
	}
	return typ, plaintext, nil
}

// header reads a protected header and gives its typ.
func (c *channel) header(part []byte) (typ string, err error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(string(part))
	var h map[string]any
	if err != nil || json.Unmarshal(text, &h) != nil {
		return "", errors.New("its header is no JSON object in base64url")
	}
	_, zip := h["zip"]
	_, critical := h["crit"]
	if h["alg"] != "dir" || h["enc"] != "A256GCM" || h["kid"] != c.id || zip || critical {
		return "", fmt.Errorf("its header is %.200q", text)
	}
	typ, _ = h["typ"].(string)
	return typ, nil
}
