package unified

import (
	"math/rand/v2"
	"testing"
	"time"

	"countersign/conformance"
	"countersign/conformance/jose"
)

// FuzzMessage opens bodies: one is plain JSON, or sealed under the one key, or nothing.
func FuzzMessage(f *testing.F) {
	key := jose.Key{ID: "k", Secret: make([]byte, 32)}
	sealed, err := jose.Seal(rand.NewChaCha8([32]byte{1}), key, nil, []byte(`{"iss":"a","jti":"b"}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(joseType, sealed)
	f.Add(joseType, "....")
	f.Add(jsonType, ` {"iss":1}`)
	f.Add(";;=", "\xff{")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		o, err := openMessage(contentType, []byte(body), key)
		if err != nil {
			return
		}
		if o.payload == nil || !o.plain && body != sealed {
			t.Errorf("%q opens into %v", body, o.payload)
		}
		if o.wrong(line{from: "a", to: "b", key: key}, "pass-token", "x", time.Unix(1_800_000_000, 0)) == "" {
			t.Errorf("nothing is wrong with %q", body)
		}
	})
}

// FuzzElements reads pages: every link that is found is one that a page of that size can hold.
func FuzzElements(f *testing.F) {
	f.Add(`<a href="/x">x</a><base href="//other"><a href="javascript:x">`, "http://127.0.0.1/portal")
	f.Add("<a href='\xff\x00'><svg><a href=//x>", "::")
	f.Fuzz(func(t *testing.T, page, address string) {
		resp := &conformance.Response{Body: []byte(page), URL: address}
		if found, all := links(resp), elements(resp); len(found) > len(all)*1024 || len(all) > len(page)+10 {
			t.Errorf("%d links in %d elements in %d bytes", len(found), len(all), len(page))
		}
	})
}
