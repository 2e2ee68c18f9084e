package office

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	cast "countersign/actors/mobile"
	"countersign/actors/outbound"
	"countersign/actors/token"
	"countersign/conformance/jose"
	"countersign/scenarios/stage"
)

// Rogue is a dishonest person with a key of her own, who makes whatever proof she likes.
type Rogue struct {
	*stage.Attacker
	DeviceID, UserName, Password string

	stage *Stage
	key   token.Signer
}

func (st *Stage) newRogue(name string) *Rogue {
	r := &Rogue{Attacker: st.NewAttacker(name), DeviceID: deviceOf(name), UserName: name, Password: passwordOf(name), stage: st}
	st.rogues = append(st.rogues, r)
	return r
}

// Plays gives the rogue what to do.
func (r *Rogue) Plays(script func(*Rogue)) { r.Follows(func() { script(r) }) }

// Address is where the rogue waits for tokens.
func (r *Rogue) Address() string { return "https://" + r.Name + "/resource" }

// Key is the rogue's own.
func (r *Rogue) Key() token.Signer {
	if r.key.Key == nil {
		made, err := token.NewSigner(r.Host.Entropy("key"), "")
		if err != nil {
			panic(err) // a host's entropy does not end
		}
		r.key = made
	}
	return r.key
}

// Proof is what a rogue says in one.
type Proof struct {
	Method, Target string
	Token          string         // access token that it goes with, empty for none
	JWK            map[string]any // key that it names; nil: the rogue's
}

// Proves makes a proof with the rogue's key.
func (r *Rogue) Proves(p Proof) http.Header {
	id := make([]byte, 16)
	if _, err := io.ReadFull(r.Host.Entropy("proof identifiers"), id); err != nil {
		panic(err) // a host's entropy does not end
	}
	claims := map[string]any{"jti": hex.EncodeToString(id), "htm": p.Method, "htu": p.Target, "iat": r.Host.Clock().Now().Unix()}
	if p.Token != "" {
		claims["ath"] = hashOf(p.Token)
	}
	jwk := p.JWK
	if jwk == nil {
		jwk = r.Key().JWK()
	}
	return http.Header{"Dpop": {r.signs(map[string]any{"typ": "dpop+jwt", "jwk": jwk}, claims)}}
}

// signs signs claims with the rogue's key.
func (r *Rogue) signs(header, claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err) // texts and numbers can be written
	}
	signed, err := r.Key().Sign(header, payload)
	if err != nil {
		panic(err) // and signed
	}
	return signed
}

// Registration is a wish to register a device. What is empty is the rogue's own.
type Registration struct {
	DeviceID, UserName, Password, NotificationURI string
}

// Registers registers a device with a proof by the rogue's key.
func (r *Rogue) Registers(w Registration) stage.Reply {
	or := func(text, own string) string {
		if text == "" {
			return own
		}
		return text
	}
	return r.posts("/registration", map[string]string{
		"deviceid": or(w.DeviceID, r.DeviceID), "username": or(w.UserName, r.UserName), "password": or(w.Password, r.Password),
		"notification_uri": or(w.NotificationURI, "https://"+r.Name+"/notification"),
	})
}

// posts sends a JSON object with a proof to the authorization server.
func (r *Rogue) posts(path string, object map[string]string) stage.Reply {
	target := r.stage.Server.Issuer + path
	return r.PostJSON(target, object, r.Proves(Proof{Method: http.MethodPost, Target: target}))
}

// ID is an authentication ID.
type ID struct{ AppID, DeviceID, UserName string }

// IDOf is the authentication ID of a user.
func IDOf(u *User) ID { return ID{u.AppID, u.DeviceID, u.UserName} }

// Own is the rogue's own authentication ID for the app of CRM.
func (r *Rogue) Own() ID { return ID{FieldSales, r.DeviceID, r.UserName} }

// Authenticates asks for a token, with the rogue's proof.
func (r *Rogue) Authenticates(id ID) Grant {
	return r.AuthenticatesWith(id, r.Proves(Proof{Method: http.MethodPost, Target: r.stage.Server.Issuer + "/authentication"}))
}

// AuthenticatesWith asks for a token with whatever is in the header.
func (r *Rogue) AuthenticatesWith(id ID, header http.Header) Grant {
	reply := r.PostJSON(r.stage.Server.Issuer+"/authentication", map[string]string{"appid": id.AppID, "deviceid": id.DeviceID, "username": id.UserName}, header)
	return ReadGrant([]byte(reply.Body))
}

// Grant is an authentication answer in dishonest hands.
type Grant struct {
	AccessToken   string `json:"access_token"`
	SignedAddress string `json:"signed_address"`
	SystemID      string `json:"system_id"`
	Address       string `json:"system_address"`
	Message       string `json:"message"` // of a refusal
}

// ReadGrant reads an authentication answer.
func ReadGrant(body []byte) (g Grant) {
	_ = json.Unmarshal(body, &g) // what is no grant has no token
	return g
}

// Shows shows a token to a system with a proof by the rogue's key.
func (r *Rogue) Shows(s *System, accessToken string) stage.Reply {
	return r.ShowsWith(s, "DPoP "+accessToken, r.Proves(Proof{Method: http.MethodGet, Target: s.Address(), Token: accessToken}))
}

// ShowsWith shows a system whatever is said to be an authorization, with whatever is in the header.
func (r *Rogue) ShowsWith(s *System, authorization string, header http.Header) stage.Reply {
	return r.Do(http.MethodGet, s.Address(), "", showing(authorization, header))
}

func showing(authorization string, header http.Header) http.Header {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Authorization", authorization)
	return header
}

// Deregisters ends a device.
func (r *Rogue) Deregisters(username, password, deviceID string) stage.Reply {
	return r.PostJSON(r.stage.Server.Issuer+"/deregistration", map[string]string{"username": username, "password": password, "deviceid": deviceID}, nil)
}

// Pushes sends a device a message.
func (r *Rogue) Pushes(to *User, message string) stage.Reply {
	return r.Do(http.MethodPost, "https://"+to.Name+"/notification", message, http.Header{"Content-Type": {"application/secevent+jwt"}})
}

// Forges makes a message to a device in the authorization server's name, signed with the rogue's key. deviceKey is what the device names in its proofs.
func (r *Rogue) Forges(to *User, deviceKey map[string]any, event string, content any) string {
	thumbprint := ""
	if key, err := jose.PublicKey(deviceKey); err == nil {
		thumbprint = jose.Thumbprint(key)
	}
	return r.signs(map[string]any{"typ": "secevent+jwt", "kid": "signing-1"}, map[string]any{
		"iss": r.stage.Server.Issuer, "iat": r.Host.Clock().Now().Unix(), "jti": "made-up-by-" + r.Name + "-0001", "aud": to.DeviceID, "rules_version": 99,
		"cnf": map[string]any{"jkt": thumbprint}, "events": map[string]any{event: content},
	})
}

// MakesUp seals a token under a key that the rogue has made up and gives that name.
func (r *Rogue) MakesUp(kid string) string {
	secret := sha256.Sum256([]byte("a key of " + r.Name))
	made, err := jose.Seal(r.Host.Entropy("made-up tokens"), jose.Key{ID: kid, Secret: secret[:]}, map[string]any{"typ": "sealed+jwt"}, []byte(`{"sub":"alice"}`))
	if err != nil {
		return ""
	}
	return made
}

// Acknowledges reports that a device is wiped, with the identifier in a message that the rogue has seen.
func (r *Rogue) Acknowledges(deviceID, message string) stage.Reply {
	payload, err := jose.Payload(message)
	if err != nil {
		return stage.Reply{}
	}
	id, _ := members(payload)["jti"].(string)
	return r.posts("/wipe-acknowledgement", map[string]string{"deviceid": deviceID, "jti": id})
}

// PutsRules sends rules without being an administrator.
func (r *Rogue) PutsRules(rules cast.Rules) stage.Reply {
	text, err := json.Marshal(rules)
	if err != nil {
		return stage.Reply{}
	}
	return r.Do(http.MethodPut, r.stage.Server.Issuer+"/rules", string(text), http.Header{"Content-Type": {"application/json"}, "If-Match": {`"1"`}})
}

// beginning is how the claims in a token for CRM begin, as everybody knows who has read the profile.
func (r *Rogue) beginning(username string) string {
	return `{"iss":"` + r.stage.Server.Issuer + `","aud":"crm","sub":"` + username + `"`
}

// Turns makes another user's token of the rogue's own, by turning over the bits of the ciphertext in which the names differ. The names are equally long.
func (r *Rogue) Turns(accessToken, to string) string {
	parts := strings.Split(accessToken, ".")
	if len(parts) != 5 {
		return ""
	}
	sealed, err := jose.Decode(parts[3])
	own, other := r.beginning(r.UserName), r.beginning(to)
	if err != nil || len(own) != len(other) || len(own) > len(sealed) {
		return ""
	}
	for i := range len(own) {
		sealed[i] ^= own[i] ^ other[i]
	}
	parts[3] = jose.Encode(sealed)
	return strings.Join(parts, ".")
}

// HasLongNumber gives the colleague a device with a number so long that a long beginning of what stands in a token of its own is known to him.
func (r *Rogue) HasLongNumber() {
	r.DeviceID = deviceOf(r.Name) + "-" + strings.Repeat("x", 100)
	for i := range r.stage.Server.Rules.Devices {
		if d := &r.stage.Server.Rules.Devices[i]; d.Username == r.UserName {
			d.DeviceID = r.DeviceID
		}
	}
}

// Unseals reads a token without its key, where one of the rogue's own was sealed with the same initialization vector: what the rogue knows of
// the own one lays open the key stream, and thereby the other one, as far as it reaches. Both are empty when nothing can be read.
func (r *Rogue) Unseals(own, other string) (tokenID, value string) {
	mine, theirs := strings.Split(own, "."), strings.Split(other, ".")
	if len(mine) != 5 || len(theirs) != 5 || mine[2] != theirs[2] {
		return "", ""
	}
	known := r.beginning(r.UserName) + `,"appid":"` + FieldSales + `","deviceid":"` + r.DeviceID + `",`
	if header, err := jose.Header(own); err == nil && header["cnf"] != nil {
		known += `"cnf":{"jkt":"` + jose.Thumbprint(&r.Key().Key.PublicKey) + `"},`
	}
	c, err := jose.Decode(mine[3])
	d, err2 := jose.Decode(theirs[3])
	if err != nil || err2 != nil {
		return "", ""
	}
	plain := make([]byte, min(len(known), len(c), len(d)))
	for i := range plain {
		plain[i] = d[i] ^ c[i] ^ known[i]
	}
	return after(string(plain), `"jti":"`), after(string(plain), `"token":"`)
}

// after is what stands in quotes after a word.
func after(text, word string) string {
	_, rest, found := strings.Cut(text, word)
	value, _, whole := strings.Cut(rest, `"`)
	if !found || !whole {
		return ""
	}
	return value
}

// Tells shows the authorization server what the rogue knows of a token, without credentials.
func (r *Rogue) Tells(tokenID, value string) stage.Reply {
	return r.PostJSON(r.stage.Server.Issuer+"/shared-token", map[string]string{"token_id": tokenID, "token": value}, nil)
}

// Resigns signs another address into a signed address, with the rogue's key.
func (r *Rogue) Resigns(signedAddress, address string) string {
	payload, err := jose.Payload(signedAddress)
	if err != nil {
		return ""
	}
	claims := members(payload)
	claims["address"] = address
	return r.signs(map[string]any{"typ": "address+jwt", "kid": "signing-1"}, claims)
}

// Downloads asks for a shared token in the name of a system.
func (r *Rogue) Downloads(as *System, secret, tokenID string) stage.Reply {
	header := http.Header{"Authorization": {outbound.Basic(as.ID, secret)}}
	return r.PostJSON(r.stage.Server.Issuer+"/shared-token", map[string]string{"token_id": tokenID}, header)
}

// ReadsKeys asks for sealing keys in the name of a system.
func (r *Rogue) ReadsKeys(as *System, secret string) stage.Reply {
	return r.Do(http.MethodGet, r.stage.Server.Issuer+"/sealing-keys", "", http.Header{"Authorization": {outbound.Basic(as.ID, secret)}})
}

// SealingKey is the first sealing key of a system, as whoever has broken into it finds it.
func (s *System) SealingKey() jose.Key {
	s.brokenInto = true
	return jose.Key{ID: s.key.ID, Secret: s.key.Secret}
}

// Reseals opens a token with its sealing key and seals it anew, bound to the rogue's key. It is empty when the key does not open the token.
func (r *Rogue) Reseals(accessToken string, key jose.Key) string {
	return r.Remakes(accessToken, key, func(header, claims map[string]any) {
		bound := map[string]any{"jkt": jose.Thumbprint(&r.Key().Key.PublicKey)}
		header["cnf"], claims["cnf"] = bound, bound
	})
}

// SecretOf is the secret of a system, as whoever has broken into it finds it.
func (s *System) SecretOf() string {
	s.brokenInto = true
	return s.secret
}
