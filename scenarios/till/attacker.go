package till

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"countersign/actors/nearfield"
	cast "countersign/actors/offline"
	"countersign/actors/outbound"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// Attacker is a dishonest person, who has a handset of her own and can have it do what she wants.
type Attacker struct {
	*stage.Attacker
	stage *Stage
}

// MallorysHandset is the attacker's own, which is enrolled.
const MallorysHandset = "handset-3"

// Plays gives the attacker what to do.
func (a *Attacker) Plays(script func(*Attacker)) { a.Follows(func() { script(a) }) }

// Steals takes a user's handset away: from now on the attacker signs with its key.
func (a *Attacker) Steals(from *User) { a.stage.stolen = append(a.stage.stolen, from.Handset) }

// Random draws bytes of the attacker's own.
func (a *Attacker) Random(size int) []byte {
	b := make([]byte, size)
	if _, err := a.Host.Entropy("an attacker's numbers").Read(b); err != nil {
		panic(err) // a world's entropy does not end
	}
	return b
}

// Application is one for a coffee at a till, in the name of any handset, with a serial of the attacker's.
func (a *Attacker) Application(handset string, at *Till, amount uint64) cast.Application {
	return cast.Application{Serial: a.Random(16), Handset: handset, Device: at.ID, Service: Coffee, Amount: amount, Currency: currency}
}

// Encode writes a message.
func Encode(f cast.Fields) []byte {
	b, err := f.Encode()
	if err != nil {
		panic(err) // messages are made of what can be encoded
	}
	return b
}

// Sign countersigns with the key of a handset, in the name of another or of itself.
func Sign(keyOf, name string, c cast.Countersign) []byte {
	signed, err := cast.Signer{ID: name, Key: key(keyOf)}.Sign(cast.DomainCountersign, Encode(c.Fields()))
	if err != nil {
		panic(err) // as for Encode
	}
	return signed
}

// Seals puts a payload into an envelope that says any name and any algorithm of COSE, and signs it with a key all the same
// (RFC 9052 sections 4.2 and 4.4).
func Seals(keyOf, name string, algorithm int64, domain cast.Domain, payload []byte) []byte {
	protected := encode(map[uint64]any{1: algorithm, 4: []byte(name)})
	signature := ed25519.Sign(key(keyOf), encode([]any{"Signature1", protected, []byte(domain), payload}))
	return encode(cbor.Tag{Number: 18, Content: []any{protected, map[uint64]any{}, payload, signature}})
}

func encode(v any) []byte {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // the options are constant
	}
	b, err := mode.Marshal(v)
	if err != nil {
		panic(err) // as for Encode
	}
	return b
}

// Signed is whose key has signed an envelope: a handset's or the server's; empty for anybody else's.
func (st *Stage) Signed(e cast.Envelope, domain cast.Domain) string {
	claimed, _ := e.KeyID()
	if public, known := st.publicKeys[claimed]; known && e.Holds(domain, public) {
		return claimed
	}
	for _, name := range slices.Sorted(maps.Keys(st.publicKeys)) {
		if e.Holds(domain, st.publicKeys[name]) {
			return name
		}
	}
	return ""
}

// ForgeResult makes a result as the server would, under a key of the attacker's own.
func ForgeResult(i cast.Information) []byte {
	r := cast.Result{Application: i.Application, Level: i.Level, Challenge: i.Challenge, IssuedAt: i.IssuedAt, Issuer: i.Issuer, Verified: true}
	forged, err := cast.Signer{ID: keyID, Key: key(MallorysHandset)}.Sign(cast.DomainResult, Encode(r.Fields()))
	if err != nil {
		panic(err) // as for Encode
	}
	return forged
}

// ReadInformation reads information; read is false for a refusal or anything else.
func ReadInformation(message []byte) (i cast.Information, read bool) {
	i, err := cast.ParseInformation(payload(message), cast.Core())
	return i, err == nil
}

// Approves reports whether a decision, or an answer of the server, says yes.
func Approves(message []byte) bool {
	if d, err := cast.ParseDecision(message, cast.Core()); err == nil {
		return d.Approved
	}
	r, err := cast.ParseResult(payload(message), cast.Core())
	return err == nil && r.Verified
}

// Seal makes the proof of a password for a countersign, sealed as a handset does it.
func (a *Attacker) Seal(c cast.Countersign, password string, salt []byte) cast.Countersign {
	bound, err := c.Bound()
	if err != nil {
		panic(err) // as for Encode
	}
	passwordKey, err := cast.PasswordKey(password, salt, Cost)
	if err != nil {
		panic(err) // the cost is a power of two
	}
	if c.SealedProof, err = cast.SealProof(bytes.NewReader(a.Random(32)), c.SealKey, cast.Proof(passwordKey, bound), cast.Seal(bound)); err != nil {
		a.Note("has no key to seal to")
	}
	return c
}

// Salt reads the salt that is kept on a stolen handset.
func (a *Attacker) Salt(from *User) []byte {
	salt, err := from.salt()
	if err != nil {
		a.Note("cannot read the salt: " + err.Error())
	}
	return salt
}

// Visit is a near-field exchange by hand.
type Visit struct {
	Session nearfield.Session

	by *sim.Host
	at *Till
}

// Visit begins one.
func (a *Attacker) Visit(at *Till) *Visit {
	return &Visit{Session: nearfield.Session(a.Random(4)), by: a.Host, at: at}
}

// Says sends a message, and reports whether the device took it.
func (v *Visit) Says(message byte, content []byte) bool {
	frames, err := nearfield.Cut(v.Session, message, content, v.at.link.FrameSize)
	if err != nil {
		return false
	}
	for _, f := range frames {
		if _, answered := v.ask(f); !answered {
			return false
		}
	}
	return true
}

// Begins sends the first of two frames of an application, and reports whether the device took it.
func (v *Visit) Begins(content []byte) bool {
	_, answered := v.ask(nearfield.Frame{Type: nearfield.Data, Session: v.Session, Message: nearfield.Application, Count: 2, Payload: content})
	return answered
}

// Hears polls for a message for half a minute; nil when it does not come.
func (v *Visit) Hears(message byte) []byte {
	const polls, pause = 60, 500 * time.Millisecond
	var m nearfield.Assembly
	for range polls {
		f, answered := v.ask(nearfield.Frame{Type: nearfield.Poll, Session: v.Session, Message: message, Index: byte(len(m.Fragments))})
		switch {
		case !answered:
			return nil
		case f.Type == nearfield.Wait:
			v.by.Clock().Sleep(pause)
		default:
			m.Add(f)
		}
		if m.Complete() {
			return m.Join()
		}
	}
	return nil
}

// Applies sends an application and gives what came as message 1.
func (v *Visit) Applies(application []byte) []byte {
	if !v.Says(nearfield.Application, application) {
		return nil
	}
	return v.Hears(nearfield.Information)
}

// Countersigns sends a countersign and gives the decision.
func (v *Visit) Countersigns(message []byte) []byte {
	if !v.Says(nearfield.Countersign, message) {
		return nil
	}
	return v.Hears(nearfield.Decision)
}

// ask sends a frame a few times.
func (v *Visit) ask(f nearfield.Frame) (answer nearfield.Frame, answered bool) {
	for range 4 {
		status, body := post(v.by, v.at.Base+pathNearField, nearfield.FrameType, "", f.Bytes())
		if answer, err := nearfield.Parse(body); err == nil && status == http.StatusOK && answer.Answers(f) {
			return answer, true
		}
	}
	return answer, false
}

// post sends a body and gives status and body of the answer, status 0 when there is none.
func post(from *sim.Host, target, kind, authorization string, content []byte) (int, []byte) {
	r, err := http.NewRequest(http.MethodPost, target, bytes.NewReader(content))
	if err != nil {
		return 0, nil
	}
	r.Header.Set("Content-Type", kind)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	response, err := from.ClientWithin(patience).Do(r)
	if err != nil {
		return 0, nil
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		return 0, nil
	}
	return response.StatusCode, body.Bytes()
}

// The media types of what goes to the server (profile section 5).
const (
	applicationType = "application/cbor"
	envelopeType    = `application/cose; cose-type="cose-sign1"`
)

// Tells sends an application or a countersign to the server, with the credentials of a till, nil for none.
func (st *Stage) Tells(from *sim.Host, as *Till, leg string, message []byte) (status int, answer []byte) {
	authorization, kind := "", applicationType
	if as != nil {
		authorization = outbound.Basic(as.ID, as.secret)
	}
	if leg == LegVerification {
		kind = envelopeType
	}
	return post(from, st.Server.Issuer+"/"+leg, kind, authorization, message)
}

// accountPassword is that of the attacker's own account.
const accountPassword = "account password of mallory"

// Enrols makes the attacker's own account at the server.
func (a *Attacker) Enrols() { a.stage.enrol(a.Name, accountPassword) }

// SetsPasswordOf tries to set the offline password of a user's handset, and reports whether the server did.
func (a *Attacker) SetsPasswordOf(u *User, accountPassword string) bool {
	return a.setsPassword(u.Name, accountPassword, u.Handset)
}

// SetsPasswordAsHerself tries it with the attacker's own account.
func (a *Attacker) SetsPasswordAsHerself(of *User) bool {
	return a.setsPassword(a.Name, accountPassword, of.Handset)
}

// MistypesOwnPassword tries to set the password of the attacker's own handset, with another account password than hers.
func (a *Attacker) MistypesOwnPassword() {
	a.setsPassword(a.Name, "not "+accountPassword, MallorysHandset)
}

func (a *Attacker) setsPassword(account, accountPassword, handset string) bool {
	body, err := json.Marshal(map[string]string{
		"account": account, "account_password": accountPassword, "handset": handset, "password_key": base64.RawURLEncoding.EncodeToString(a.Random(32)),
	})
	if err != nil {
		return false
	}
	status, _ := post(a.Host, a.stage.Server.Issuer+"/"+LegPassword, "application/json", "", body)
	return status == http.StatusNoContent
}

// Heard is a frame that somebody near has heard, and between whom.
type Heard struct {
	nearfield.Frame
	Handset, Device string // hosts
}

// Listen calls f with every frame that is sent over the air, before it arrives. f must not wait.
func (st *Stage) Listen(f func(Heard)) {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		if heard, framed := st.Frame(&m); framed && !m.Injected {
			h := Heard{heard, m.From, m.To}
			if m.Kind == sim.Response {
				h.Handset, h.Device = m.To, m.From
			}
			f(h)
		}
		return sim.Verdict{}
	}))
}

// Loot is what a listener has put together, by the message's number, the last of each.
type Loot struct{ Messages [4][]byte }

// ListensTo puts together the messages between a user's handset and the devices.
func (a *Attacker) ListensTo(u *User) *Loot {
	loot, heard := &Loot{}, ears{}
	a.stage.Listen(func(h Heard) {
		if h.Handset != u.Host.Name() {
			return
		}
		if content := heard.hear(ear{device: h.Device}, h.Frame); content != nil {
			loot.Messages[h.Message] = content
		}
	})
	return loot
}

// Injects sends a frame of the attacker's own to a till, in the name of the handset whose exchange she has heard.
func (st *Stage) Injects(h Heard, f nearfield.Frame) {
	till := st.tillAt(h.Device)
	if till == nil {
		return
	}
	f.Session = h.Session
	st.World.Inject(sim.Message{
		From: st.Mallory.Name, URL: till.Base + pathNearField, Method: http.MethodPost,
		Header: http.Header{"Content-Type": {nearfield.FrameType}}, Body: f.Bytes(),
	})
}

// Dictionary is what an attacker tries, with the user's word at the end.
func Dictionary(u *User, words int) []string {
	var all []string
	for i := range words - 1 {
		all = append(all, fmt.Sprintf("word number %d", i+1))
	}
	return append(all, u.Password)
}

// Tries applies for a lot in the name of a user's handset at the first till, and countersigns with a key and a guess at the password. It reports whether the server verified, at the level that asks for the password.
func (a *Attacker) Tries(of *User, keyOf, word string, salt []byte) bool {
	v := a.Visit(a.Till())
	i, read := ReadInformation(v.Applies(Encode(a.Application(of.Handset, a.Till(), Threshold).Fields())))
	if !read {
		return false
	}
	approved := Approves(v.Countersigns(Sign(keyOf, of.Handset, a.Seal(cast.Countersign{Information: i}, word, salt))))
	return approved && i.Level == 2
}

// Till is the one before which the attacker stands: the first.
func (a *Attacker) Till() *Till { return a.stage.One }

// Forge makes information under the server's name and a key of the attacker's own.
func Forge(i cast.Information) []byte {
	forged, err := cast.Signer{ID: keyID, Key: key(MallorysHandset)}.Sign(cast.DomainInformation, Encode(i.Fields()))
	if err != nil {
		panic(err) // as for Encode
	}
	return forged
}

// FalseApproval is a decision that says yes and has no result of the server's.
func FalseApproval(countersign []byte) []byte {
	c, _ := countersigned(countersign)
	return Encode(cast.Decision{Serial: c.Serial, Approved: true, Result: ForgeResult(c.Information)}.Fields())
}

// Fits reports whether a guess at the password explains what was heard: the password, its key or its proof stands in it, or its
// proof is what was sealed, where the ephemeral key is made from the handset's name.
func Fits(word string, salt []byte, handset string, heard *Loot) bool {
	passwordKey, err := cast.PasswordKey(word, salt, Cost)
	if err != nil {
		return false
	}
	said := heard.Messages[nearfield.Countersign]
	c, read := countersigned(said)
	bound, err := c.Bound()
	if !read || err != nil {
		return false
	}
	proof := cast.Proof(passwordKey, bound)
	for _, sign := range [][]byte{[]byte(word), passwordKey, proof} {
		if bytes.Contains(said, sign) {
			return true
		}
	}
	known := digest([]byte(handset))
	sealed, err := cast.SealProof(bytes.NewReader(known[:]), c.SealKey, proof, cast.Seal(bound))
	return err == nil && bytes.Equal(sealed, c.SealedProof)
}
