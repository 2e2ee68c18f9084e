package reference

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"time"

	"countersign/actors/nearfield"
	cast "countersign/actors/offline"
	"countersign/actors/password"
)

// offline assembles a handset, a service server, and two devices: a till over BLE, and a gate that reads pictures.
func (v venue) offline() ([]http.Handler, error) {
	handlers, err := v.business()
	if err != nil {
		return nil, err
	}
	v.Tell(fmt.Sprintf("%-15s %s   account alice, password alice-account", "handset", v.origins[0]))
	v.Tell(fmt.Sprintf("%-15s %s   coffee needs the offline password from 5000 on, gate always", "service server", v.origins[1]))
	v.Tell(fmt.Sprintf("%-15s %s   speaks ble, and takes pictures too", "till-1", v.origins[2]))
	v.Tell(fmt.Sprintf("%-15s %s   speaks qr: frames are pictures, shown on its page", "gate-1", v.origins[3]))
	v.Tell("Open the handset in a browser, set an offline password, and apply for coffee or gate. Interrupt to stop.")
	return handlers, nil
}

// business assembles all parties of the offline flow: handset, server, till and gate, at these origins.
func (v venue) business() ([]http.Handler, error) {
	origins := v.origins
	const handsetID, account = "handset-1", "alice"
	entropy := v.env("enrolment").Entropy
	serverKey, err := freshKey(entropy("server key"))
	if err != nil {
		return nil, err
	}
	handsetKey, err := freshKey(entropy("handset key"))
	if err != nil {
		return nil, err
	}
	hash, err := password.Cost{}.Hash(account+"-account", entropy("accounts"))
	if err != nil {
		return nil, err
	}
	signer := cast.Signer{ID: "server-1", Key: serverKey}
	pinned := cast.PinnedKeys{signer.ID: signer.Public()}
	server := &cast.ServiceServer{
		Env: v.env("service-server"), Issuer: origins[1], Signer: signer,
		Handsets: []cast.EnrolledHandset{{ID: handsetID, Account: account, Key: cast.Signer{Key: handsetKey}.Public()}},
		Accounts: []cast.Account{{Name: account, Password: hash}},
		Services: []cast.Service{{ID: "coffee", Threshold: 5000}, {ID: "gate"}},
		// Long enough for a person who reads before signing.
		ChallengeLifetime: 2 * time.Minute,
	}
	handset := &cast.Handset{
		Env: v.env(handsetID), BaseURL: origins[0], ID: handsetID, Key: handsetKey, Account: account, Issuer: origins[1], ServerKeys: pinned,
	}
	var devices []http.Handler
	for i, d := range []struct{ id, link string }{{"till-1", "ble"}, {"gate-1", "qr"}} {
		link, _ := nearfield.Find(d.link)
		base, secret := origins[2+i], "secret-of-"+d.id
		device := &cast.VerificationDevice{
			Env: v.env(d.id), BaseURL: base, Device: d.id, Secret: secret, Issuer: origins[1], ServerKeys: pinned, Link: link,
		}
		server.Devices = append(server.Devices, cast.Device{ID: d.id, Secret: secret})
		handset.Near = append(handset.Near, device.Near(d.link))
		devices = append(devices, device.Handler())
	}
	till := handset.Near[0]
	till.Link = "qr"
	handset.Near = append(handset.Near, till)
	return append([]http.Handler{handset.Handler(), server.Handler()}, devices...), nil
}

func freshKey(entropy io.Reader) (ed25519.PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(entropy, seed); err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
