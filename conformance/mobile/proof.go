package mobile

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// proofWindow is how far the iat of a proof may be off, either way: section 2.1 of the profile.
const proofWindow = 60 * time.Second

// newProof makes a right proof: section 2.1 of the profile. It has to be signed by the same device. accessToken is empty where none is presented.
func newProof(device jose.Signer, id, method, url, accessToken string, now time.Time) statement {
	s := statement{
		header: map[string]any{"typ": "dpop+jwt", "jwk": jose.JWK(&device.Key.PublicKey)},
		claims: members{"jti": id, "htm": method, "htu": url, "iat": now.Unix()},
	}
	if accessToken != "" {
		s = s.with("ath", hashOf(accessToken))
	}
	return s
}

// proofBy is a proof, signed; a device key has no kid.
func proofBy(device jose.Signer, p statement) (string, error) {
	device.ID = ""
	return p.signed(device)
}

// lie is a way in which the proof of a request is not right.
type lie struct {
	what string
	// tell gives the values of the header DPoP: none, one or two. other is a key that is not the device's.
	tell func(right statement, device, other jose.Signer) ([]string, error)
}

// lying is a lie that signs rightly what is not right.
func lying(what string, change func(statement) statement) lie {
	return lie{what, func(right statement, device, _ jose.Signer) ([]string, error) {
		compact, err := proofBy(device, change(right))
		return []string{compact}, err
	}}
}

// claiming is a lie about one claim; nil leaves it out.
func claiming(what, name string, value any) lie {
	return lying(what, func(s statement) statement { return s.with(name, value) })
}

// noProofs are requests without one right proof: missing, repeated, malformed, of another typ, with a private key in it.
func noProofs() []lie {
	raw := func(what string, values ...string) lie {
		return lie{what, func(statement, jose.Signer, jose.Signer) ([]string, error) { return values, nil }}
	}
	return []lie{
		raw("no proof"),
		raw("a proof that is no JWS", "not-a-proof"),
		{"two right proofs", func(right statement, device, _ jose.Signer) ([]string, error) {
			first, err := proofBy(device, right)
			if err != nil {
				return nil, err
			}
			second, err := proofBy(device, right.with("jti", right.claims.Text("jti")+"-2"))
			return []string{first, second}, err
		}},
		lying("a proof of typ JWT", func(s statement) statement { return s.headed("typ", "JWT") }),
		lying("a proof without typ", func(s statement) statement { return s.headed("typ", nil) }),
		lying("a proof without jwk", func(s statement) statement { return s.headed("jwk", nil) }),
		{"a proof with the private key in it", func(right statement, device, _ jose.Signer) ([]string, error) {
			private, err := device.Key.Bytes()
			if err != nil {
				return nil, err
			}
			jwk := jose.JWK(&device.Key.PublicKey)
			jwk["d"] = jose.Encode(private)
			compact, err := proofBy(device, right.headed("jwk", jwk))
			return []string{compact}, err
		}},
		claiming("a proof without jti", "jti", nil),
		claiming("a proof with a jti of 15 characters", "jti", "fifteen-letters"),
		claiming("a proof with a jti of 129 characters", "jti", strings.Repeat("j", 129)),
		claiming("a proof without htm", "htm", nil),
		claiming("a proof without htu", "htu", nil),
		claiming("a proof without iat", "iat", nil),
		lying("a proof whose iat is a string", func(s statement) statement { return s.with("iat", judge.Shown(s.claims["iat"])) }),
	}
}

// forgedProofs are proofs whose signature does not fit the key in them, or whose alg is not ES256.
func forgedProofs() []lie {
	one := func(compact string, err error) ([]string, error) { return []string{compact}, err }
	return []lie{
		{"a proof signed by another key than the one in it", func(right statement, _, other jose.Signer) ([]string, error) { return one(proofBy(other, right)) }},
		{"a proof whose claims were changed after signing", func(right statement, device, _ jose.Signer) ([]string, error) {
			compact, err := proofBy(device, right.with("jti", right.claims.Text("jti")+"-before"))
			parts := strings.Split(compact, ".")
			if err != nil || len(parts) != 3 {
				return nil, errors.Join(err, errors.New("no proof to be changed"))
			}
			parts[1] = jose.Encode(right.payload())
			return []string{strings.Join(parts, ".")}, nil
		}},
		{"a proof with one bit of its signature flipped", func(right statement, device, _ jose.Signer) ([]string, error) {
			return resigned(proofBy(device, right))(func(signature []byte) []byte {
				signature[0] ^= 1
				return signature
			})
		}},
		{"a proof with an empty signature", func(right statement, device, _ jose.Signer) ([]string, error) {
			return resigned(proofBy(device, right))(func([]byte) []byte { return nil })
		}},
		{"a proof with alg none", func(right statement, _, _ jose.Signer) ([]string, error) { return one(right.unsecured()) }},
		{"a proof with alg none and a signature", func(right statement, device, _ jose.Signer) ([]string, error) {
			return one(proofBy(device, right.headed("alg", "none")))
		}},
		{"a proof with alg HS256, the public key as its secret", func(right statement, device, _ jose.Signer) ([]string, error) {
			return one(withHMAC(device, right))
		}},
	}
}

// resigned replaces the signature of a compact JWS.
func resigned(compact string, err error) func(func([]byte) []byte) ([]string, error) {
	return func(change func([]byte) []byte) ([]string, error) {
		end := strings.LastIndexByte(compact, '.')
		signature, bad := jose.Decode(compact[end+1:])
		return []string{compact[:end+1] + jose.Encode(change(signature))}, errors.Join(err, bad)
	}
}

// withHMAC signs with the device's public key as a shared secret: what a verifier takes that believes the alg of the header.
func withHMAC(device jose.Signer, p statement) (string, error) {
	header := maps.Clone(p.header)
	header["alg"] = "HS256"
	text, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	public, err := device.Key.PublicKey.Bytes()
	if err != nil {
		return "", err
	}
	input := jose.Encode(text) + "." + jose.Encode(p.payload())
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(input))
	return input + "." + jose.Encode(mac.Sum(nil)), nil
}

// misdirectedProofs are proofs for another request than the one to that URL; elsewhere is the URL of another endpoint of the same party.
func misdirectedProofs(method, elsewhere string) []lie {
	other := http.MethodGet
	if method == http.MethodGet {
		other = http.MethodPost
	}
	return []lie{
		claiming("a proof for the method "+other, "htm", other),
		claiming("a proof for another endpoint", "htu", elsewhere),
		lying("a proof for the same path at another host", func(s statement) statement {
			scheme, rest, _ := strings.Cut(s.claims.Text("htu"), "://")
			_, path, _ := strings.Cut(rest, "/")
			return s.with("htu", scheme+"://another.example/"+path)
		}),
		lying("a proof for a longer path", func(s statement) statement { return s.with("htu", s.claims.Text("htu")+"/more") }),
	}
}

// beyondWindow is how far off a proof is that is to be refused: more than the window, and more than clocks differ that were set.
const beyondWindow = proofWindow + 15*time.Second

// untimelyProofs are proofs that were made too early or too late.
func untimelyProofs() []lie {
	shifted := func(what string, by time.Duration) lie {
		return lying(what, func(s statement) statement {
			iat, _ := s.claims.Whole("iat")
			return s.with("iat", iat+int64(by/time.Second))
		})
	}
	return []lie{
		shifted(fmt.Sprintf("a proof that is %.0f s old", beyondWindow.Seconds()), -beyondWindow),
		shifted(fmt.Sprintf("a proof made %.0f s ahead", beyondWindow.Seconds()), beyondWindow),
		shifted("a proof that is a day old", -24*time.Hour),
		shifted("a proof made a day ahead", 24*time.Hour),
	}
}

// readProof is a proof that a party of the harness was sent, with a signature that fits the key in it.
type readProof struct {
	readStatement
	key *ecdsa.PublicKey
}

// readProofIn reads the one proof of a request. The error says in words what is there instead.
func readProofIn(h http.Header) (readProof, error) {
	values := h.Values("DPoP")
	if len(values) != 1 {
		return readProof{}, fmt.Errorf("%d DPoP headers", len(values))
	}
	compact := values[0]
	header, err := jose.Header(compact)
	if err != nil {
		return readProof{}, fmt.Errorf("a proof that is no JWS: %w", err)
	}
	jwk, _ := header["jwk"].(map[string]any)
	if header["typ"] != "dpop+jwt" || header["alg"] != "ES256" || jwk == nil {
		return readProof{}, fmt.Errorf("a proof with typ %s, alg %s and jwk %s", judge.Shown(header["typ"]), judge.Shown(header["alg"]), judge.Shown(header["jwk"]))
	}
	if _, private := jwk["d"]; private {
		return readProof{}, errors.New("a proof with the private key in it")
	}
	key, err := jose.PublicKey(jwk)
	if err != nil {
		return readProof{}, fmt.Errorf("a proof whose jwk is %w", err)
	}
	_, payload, err := jose.Verify(compact, key)
	if err != nil {
		return readProof{}, fmt.Errorf("a proof whose signature does not fit: %w", err)
	}
	read, err := newReadStatement(compact, payload)
	return readProof{read, key}, err
}

// thumbprint is that of the proof's key.
func (p readProof) thumbprint() string { return jose.Thumbprint(p.key) }

// wrong says what is wrong with the proof as one for that request; empty for nothing. That its jti is new is not asked here.
func (p readProof) wrong(method, url, accessToken string, now time.Time) string {
	if id := p.claims.Text("jti"); len(id) < 16 || len(id) > 128 {
		return fmt.Sprintf("jti is %s, not a string of 16 to 128 characters", judge.Shown(p.claims["jti"]))
	}
	if wrong := differing(p.claims, "htm", method, "htu", url); wrong != "" {
		return wrong
	}
	issued, ok := p.claims.Whole("iat")
	if !ok || now.Sub(time.Unix(issued, 0)).Abs() > proofWindow {
		return fmt.Sprintf("iat is %s, not the time in whole seconds", judge.Shown(p.claims["iat"]))
	}
	if accessToken != "" {
		return differing(p.claims, "ath", hashOf(accessToken))
	}
	return ""
}
