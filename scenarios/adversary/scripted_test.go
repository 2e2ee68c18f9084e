package adversary_test

import (
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios"
	"countersign/scenarios/adversary"
)

// bounds are where the search finds something.
type bounds struct {
	scene           string
	moves, sessions int
}

// sought are the bounds within which the search finds what a script does, where neither the catalogue of attacks nor a table of necessity has it.
var sought = map[string]bounds{
	"bidirectional/attack/downgrade-to-plaintext":           {"plain-server", 2, 1},
	"bidirectional/attack/known-user-name":                  {"likely-passwords", 1, 1},
	"bidirectional/attack/password-guesses":                 {"likely-passwords", 1, 1},
	"bidirectional/attack/password-guesses-over-many-flows": {"likely-passwords", 1, 1},
	"mobile/attack/another-user-on-the-own-device":          {"open-web", 1, 1},
	"mobile/attack/app-without-right":                       {"open-web", 1, 1},
	"mobile/attack/deregistered-by-a-stranger":              {"likely-passwords", 1, 1},
	"mobile/attack/deregistration-guessed":                  {"likely-passwords", 1, 1},
	"mobile/attack/dismissed-in-the-new-rules":              {"open-web", 1, 1},
	"mobile/attack/lost-device-asks-anew":                   {"no-push", 1, 1},
	"mobile/attack/nothing-to-compare":                      {"lost-device", 2, 1},
	"mobile/attack/registered-by-a-stranger":                {"likely-passwords", 1, 1},
	"mobile/attack/token-of-a-lost-device":                  {"lost-device", 2, 1},
	"mobile/attack/unregistered-device":                     {"open-web", 1, 1},
	"mobile/attack/vector-used-twice":                       {"leaking-gateway", 1, 1},
	"offline/attack/no-line":                                {"plain-verification", 1, 1},
	"offline/attack/no-signature":                           {"open", 1, 1},
	"offline/attack/own-amount":                             {"open", 1, 1},
	"offline/attack/own-challenge":                          {"open", 1, 1},
	"offline/attack/own-device":                             {"open", 1, 1},
	"offline/attack/serial-collision":                       {"open", 1, 1},
	"offline/attack/signature-of-another":                   {"open", 1, 1},
	"offline/attack/thief-with-any-password":                {"dishonest-till", 1, 1},
	"offline/attack/thief-without-password":                 {"stolen-handset", 1, 1},
	"unified/attack/answer-of-another-login":                {"proxied-logins", 1, 2},
	"unified/attack/known-user-name":                        {"likely-passwords", 1, 1},
	"unified/attack/logout-by-a-form":                       {"open-web", 1, 1},
	"unified/attack/logout-by-a-picture":                    {"open-web", 1, 1},
	"unified/attack/made-up-pass-token":                     {"dishonest-wiki", 1, 1},
	"unified/attack/review-without-the-right":               {"stolen-operator", 3, 1},
	"unified/attack/unreviewed-path":                        {"stolen-operator", 2, 1},
}

// breaks is the name of the invariant that a scripted attack is about.
func breaks(s scenarios.Scenario) string {
	GinkgoHelper()
	f, err := adversary.Find(s.Flow)
	Expect(err).NotTo(HaveOccurred())
	for _, i := range f.Invariants {
		if i.Text == s.Invariant {
			return i.Name
		}
	}
	return ""
}

// known reports whether the search is held to an attack on the same invariant, without guards that a script goes without too.
func known(s scenarios.Scenario) bool {
	GinkgoHelper()
	same := func(invariant string, lifted []catalog.ID) bool {
		return invariant == breaks(s) && !slices.ContainsFunc(lifted, func(id catalog.ID) bool { return !slices.Contains(s.Guards, id) })
	}
	for _, k := range adversary.KnownAttacks() {
		if k.Flow == s.Flow && same(k.Breaks, k.Lifted) {
			return true
		}
	}
	for _, t := range adversary.KeptTables() {
		for _, n := range t.Needs {
			if t.Flow == s.Flow && n.Attack != nil && same(n.Attack.Breach.Invariant, n.Attack.Lifted) {
				return true
			}
		}
	}
	return false
}

var _ = Describe("The search is held to the attacks that are scripted", func() {
	for _, s := range scenarios.All() {
		if s.Kind != scenarios.Attack {
			continue
		}
		if within, quick := sought[s.Name]; quick {
			It("and finds by itself: "+s.Name, func() {
				f, err := adversary.Find(s.Flow)
				Expect(err).NotTo(HaveOccurred())
				Expect(found(adversary.Hunt{
					Flow: f, Level: catalog.Hardened, Lifted: s.Guards, Scene: within.scene, Moves: within.moves, Switches: 1, Sessions: within.sessions, Seed: 1, Breaks: breaks(s),
				}).Attack).NotTo(BeNil())
			})
		}
	}

	It("each of them by the catalogue of attacks, a table of necessity, or a hunt here", func() {
		scripted := 0
		for _, s := range scenarios.All() {
			if s.Kind != scenarios.Attack || breaks(s) == "" {
				continue
			}
			scripted++
			_, quick := sought[s.Name]
			Expect(quick || known(s)).To(BeTrue(), "%s, which breaks %s without %v", s.Name, breaks(s), s.Guards)
		}
		Expect(scripted).To(BeNumerically(">", 200))
	})
})
