package oauth1_test

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"hash"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/actors/oauth1"
)

// BenchmarkVerify measures what a server spends on one request, for each signature method.
func BenchmarkVerify(b *testing.B) {
	block, _ := pem.Decode(privatePEM)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		b.Fatal(err)
	}
	key := parsed.(*rsa.PrivateKey)
	keys := oauth1.Keys{ClientSecret: "kd94hf93k423kf44", TokenSecret: "pfkkdhi9sl3r4s00", PublicKey: &key.PublicKey}
	for _, method := range oauth1.Methods() {
		b.Run(string(method), func(b *testing.B) {
			r := httptest.NewRequest("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", nil)
			r.URL.Scheme, r.URL.Host, r.RequestURI = "http", r.Host, ""
			s := oauth1.Signer{
				ConsumerKey: "dpf43f3p2l4k3l03", ClientSecret: keys.ClientSecret, Token: "nnch734d00sl2jdk", TokenSecret: keys.TokenSecret,
				Method: method, PrivateKey: key,
				Now: func() time.Time { return time.Unix(137131202, 0) }, Entropy: strings.NewReader("sixteen bytes...."),
			}
			if err := s.Sign(r); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				m, err := oauth1.Parse(r, 0)
				if err != nil {
					b.Fatal(err)
				}
				if err := m.Verify(keys); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBareHMAC is the floor for the HMAC methods: the digest of a ready base string.
func BenchmarkBareHMAC(b *testing.B) {
	r := httptest.NewRequest(http.MethodGet, "/photos?file=vacation.jpg&size=original&oauth_consumer_key=dpf43f3p2l4k3l03&oauth_nonce=chapoH"+
		"&oauth_signature_method=HMAC-SHA1&oauth_timestamp=137131202&oauth_token=nnch734d00sl2jdk", nil)
	m, err := oauth1.Parse(r, 0)
	if err != nil {
		b.Fatal(err)
	}
	base, key := []byte(m.BaseString()), []byte("kd94hf93k423kf44&pfkkdhi9sl3r4s00")
	for name, digest := range map[string]func() hash.Hash{"SHA1": sha1.New, "SHA256": sha256.New} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mac := hmac.New(digest, key)
				mac.Write(base)
				mac.Sum(nil)
			}
		})
	}
}
