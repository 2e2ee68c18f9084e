// Package mobile holds the checks of the mobile flow. Wire names and values are spelled out: it knows no actor.
package mobile

import "countersign/conformance"

// Setup is what the harness and the target have agreed on: section 8 of the profile, whose defaults Default gives.
type Setup struct {
	// Issuer is where the harness plays the authorization server, for a business system or an app under test.
	Issuer string `yaml:"issuer" json:"issuer"`
	// Systems are the business systems that an authorization server under test knows. A business system under test is the first of them.
	Systems []SystemSetup `yaml:"systems" json:"systems"`
	// SecondBaseURL is where the harness plays the first system at its second address; RedirectBaseURL where its redirects point.
	SecondBaseURL   string `yaml:"second_base_url" json:"second_base_url"`
	RedirectBaseURL string `yaml:"redirect_base_url" json:"redirect_base_url"`
	// SilentBaseURL is where nothing listens.
	SilentBaseURL string `yaml:"silent_base_url" json:"silent_base_url"`
	// DevicesBaseURL is where the harness plays devices that take messages, for an authorization server under test.
	DevicesBaseURL string `yaml:"devices_base_url" json:"devices_base_url"`
	// Administrators may change the rules of an authorization server under test.
	Administrators []AccountSetup `yaml:"administrators" json:"administrators"`
	// Users have passwords at an authorization server under test and resources at a business system under test. The last one's attempts are used up by MO-AS-32.
	Users []AccountSetup `yaml:"users" json:"users"`
	// Apps and Devices are the first rules of an authorization server under test, with the addresses of Systems.
	Apps    []AppSetup    `yaml:"apps" json:"apps"`
	Devices []DeviceSetup `yaml:"devices" json:"devices"`
	// DeviceUnderTest is that of an app under test, which is the first of Apps, for the first of Users.
	DeviceUnderTest string `yaml:"device_under_test" json:"device_under_test"`
	// SigningKey is the harness authorization server's, the one key that an app under test trusts.
	SigningKey SigningKeySetup `yaml:"signing_key" json:"signing_key"`
}

// SystemSetup is a business system.
type SystemSetup struct {
	ID string `yaml:"id" json:"id"`
	// Secret is what the system authenticates with at the authorization server.
	Secret string `yaml:"secret" json:"secret"`
	// BaseURL is where the harness plays the system.
	BaseURL    string          `yaml:"base_url" json:"base_url"`
	SealingKey SealingKeySetup `yaml:"sealing_key" json:"sealing_key"`
}

// Address is where the system lies by the first rules.
func (s SystemSetup) Address() string { return AddressAt(s.BaseURL) }

// AddressAt is the address of a business system that the harness plays under a base URL.
func AddressAt(base string) string { return base + "/resource" }

// SealingKeySetup is the first sealing key of a system: 256 bits, K in base64url.
type SealingKeySetup struct {
	KeyID string `yaml:"kid" json:"kid"`
	K     string `yaml:"k" json:"k"`
}

// AccountSetup is a name with its password.
type AccountSetup struct {
	Name     string `yaml:"name" json:"name"`
	Password string `yaml:"password" json:"password"`
}

// AppSetup is an app in the first rules.
type AppSetup struct {
	ID     string   `yaml:"appid" json:"appid"`
	System string   `yaml:"system_id" json:"system_id"`
	Users  []string `yaml:"users" json:"users"`
}

// DeviceSetup is a device in the first rules.
type DeviceSetup struct {
	ID   string `yaml:"deviceid" json:"deviceid"`
	User string `yaml:"username" json:"username"`
}

// SigningKeySetup is a P-256 key with its private part D; all three numbers are in base64url.
type SigningKeySetup struct {
	KeyID string `yaml:"kid" json:"kid"`
	X     string `yaml:"x" json:"x"`
	Y     string `yaml:"y" json:"y"`
	D     string `yaml:"d" json:"d"`
}

// Public is the key as a JSON Web Key without its private part.
func (k SigningKeySetup) Public() map[string]any {
	return map[string]any{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": k.KeyID, "x": k.X, "y": k.Y}
}

// Notification is the notification_uri of devices that the harness plays.
func (s *Setup) Notification() string { return s.DevicesBaseURL + "/notification" }

// Rules are the first rules of an authorization server under test, as they go over the wire.
func (s *Setup) Rules() map[string]any {
	systems, apps, devices := []any{}, []any{}, []any{}
	for _, system := range s.Systems {
		systems = append(systems, map[string]any{"system_id": system.ID, "address": system.Address()})
	}
	for _, app := range s.Apps {
		users := []any{}
		for _, user := range app.Users {
			users = append(users, user)
		}
		apps = append(apps, map[string]any{"appid": app.ID, "system_id": app.System, "users": users})
	}
	for _, device := range s.Devices {
		devices = append(devices, map[string]any{"deviceid": device.ID, "username": device.User})
	}
	return map[string]any{"systems": systems, "apps": apps, "devices": devices}
}

// Addresses implements conformance.Setup: the harness plays the authorization server, two business systems, one of them at a second address, devices, and whoever a redirect points at.
func (s *Setup) Addresses() []conformance.Address {
	addresses := []conformance.Address{{Party: "authorization-server", Origin: &s.Issuer}}
	for i, party := range []string{"business-system", "other-system"} {
		if i < len(s.Systems) {
			addresses = append(addresses, conformance.Address{Party: party, Origin: &s.Systems[i].BaseURL})
		}
	}
	return append(addresses,
		conformance.Address{Party: "second-address", Origin: &s.SecondBaseURL},
		conformance.Address{Party: "redirect-target", Origin: &s.RedirectBaseURL},
		conformance.Address{Party: "devices", Origin: &s.DevicesBaseURL},
	)
}

// Default is section 8 of the profile.
func Default() Setup {
	return Setup{
		Issuer: "http://127.0.0.1:8821",
		Systems: []SystemSetup{
			{ID: "crm", Secret: "crm-secret", BaseURL: "http://127.0.0.1:8822", SealingKey: SealingKeySetup{"crm-1", "I1urdNkFlj6yL61ShKbGswm_wUR8Mj8NYfXQRkMM4W8"}},
			{ID: "erp", Secret: "erp-secret", BaseURL: "http://127.0.0.1:8824", SealingKey: SealingKeySetup{"erp-1", "CbE406LN5KKnfelQXu1EJGshrq0wtj3MHBqDBCFJlfI"}},
		},
		SecondBaseURL:   "http://127.0.0.1:8825",
		RedirectBaseURL: "http://127.0.0.1:8826",
		SilentBaseURL:   "http://127.0.0.1:8829",
		DevicesBaseURL:  "http://127.0.0.1:8823",
		Administrators:  []AccountSetup{{"admin-1", "admin-password-1"}, {"admin-2", "admin-password-2"}},
		Users:           []AccountSetup{{"alice", "alice-password"}, {"bob", "bob-password"}, {"carol", "carol-password"}},
		Apps: []AppSetup{
			{ID: "field-sales", System: "crm", Users: []string{"alice", "bob", "carol"}},
			{ID: "stock", System: "erp", Users: []string{"alice"}},
		},
		Devices:         []DeviceSetup{{"device-alice", "alice"}, {"device-bob", "bob"}},
		DeviceUnderTest: "device-under-test",
		SigningKey: SigningKeySetup{
			KeyID: "harness-1",
			X:     "yW6fk56JXAJxdaggTrvhjOtEy7yW--dWkOsXKk5FvFE", Y: "1uxbWylTyglGImoFl6etGliYTltDLr2z-XrOSuMLQ84",
			D: "wrH5XFHgPVRBdJRYBUX6p9EK-A0CqGwFpYSE1MAhgC4",
		},
	}
}
