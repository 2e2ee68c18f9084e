package reference

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"countersign/actors/live"
	"countersign/actors/nearfield"
	cast "countersign/actors/offline"
	"countersign/actors/password"
)

// serveOffline runs a handset, at PortA, a service server, at PortB, and two devices: a till over BLE, and a gate that reads pictures.
func (l Live) serveOffline(ctx context.Context, r Reference, world *live.World) error {
	var listeners []net.Listener
	var origins []string
	for _, port := range []int{l.PortA, l.PortB, 0, 0} {
		listener, origin, err := listen(port)
		if err != nil {
			for _, open := range listeners {
				err = errors.Join(err, open.Close())
			}
			return err
		}
		listeners, origins = append(listeners, listener), append(origins, origin)
	}
	handlers, err := r.business(world, origins)
	if err != nil {
		for _, open := range listeners {
			err = errors.Join(err, open.Close())
		}
		return err
	}
	l.Tell(fmt.Sprintf("%-15s %s   account alice, password alice-account", "handset", origins[0]))
	l.Tell(fmt.Sprintf("%-15s %s   coffee needs the offline password from 5000 on, gate always", "service server", origins[1]))
	l.Tell(fmt.Sprintf("%-15s %s   speaks ble, and takes pictures too", "till-1", origins[2]))
	l.Tell(fmt.Sprintf("%-15s %s   speaks qr: frames are pictures, shown on its page", "gate-1", origins[3]))
	l.Tell("Open the handset in a browser, set an offline password, and apply for coffee or gate. Interrupt to stop.")
	return l.run(ctx, listeners, handlers, origins...)
}

// business assembles all parties of the offline flow: handset, server, till and gate, at these origins.
func (r Reference) business(world *live.World, origins []string) ([]http.Handler, error) {
	const handsetID, account = "handset-1", "alice"
	entropy := world.Env("enrolment", r.guards()).Entropy
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
		Env: world.Env("service-server", r.guards()), Issuer: origins[1], Signer: signer,
		Handsets: []cast.EnrolledHandset{{ID: handsetID, Account: account, Key: cast.Signer{Key: handsetKey}.Public()}},
		Accounts: []cast.Account{{Name: account, Password: hash}},
		Services: []cast.Service{{ID: "coffee", Threshold: 5000}, {ID: "gate"}},
		// Long enough for a person who reads before signing.
		ChallengeLifetime: 2 * time.Minute,
	}
	handset := &cast.Handset{
		Env: world.Env(handsetID, r.guards()), BaseURL: origins[0], ID: handsetID, Key: handsetKey, Account: account, Issuer: origins[1], ServerKeys: pinned,
	}
	var devices []http.Handler
	for i, d := range []struct{ id, link string }{{"till-1", "ble"}, {"gate-1", "qr"}} {
		link, _ := nearfield.Find(d.link)
		base, secret := origins[2+i], "secret-of-"+d.id
		device := &cast.VerificationDevice{
			Env: world.Env(d.id, r.guards()), BaseURL: base, Device: d.id, Secret: secret, Issuer: origins[1], ServerKeys: pinned, Link: link,
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
