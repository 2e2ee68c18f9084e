package scenarios

import (
	"embed"
	"path"

	"countersign/scenarios/adversary"
	"countersign/scenarios/stage"
	"countersign/scenarios/twosites"
)

// kept holds attacks that the explorer found, as `countersign explore` writes them.
//
//go:embed found/*.json
var kept embed.FS

// foundAttacks are attacks that nobody wrote by hand. To keep one, put its attack.json into found/ and name it here.
func foundAttacks() []Scenario {
	return []Scenario{
		found("redeemed-twice.json", "redeemed-twice", "A dishonest client redeems twice",
			"The dishonest site C goes through a flow of its own with Mallory as its user, every step as it should be, and then redeems the same verifier once more with a fresh nonce. One consent would give two access tokens, of which the user can see and take back only one. The explorer found this; the document says nothing on single use.",
			twosites.OneTokenAConsent).openAtCore(),
	}
}

// found is an attack of the explorer's as a scenario. Its guards are those without which it was found.
func found(file, name, title, text string, breaks stage.Invariant) Scenario {
	content, err := kept.ReadFile(path.Join("found", file))
	if err != nil {
		panic(err) // it is embedded
	}
	attack, err := adversary.ParseAttack(content)
	if err != nil {
		panic(err) // a test reads them all
	}
	flow, err := adversary.Find(attack.Flow)
	if err != nil {
		panic(err)
	}
	return attackOn(attack.Flow, "found/"+name, title, text, breaks, attack.Lifted, attack.Script(flow))
}
