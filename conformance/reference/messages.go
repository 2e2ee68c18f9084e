package reference

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"

	"countersign/conformance/jose"
	"countersign/conformance/offline"
	"countersign/conformance/vectors"
)

const messagesNote = "Feed the bytes to what reads such messages: at level hardened, while the clock shows 1767225600, it takes those that are valid, and refuses the others, each of which has one fault. The values are those of section 8 of the profile; made_of gives what goes into a message."

// MakeMessages are the files with messages byte for byte, by the name of their flow.
func MakeMessages() (map[string]vectors.Messages, error) {
	mobile, err := mobileMessages()
	if err != nil {
		return nil, err
	}
	unified, err := unifiedMessages()
	if err != nil {
		return nil, err
	}
	return map[string]vectors.Messages{
		"offline": vectors.NewMessages("offline@1", messagesNote+" A private key that section 8 does not name, a serial, a challenge or a session is the beginning of SHA-256 of offline@1 and a name.", offline.Examples()),
		"mobile":  vectors.NewMessages("mobile@1", messagesNote+" The device key is SHA-256 of \"mobile@1 device-alice\".", mobile),
		"unified": vectors.NewMessages("unified@1", messagesNote+" The key of logout tokens is SHA-256 of \"unified@1 signing-1\".", unified),
	}, nil
}

// claims are the members of a JSON object.
type claims map[string]any

// but is a copy with another member; nil leaves it out.
func (c claims) but(name string, value any) claims {
	other := maps.Clone(c)
	if other[name] = value; value == nil {
		delete(other, name)
	}
	return other
}

// tokenExamples makes messages that are JWS or JWE.
type tokenExamples struct {
	all []vectors.Message
	err error
}

// signerNamed has the P-256 key whose private part is SHA-256 of a name.
func (x *tokenExamples) signerNamed(kid, name string) jose.Signer {
	sum := sha256.Sum256([]byte(name))
	return x.signerOf(kid, sum[:])
}

func (x *tokenExamples) signerOf(kid string, private []byte) jose.Signer {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), private)
	if err != nil {
		x.err = fmt.Errorf("the signing key %s: %w", kid, err)
	}
	return jose.Signer{ID: kid, Key: key}
}

// private is the private part of a signer's key.
func (x *tokenExamples) private(s jose.Signer) []byte {
	b, err := s.Key.Bytes()
	if err != nil {
		x.err = err
	}
	return b
}

func (x *tokenExamples) text(of any) []byte {
	b, err := json.Marshal(of)
	if err != nil {
		x.err = err
	}
	return b
}

// kept is what a maker of compact forms gave.
func (x *tokenExamples) kept(compact string, err error) string {
	if err != nil {
		x.err = err
	}
	return compact
}

// signed is a right JWS, and the wrong ones that every receiver refuses.
func (x *tokenExamples) signed(m vectors.Message, by jose.Signer, header, payload claims) vectors.Message {
	if x.err != nil {
		return m
	}
	m.Valid, m.Text = true, x.kept(by.Sign(header, x.text(payload)))
	m.MadeOf = []vectors.Part{vectors.Text("protected header", string(x.headerOf(m.Text))), vectors.Text("payload", string(x.text(payload))), vectors.Text("public key", string(x.text(by.JWK()))), vectors.Bytes("private key", x.private(by))}
	last := len(m.Text) - 10
	x.all = append(x.all, m,
		m.WrongText("signature", "with another signature", m.Text[:last]+flippedDigit(m.Text[last])+m.Text[last+1:]),
		m.WrongText("unsecured", "with alg none and no signature", x.kept(jose.Unsecured(header, x.text(payload)))),
		m.WrongText("typ", "with the typ JWT", x.kept(by.Sign(header.but("typ", "JWT"), x.text(payload)))),
		m.WrongText("part", "with its signature left out", m.Text[:last-77]),
	)
	return m
}

// sealed is a right JWE, and the wrong ones that every receiver refuses.
func (x *tokenExamples) sealed(m vectors.Message, key jose.Key, iv string, header, payload claims) (vectors.Message, []byte) {
	sum := sha256.Sum256([]byte(iv))
	nonce := sum[:12]
	m.Valid, m.Text = true, x.kept(jose.SealWith(nonce, key, header, x.text(payload)))
	m.MadeOf = []vectors.Part{
		vectors.Text("protected header", string(x.headerOf(m.Text))), vectors.Text("plaintext", string(x.text(payload))), vectors.Bytes("key "+key.ID, key.Secret), vectors.Bytes("initialization vector", nonce),
	}
	last := len(m.Text) - 10
	another := sha256.Sum256(key.Secret)
	x.all = append(x.all, m,
		m.WrongText("tag", "with another tag", m.Text[:last]+flippedDigit(m.Text[last])+m.Text[last+1:]),
		m.WrongText("key", "sealed under another key", x.kept(jose.SealWith(nonce, jose.Key{ID: key.ID, Secret: another[:]}, header, x.text(payload)))),
		m.WrongText("part", "with its tag left out", m.Text[:len(m.Text)-23]),
		m.WrongText("zip", "with zip in its header", x.kept(jose.SealWith(nonce, key, header.but("zip", "DEF"), x.text(payload)))),
	)
	return m, nonce
}

// headerOf is the protected header of a compact form.
func (x *tokenExamples) headerOf(compact string) []byte {
	header, err := jose.Header(compact)
	if err != nil {
		x.err = err
	}
	return x.text(header)
}

// flippedDigit is another digit of base64url.
func flippedDigit(digit byte) string {
	if digit == 'A' {
		return "B"
	}
	return "A"
}
