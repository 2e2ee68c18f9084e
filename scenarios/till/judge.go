package till

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/actors/nearfield"
	cast "countersign/actors/offline"
	"countersign/actors/outbound"
	"countersign/scenarios/stage"
	"countersign/sim"
)

// judge holds a trace against the invariants, event by event.
type judge struct {
	*Stage
	stage.Judge
	said       ears                 // what honest handsets have said
	decided    ears                 // what honest devices have said
	businesses map[string]*business // by serial
	made       map[string]bool      // payloads of information
	challenges map[string]bool
	arrived    map[int]time.Duration // when a process got its request
	sent       map[repeated]int
	signed     map[string]int     // countersigns by handset
	applied    map[string]int     // applications by handset
	begun      map[string]int     // what users have begun, by host
	keys       map[string]bool    // password keys, as they were sent
	serials    map[string]bool    // of honest handsets' applications
	online     map[int]bool       // whether a process is where it may use a connection
	verdicts   map[string]bool    // whether an answer has told a device's host that something was verified
	opened     map[approval]exact // for which session a device has approved
}

// business is what the server has made of an application.
type business struct {
	cast.Information
	device   string // host that applied
	at       time.Duration
	judged   []byte // the countersign
	verified bool
}

type (
	// repeated is something that a host sends again.
	repeated struct {
		host string
		body [32]byte
	}
	// approval is that of a serial at a device.
	approval struct{ host, serial string }
	// exact is a session with a handset.
	exact struct {
		handset string
		session nearfield.Session
	}
)

// ears put the messages of near-field exchanges together, by the device's host and the session.
type ears map[ear]*[4]nearfield.Assembly

type ear struct {
	device string
	exact
}

// hear takes a frame in, and gives the message that it has made whole.
func (e ears) hear(at ear, f nearfield.Frame) []byte {
	if f.Type != nearfield.Data || f.Message > nearfield.Decision {
		return nil
	}
	at.session = f.Session
	if e[at] == nil {
		e[at] = &[4]nearfield.Assembly{}
	}
	m := &e[at][f.Message]
	if m.Fragment(f.Index) != nil {
		return nil
	}
	if m.Add(f); !m.Complete() {
		return nil
	}
	return m.Join()
}

// Judge implements [stage.Flow].
func (st *Stage) Judge(t *sim.Trace) []stage.Breach {
	j := &judge{
		Stage: st, said: ears{}, decided: ears{}, businesses: map[string]*business{}, made: map[string]bool{}, challenges: map[string]bool{},
		arrived: map[int]time.Duration{}, sent: map[repeated]int{}, signed: map[string]int{}, applied: map[string]int{}, begun: map[string]int{}, keys: map[string]bool{}, serials: map[string]bool{}, online: map[int]bool{}, verdicts: map[string]bool{}, opened: map[approval]exact{},
	}
	j.Judge.Dishonest = st.Stage.Dishonest
	server := st.Server.Host.Name()
	for _, u := range st.people {
		j.Keep(stage.Secret{Value: u.Password, What: "the offline password of " + u.Name, Breaks: PasswordAtHome})
		j.Keep(stage.Secret{Value: u.AccountPassword, What: "the password of the account of " + u.Name, Hosts: []string{server}, Breaks: SecretsAtHome, Bare: AccountUnderTLS})
	}
	for _, d := range st.tills() {
		j.Keep(stage.Secret{Value: outbound.Basic(d.ID, d.secret), What: "the secret of " + d.ID, Hosts: []string{server}, Breaks: SecretsAtHome, Bare: DeviceUnderTLS})
	}
	j.Hear(t, stage.Hearing{Sent: j.sends, Delivered: j.arrives, Answered: j.answered, Received: j.received, Noted: j.noted})
	return j.outcomes(t)
}

// noted sees what a user begins.
func (j *judge) noted(e sim.Event) {
	j.online[e.PID] = e.Text == setting
	if strings.HasPrefix(e.Text, buying) {
		j.begun[e.Host]++
	}
}

// sends looks at what honest handsets and devices send.
func (j *judge) sends(e sim.Event) {
	if j.Stage.Dishonest(e.Host) || e.Message.Injected {
		return
	}
	leg := j.leg(e.Message)
	if u := j.at(e.Host); u != nil {
		j.handsetSends(u, leg, e)
	}
	if j.tillAt(e.Host) != nil && leg == LegVerification {
		const most = 4
		if j.again(e) > most {
			j.Breach(BoundedTries, e, "%s sent one countersign %d times", e.Host, most+1)
		}
	}
}

// again counts how often a host has sent a body.
func (j *judge) again(e sim.Event) int {
	r := repeated{e.Host, digest(e.Message.Body)}
	j.sent[r]++
	return j.sent[r]
}

func (j *judge) handsetSends(u *User, leg string, e sim.Event) {
	switch {
	case leg == LegPassword:
		j.keepKey(u, e)
	case leg != LegNearField && !j.online[e.PID]:
		j.Breach(Offline, e, "the handset of %s speaks to %s while something is under way", u.Name, e.Peer)
	}
	f, framed := j.Frame(e.Message)
	if leg != LegNearField || !framed {
		return
	}
	const most = 8
	if f.Type == nearfield.Data && j.again(e) > most {
		j.Breach(BoundedFrames, e, "the handset of %s sent one frame %d times", u.Name, most+1)
	}
	content := j.said.hear(ear{e.Peer, exact{handset: u.Handset}}, f)
	if content == nil {
		return
	}
	if a, err := cast.ParseApplication(content, cast.Core()); err == nil {
		j.serials[string(a.Serial)] = true
		if j.applied[u.Handset]++; j.applied[u.Handset] > j.begun[e.Host] {
			j.Breach(Begun, e, "the handset of %s applied %d times, and %s began %d times", u.Name, j.applied[u.Handset], u.Name, j.begun[e.Host])
		}
		return
	}
	j.signs(u, e)
	c, read := countersigned(content)
	if !read || !j.made[string(informed(c))] {
		j.Breach(ServersOnly, e, "the handset of %s signed what the server has not made", u.Name)
	}
	if read && !j.serials[string(c.Serial)] {
		j.Breach(SameSerial, e, "the handset of %s signed under a serial that it had not made", u.Name)
	}
	if read && c.Handset != u.Handset {
		j.Breach(SameHandset, e, "the handset of %s signed in the name of %s", u.Name, c.Handset)
	}
}

// signs counts what a handset has signed against what its user has said yes to.
func (j *judge) signs(u *User, e sim.Event) {
	j.signed[u.Handset]++
	said := 0
	for _, y := range j.yeses {
		if y.user == u && y.at <= e.At {
			said++
		}
	}
	if j.signed[u.Handset] > said {
		j.Breach(Confirmed, e, "the handset of %s signed %d times, and %s said yes %d times", u.Name, j.signed[u.Handset], u.Name, said)
	}
}

// keepKey watches over what stands in for a password.
func (j *judge) keepKey(u *User, e sim.Event) {
	var asked struct {
		Key string `json:"password_key"`
	}
	_ = json.Unmarshal(e.Message.Body, &asked) // what is no such object tells no key
	if j.keys[asked.Key] {
		j.Breach(Salted, e, "the handset of %s made the same password key again", u.Name)
	}
	j.keys[asked.Key] = true
	server := []string{j.Server.Host.Name()}
	j.Keep(stage.Secret{Value: asked.Key, What: "the password key of " + u.Name, Hosts: server, Breaks: PasswordAtHome, Bare: AccountUnderTLS})
	if raw, err := base64.RawURLEncoding.DecodeString(asked.Key); err == nil {
		j.Keep(stage.Secret{Value: string(raw), What: "the password key of " + u.Name, Hosts: server, Breaks: PasswordAtHome})
	}
}

// countersigned reads a countersign as far as it can be read.
func countersigned(message []byte) (c cast.Countersign, read bool) {
	e, err := cast.ParseEnvelope(message, cast.Core())
	if err != nil {
		return c, false
	}
	c, err = cast.ParseCountersign(e.Payload, cast.Core())
	return c, err == nil
}

// informed is the payload of the information that a countersign repeats.
func informed(c cast.Countersign) []byte {
	payload, err := c.Information.Fields().Encode()
	if err != nil {
		return nil
	}
	return payload
}

// arrives takes down when a request came.
func (j *judge) arrives(e sim.Event) { j.arrived[e.PID] = e.At }

// answered looks at what the server and honest devices answer.
func (j *judge) answered(asked *sim.Message, e sim.Event) {
	leg := j.leg(asked)
	switch {
	case j.Stage.Dishonest(e.Host):
	case e.Host == j.Server.Host.Name():
		j.serverAnswered(leg, asked, e)
	case leg == LegNearField:
		f, framed := j.Frame(e.Message)
		who := exact{}
		if u := j.at(asked.From); u != nil {
			who.handset = u.Handset
		}
		if content := j.decided.hear(ear{e.Host, who}, f); framed && content != nil && f.Message == nearfield.Decision {
			j.decides(exact{who.handset, f.Session}, content, e)
		}
	}
}

// received takes down what results have reached a device, the server's or not.
func (j *judge) received(e sim.Event) {
	if j.tillAt(e.Host) == nil || j.leg(e.Message) != LegVerification || e.Message.Status != http.StatusOK {
		return
	}
	if r, err := cast.ParseResult(payload(e.Message.Body), cast.Core()); err == nil && r.Verified {
		j.verdicts[e.Host] = true
	}
}

// decides looks at a decision of an honest device.
func (j *judge) decides(session exact, content []byte, e sim.Event) {
	d, err := cast.ParseDecision(content, cast.Core())
	if err != nil || !d.Approved {
		return
	}
	t := j.tillAt(e.Host)
	if !j.verdicts[e.Host] {
		j.Breach(Verdict, e, "%s approves, and no answer has said that anything was verified", t.ID)
	}
	if b := j.businesses[string(d.Serial)]; b == nil || !b.verified || b.Device != t.ID {
		j.Breach(ServersVerdict, e, "%s approves what the server has not verified for it", t.ID)
	}
	v := approval{e.Host, string(d.Serial)}
	if before, approved := j.opened[v]; approved && before.session != session.session {
		j.Breach(Once, e, "%s approves one serial a second time", t.ID)
	}
	j.opened[v] = session
}

// outcomes looks at the end whether what users were told is so, and gives all breaches.
func (j *judge) outcomes(t *sim.Trace) []stage.Breach {
	all := t.Events()
	for _, y := range j.yeses {
		if y.outcome == Approved && !y.spent {
			last := slices.IndexFunc(all, func(e sim.Event) bool { return e.At >= y.ended })
			if last < 0 {
				last = len(all) - 1
			}
			e := all[last]
			if e.Message == nil {
				e.Message = &sim.Message{}
			}
			j.Breach(TrueOutcome, e, "%s was told of an approval, and the server has verified nothing", y.user.Name)
		}
	}
	return j.Breaches()
}
