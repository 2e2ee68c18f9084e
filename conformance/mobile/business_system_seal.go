package mobile

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"countersign/conformance/jose"
)

// newSealingKey makes a key of that kid, which nobody else has.
func (t *test) newSealingKey(id string) jose.Key { return jose.Key{ID: id, Secret: t.bytes(32)} }

// bytes are random.
func (t *test) bytes(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(t.Env.Entropy(), b); err != nil {
		t.Broken("no randomness: %v", err)
	}
	return b
}

// protectedHeader is the header of a token that is sealed otherwise than the profile says.
func (t *systemTest) protectedHeader(s statement, alg, enc string, more members) string {
	header := maps.Clone(s.header)
	maps.Copy(header, map[string]any{"kid": t.key.ID, "alg": alg, "enc": enc})
	maps.Copy(header, more)
	text, err := json.Marshal(header)
	if err != nil {
		t.Broken("a header cannot be written: %v", err)
	}
	return jose.Encode(text)
}

func (t *systemTest) gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err == nil {
		var mode cipher.AEAD
		if mode, err = cipher.NewGCM(block); err == nil {
			return mode
		}
	}
	t.Broken("no AES-GCM: %v", err)
	return nil
}

// sealedWrapped seals under a key of its own, which it wraps under the system's: alg A256GCMKW, RFC 7518 section 4.7.
func (t *systemTest) sealedWrapped(s statement) string {
	content, vector, wrapVector := t.bytes(32), t.bytes(12), t.bytes(12)
	wrap := t.gcm(t.key.Secret)
	wrapped := wrap.Seal(nil, wrapVector, content, nil)
	end := len(wrapped) - wrap.Overhead()
	protected := t.protectedHeader(s, "A256GCMKW", "A256GCM", members{"iv": jose.Encode(wrapVector), "tag": jose.Encode(wrapped[end:])})
	mode := t.gcm(content)
	sealed := mode.Seal(nil, vector, s.payload(), []byte(protected))
	split := len(sealed) - mode.Overhead()
	return strings.Join([]string{protected, jose.Encode(wrapped[:end]), jose.Encode(vector), jose.Encode(sealed[:split]), jose.Encode(sealed[split:])}, ".")
}

// sealedByCBC seals with enc A128CBC-HS256, which takes a key of 256 bits too: RFC 7518 section 5.2.3.
func (t *systemTest) sealedByCBC(s statement) string {
	protected, vector := t.protectedHeader(s, "dir", "A128CBC-HS256", nil), t.bytes(aes.BlockSize)
	block, err := aes.NewCipher(t.key.Secret[16:])
	if err != nil {
		t.Broken("no AES: %v", err)
	}
	padding := aes.BlockSize - len(s.payload())%aes.BlockSize
	text := append(s.payload(), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, vector).CryptBlocks(text, text)
	mac := hmac.New(sha256.New, t.key.Secret[:16])
	mac.Write(slices.Concat([]byte(protected), vector, text, binary.BigEndian.AppendUint64(nil, uint64(8*len(protected)))))
	return strings.Join([]string{protected, "", jose.Encode(vector), jose.Encode(text), jose.Encode(mac.Sum(nil)[:16])}, ".")
}

// sealedCompressed is a token with zip: RFC 7516 section 4.1.3.
func (t *systemTest) sealedCompressed(s statement) string {
	var small bytes.Buffer
	w, err := flate.NewWriter(&small, flate.BestCompression)
	if err == nil {
		if _, err = w.Write(s.payload()); err == nil {
			err = w.Close()
		}
	}
	if err != nil {
		t.Broken("claims cannot be compressed: %v", err)
	}
	compact, err := jose.Seal(t.Env.Entropy(), t.key, s.headed("zip", "DEF").header, small.Bytes())
	if err != nil {
		t.Broken("a token cannot be sealed: %v", err)
	}
	return compact
}

// MO-BS-16
func (t *systemTest) oneWayOfSealingOnly() {
	t.opens(t.sharedPass(t.alice()), control)
	lying := func(name string, value any) func(statement) string {
		return func(s statement) string { return t.seal(s.headed(name, value), t.key) }
	}
	for _, c := range []struct {
		what string
		seal func(statement) string
	}{
		{"a token whose claims are compressed, with zip", t.sealedCompressed},
		{"a token with zip whose claims are not compressed", lying("zip", "DEF")},
		{"a token with crit", func(s statement) string {
			return t.seal(s.headed("crit", []string{"urn:countersign:unknown"}).headed("urn:countersign:unknown", true), t.key)
		}},
		{"a token with a crit that names exp", lying("crit", []string{"exp"})},
		{"a token whose alg says A256KW", lying("alg", "A256KW")},
		{"a token whose alg says none", lying("alg", "none")},
		{"a token without alg", lying("alg", nil)},
		{"a token whose enc says A128GCM", lying("enc", "A128GCM")},
		{"a token whose enc says A256CBC-HS512", lying("enc", "A256CBC-HS512")},
		{"a token without enc", lying("enc", nil)},
		{"a token sealed with alg A256GCMKW", t.sealedWrapped},
		{"a token sealed with enc A128CBC-HS256", t.sealedByCBC},
	} {
		p := t.sharedPass(t.alice())
		p.sealed = c.seal(p.contents.statement())
		t.tokenRefused(t.show(p), c.what)
	}
}
