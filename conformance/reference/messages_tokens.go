package reference

import (
	"crypto/sha256"

	"countersign/conformance/jose"
	"countersign/conformance/mobile"
	"countersign/conformance/unified"
	"countersign/conformance/vectors"
)

// exampleTime is the moment at which the examples are made, in seconds since 1970.
const exampleTime = 1767225600

// hashOf is ath for an access token.
func hashOf(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return jose.Encode(sum[:])
}

// mobileMessages are a sealed token, a signed address, proofs and a wipe message: sections 2.1 and 4.3 to 4.5 of the profile.
func mobileMessages() ([]vectors.Message, error) {
	setup := mobile.Default()
	x := &tokenExamples{}
	secret, err := jose.Decode(setup.Systems[0].SealingKey.K)
	if err != nil {
		return nil, err
	}
	private, err := jose.Decode(setup.SigningKey.D)
	if err != nil {
		return nil, err
	}
	device, server := x.signerNamed("", "mobile@1 device-alice"), x.signerOf(setup.SigningKey.KeyID, private)
	if x.err != nil {
		return nil, x.err
	}
	key := jose.Key{ID: setup.Systems[0].SealingKey.KeyID, Secret: secret}
	cnf := map[string]any{"jkt": device.Thumbprint()}
	app, phone, user, system := setup.Apps[0].ID, setup.Devices[0].ID, setup.Users[0].Name, setup.Systems[0]

	proof := vectors.Message{ID: "proof", Kind: "proof", Section: "2.1", Title: "of an authentication"}
	proving := claims{"typ": "dpop+jwt", "jwk": jose.JWK(&device.Key.PublicKey)}
	proves := claims{"jti": "jti-of-a-proof-0001", "htm": "POST", "htu": setup.Issuer + "/authentication", "iat": exampleTime}
	proof = x.signed(proof, device, proving, proves)
	withPrivate := jose.JWK(&device.Key.PublicKey)
	withPrivate["d"] = jose.Encode(x.private(device))
	x.all = append(x.all,
		proof.WrongText("private", "with a private key in its header", x.kept(device.Sign(proving.but("jwk", withPrivate), x.text(proves)))),
		proof.WrongText("method", "of a GET", x.kept(device.Sign(proving, x.text(proves.but("htm", "GET"))))),
		proof.WrongText("url", "of the registration", x.kept(device.Sign(proving, x.text(proves.but("htu", setup.Issuer+"/registration"))))),
		proof.WrongText("jti", "without jti", x.kept(device.Sign(proving, x.text(proves.but("jti", nil))))),
		proof.WrongText("iat", "made two minutes ago", x.kept(device.Sign(proving, x.text(proves.but("iat", exampleTime-120))))),
	)

	token := vectors.Message{ID: "token", Kind: "sealed token", Section: "4.3", Title: "of alice at " + system.ID}
	sealing := claims{"typ": "sealed+jwt", "aud": system.ID, "cnf": cnf}
	says := claims{
		"iss": setup.Issuer, "aud": system.ID, "sub": user, "appid": app, "deviceid": phone, "cnf": cnf,
		"jti": "identifier-of-token-01", "token": "token-value-of-alice-001", "iat": exampleTime, "exp": exampleTime + 300,
	}
	token, nonce := x.sealed(token, key, "mobile@1 iv-1", sealing, says)
	x.all = append(x.all,
		token.WrongText("aud", "with another system in its header", x.kept(jose.SealWith(nonce, key, sealing.but("aud", "erp"), x.text(says)))),
		token.WrongText("cnf", "without cnf in its claims", x.kept(jose.SealWith(nonce, key, sealing, x.text(says.but("cnf", nil))))),
		token.WrongText("exp", "expired", x.kept(jose.SealWith(nonce, key, sealing, x.text(says.but("exp", exampleTime-1))))),
	)

	shown := vectors.Message{ID: "proof-of-access", Kind: "proof", Section: "2.1", Title: "of a resource request with the sealed token"}
	accessing := claims{"jti": "jti-of-a-proof-0002", "htm": "GET", "htu": system.Address(), "iat": exampleTime, "ath": hashOf(token.Text)}
	shown = x.signed(shown, device, proving, accessing)
	x.all = append(x.all, shown.WrongText("ath", "without ath", x.kept(device.Sign(proving, x.text(accessing.but("ath", nil))))))

	address := vectors.Message{ID: "address", Kind: "signed address", Section: "4.4", Title: "that comes with the sealed token"}
	names := claims{
		"iss": setup.Issuer, "aud": app, "sub": phone, "system_id": system.ID, "address": system.Address(), "rules_version": 1,
		"ath": hashOf(token.Text), "iat": exampleTime, "exp": exampleTime + 300,
	}
	address = x.signed(address, server, claims{"typ": "address+jwt"}, names)
	x.all = append(x.all,
		address.WrongText("device", "for another device", x.kept(server.Sign(claims{"typ": "address+jwt"}, x.text(names.but("sub", setup.Devices[1].ID))))),
		address.WrongText("ath", "for another token", x.kept(server.Sign(claims{"typ": "address+jwt"}, x.text(names.but("ath", hashOf("another")))))),
	)

	wipe := vectors.Message{ID: "wipe", Kind: "message", Section: "4.5", Title: "that wipes the device"}
	orders := claims{"iss": setup.Issuer, "iat": exampleTime, "jti": "jti-of-a-wipe-message", "aud": phone, "cnf": cnf, "events": claims{"urn:countersign:mobile:wipe": claims{}}}
	wipe = x.signed(wipe, server, claims{"typ": "secevent+jwt"}, orders)
	x.all = append(x.all,
		wipe.WrongText("device", "for another device", x.kept(server.Sign(claims{"typ": "secevent+jwt"}, x.text(orders.but("aud", setup.Devices[1].ID))))),
		wipe.WrongText("stranger", "signed with the device key", x.kept(device.Sign(claims{"typ": "secevent+jwt", "kid": server.ID}, x.text(orders)))),
	)
	return x.all, x.err
}

// unifiedMessages are sealed requests and answers, and a logout token: sections 2.1 and 4.7 of the profile.
func unifiedMessages() ([]vectors.Message, error) {
	setup := unified.Default()
	x := &tokenExamples{}
	platform := setup.Platforms[0]
	secret, err := platform.Keys[0].Secret()
	if err != nil {
		return nil, err
	}
	key := jose.Key{ID: platform.Keys[0].ID, Secret: secret}
	for i, one := range []struct {
		name, id, to string
		fromPlatform bool
		own          claims
	}{
		{"pass-token-request", "jti-of-message-000001", "", false, claims{"grant_type": "authorization_code", "code": "code-of-an-approval-0001", "redirect_uri": "http://127.0.0.1:8842/callback", "code_verifier": "verifier-of-a-login-that-has-43-characters-"}},
		{"pass-token-response", "jti-of-message-000002", "jti-of-message-000001", true, claims{"pass_token": "pass-token-of-alice-0001", "expires_in": 60}},
		{"authentication-request", "jti-of-message-000003", "", false, claims{"pass_token": "pass-token-of-alice-0001"}},
		{"authentication-response", "jti-of-message-000004", "jti-of-message-000003", true, claims{"sub": "1001", "nickname": "Alice", "picture": platform.Issuer + "/pictures/alice", "generation": 1}},
		{"status-request", "jti-of-message-000005", "", false, claims{"sub": "1001", "generation": 1}},
		{"batch-logout-request", "jti-of-message-000006", "", true, claims{"tasks": []claims{{"task_id": "identifier-of-a-task-01", "sub": "1001", "generation": 1}}}},
		{"batch-logout-response", "jti-of-message-000007", "jti-of-message-000006", false, claims{"results": []claims{{"task_id": "identifier-of-a-task-01", "status": "done"}}}},
	} {
		payload := claims{"iss": platform.ClientID, "aud": platform.Issuer, "iat": exampleTime, "jti": one.id}
		if one.fromPlatform {
			payload["iss"], payload["aud"] = platform.Issuer, platform.ClientID
		}
		for name, value := range one.own {
			payload[name] = value
		}
		header := claims{"typ": one.name + "+jwt"}
		if one.to != "" {
			payload["in_reply_to"] = one.to
		}
		m, nonce := x.sealed(vectors.Message{ID: one.name, Kind: "sealed message", Section: "2.1", Title: "under the communication key " + key.ID}, key, "unified@1 iv-"+string(rune('1'+i)), header, payload)
		wrong := func(id, fault string, header, payload claims) {
			x.all = append(x.all, m.WrongText(id, fault, x.kept(jose.SealWith(nonce, key, header, x.text(payload)))))
		}
		wrong("typ", "with the typ of another message", claims{"typ": "logout+jwt"}, payload)
		wrong("aud", "to another receiver", header, payload.but("aud", "tp-z"))
		wrong("stale", "made six minutes ago", header, payload.but("iat", exampleTime-360))
		wrong("jti", "without jti", header, payload.but("jti", nil))
		if one.to != "" {
			wrong("reply", "in reply to another request", header, payload.but("in_reply_to", "jti-of-another-request"))
		}
	}

	signer := x.signerNamed("signing-1", "unified@1 signing-1")
	if x.err != nil {
		return nil, x.err
	}
	const event = "http://schemas.openid.net/event/backchannel-logout"
	header := claims{"typ": "logout+jwt"}
	ends := claims{
		"iss": platform.Issuer, "aud": platform.ClientID, "sub": "1001", "iat": exampleTime, "exp": exampleTime + 120, "jti": "jti-of-a-logout-token",
		"events": claims{event: claims{}}, "generation": 1,
	}
	token := x.signed(vectors.Message{ID: "logout-token", Kind: "logout token", Section: "4.7", Title: "that ends the login credentials of a user"}, signer, header, ends)
	for _, lie := range []struct {
		id, fault string
		payload   claims
	}{
		{"nonce", "with a nonce", ends.but("nonce", "nonce-of-an-id-token")},
		{"events", "without events", ends.but("events", nil)},
		{"event", "whose event is no object", ends.but("events", claims{event: true})},
		{"aud", "for another third-party platform", ends.but("aud", "tp-z")},
		{"expired", "expired", ends.but("exp", exampleTime-1)},
		{"sub", "without sub", ends.but("sub", nil)},
	} {
		x.all = append(x.all, token.WrongText(lie.id, lie.fault, x.kept(signer.Sign(header, x.text(lie.payload)))))
	}
	return x.all, x.err
}
