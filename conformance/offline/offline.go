package offline

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"time"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/judge"
)

// Flow is the offline flow as the harness knows it.
func Flow() conformance.Flow {
	return conformance.Flow{
		Name: "offline", Profile: "offline@1", WellKnown: wellKnown,
		Signs: []conformance.Sign{
			{Member: "application_endpoint", Roles: []catalog.Role{catalog.ServiceServer}},
			{Member: "near_field_endpoint", Roles: []catalog.Role{catalog.VerificationDevice}},
			{Member: "start_endpoint", Roles: []catalog.Role{catalog.Handset}},
		},
		Checks:      slices.Concat(serviceServerChecks(), verificationDeviceChecks(), handsetChecks()), // in the order of the catalogue
		Setup:       func() conformance.Setup { s := Default(); return &s },
		SetupSchema: setupSchema,
		Patience: map[catalog.Role]time.Duration{
			catalog.VerificationDevice: 10 * time.Second, // it answers a frame at once
			catalog.Handset:            75 * time.Second, // it polls for 30 s, and tries a frame eight times before and after: profile, section 4.2
		},
	}
}

//go:embed setup.schema.json
var setupSchema []byte

// test is a session with a target of this flow.
type test struct {
	judge.Judge
	Setup
	metadata metadata
	document judge.Document
}

// metadata is section 3 of the profile, as the target serves it.
type metadata struct {
	Profile                 string           `json:"profile"`
	Issuer                  string           `json:"issuer"`
	ApplicationEndpoint     string           `json:"application_endpoint"`
	VerificationEndpoint    string           `json:"verification_endpoint"`
	PasswordEndpoint        string           `json:"password_endpoint"`
	ChallengeLifetime       int64            `json:"challenge_lifetime"`
	Keys                    []map[string]any `json:"keys"`
	NearFieldEndpoint       string           `json:"near_field_endpoint"`
	NearFieldProfile        string           `json:"near_field_profile"`
	NearFieldFrameSize      int              `json:"near_field_frame_size"`
	NearFieldMediaTypes     []string         `json:"near_field_media_types"`
	Device                  string           `json:"device"`
	StartEndpoint           string           `json:"start_endpoint"`
	PasswordSettingEndpoint string           `json:"password_setting_endpoint"`
	Handset                 string           `json:"handset"`
}

const wellKnown = "/.well-known/offline-authorization"

// against makes a check's function out of one that wants the setup and the target's metadata.
func against(f func(*test)) func(*conformance.Session) {
	return func(s *conformance.Session) {
		t := &test{Judge: judge.Judge{Session: s}, Setup: judge.SetupOf[Setup](s)}
		t.document = t.Discover(wellKnown, &t.metadata)
		f(t)
	}
}

// random gives n random bytes.
func (t *test) random(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(t.Env.Entropy(), b); err != nil {
		t.Broken("no randomness: %v", err)
	}
	return b
}

// signer is one who signs under an identifier with a key of the setup.
func (t *test) signer(id string, key Key) signer {
	private, err := key.Ed25519()
	if err != nil {
		t.Broken("%s: %v", id, err)
	}
	return signer{id, private}
}

// announced is a member that the target's metadata have to have, and what they have.
type announced struct {
	right            bool
	expected, actual string
}

// announces ends the check as failed unless the metadata have all the members.
func (t *test) announces(all ...announced) {
	t.OfType(t.document.Response, "the metadata document", "application/json")
	for _, member := range all {
		if !member.right {
			t.FailAt(t.document.Exchange, "metadata with "+member.expected, fmt.Sprintf("%q", member.actual))
		}
	}
}
