package unified_test

import (
	"net/http"
	"testing"

	. "github.com/onsi/gomega"

	"countersign/actors/guard"
)

// BenchmarkSealedMessage is what the platform does with every sealed message: open and judge it, remember its jti, look
// something up, and seal the answer. Making the request and opening the answer are counted too.
func BenchmarkSealedMessage(b *testing.B) {
	RegisterTestingT(b)
	s := newStage(guard.Set{})
	c := s.caller("tp-a")
	c.logsIn(s.browser(), "alice")
	for b.Loop() {
		if c.status("u-1", 1).status != http.StatusOK {
			b.Fatal("the status was refused")
		}
	}
}

// BenchmarkLogin is a whole login at one third-party platform, of a user who is logged in at the platform.
func BenchmarkLogin(b *testing.B) {
	RegisterTestingT(b)
	s := newStage(guard.Set{})
	c, alice := s.caller("tp-a"), s.browser()
	alice.logIn("alice")
	for b.Loop() {
		if c.logsIn(alice, "alice").text("sub") != "u-1" {
			b.Fatal("the login was refused")
		}
	}
}
