package till

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	cast "countersign/actors/offline"
	"countersign/sim"
)

// serverAnswered looks at what the server answers.
func (j *judge) serverAnswered(leg string, asked *sim.Message, e sim.Event) {
	told := leg == LegApplication || leg == LegVerification
	switch status := e.Message.Status; {
	case leg == LegPassword && status == http.StatusNoContent:
		j.passwordSet(asked, e)
	case !told || status != http.StatusOK:
	case leg == LegApplication:
		j.informs(asked, e)
	default:
		j.concludes(asked, e)
	}
	if told && e.Message.Status == http.StatusOK && !strings.Contains(e.Message.Header.Get("Cache-Control"), "no-store") {
		j.Breach(NotKept, e, "the server answers without no-store: %s", leg)
	}
}

func (j *judge) passwordSet(asked *sim.Message, e sim.Event) {
	var said struct {
		Handset string `json:"handset"`
	}
	_ = json.Unmarshal(asked.Body, &said) // a 204 says that it was such an object
	if u := j.of(said.Handset); u != nil && u.Host.Name() != asked.From {
		j.Breach(OwnPassword, e, "%s set the offline password of %s", asked.From, u.Name)
	}
}

// payload is what is in an envelope; what is none stays as it is.
func payload(message []byte) []byte {
	e, err := cast.ParseEnvelope(message, cast.Core())
	if err != nil {
		return message
	}
	return e.Payload
}

// informs looks at information that the server gives.
func (j *judge) informs(asked *sim.Message, e sim.Event) {
	i, err := cast.ParseInformation(payload(e.Message.Body), cast.Core())
	if err != nil {
		return
	}
	before := j.businesses[string(i.Serial)]
	switch {
	case before != nil && bytes.Equal(before.Challenge, i.Challenge):
		return // given once more
	case before != nil && before.at > j.arrived[e.PID]:
		j.Breach(SerialRace, e, "the server took two applications with one serial at once")
	case before != nil:
		j.Breach(OneSerial, e, "the server took another application with a serial that it knew")
	}
	if j.challenges[string(i.Challenge)] {
		j.Breach(FreshChallenge, e, "the server gave a challenge a second time")
	}
	if t := j.tillAt(asked.From); t == nil || t.ID != i.Device {
		j.Breach(OwnName, e, "%s got information that names %s", asked.From, i.Device)
	}
	j.challenges[string(i.Challenge)] = true
	j.made[string(payload(e.Message.Body))] = true
	j.businesses[string(i.Serial)] = &business{Information: i, device: asked.From, at: e.At}
}

// concludes looks at a result that the server gives.
func (j *judge) concludes(asked *sim.Message, e sim.Event) {
	said := payload(e.Message.Body)
	r, err := cast.ParseResult(said, cast.Core())
	c, read := countersigned(asked.Body)
	if err != nil || !read {
		return
	}
	if _, err := cast.ParseResult(said, cast.Leniency{}); err != nil && !r.Verified {
		j.Breach(NoOracle, e, "the server says why it does not verify")
	}
	b := j.businesses[string(c.Serial)]
	if b == nil {
		if r.Verified {
			j.Breach(Countersigned, e, "the server verified what nobody applied for")
		}
		return
	}
	if asked.From != b.device {
		j.Breach(NotUsedUp, e, "%s had an application of %s judged", asked.From, b.device)
	}
	if b.judged != nil && !bytes.Equal(b.judged, asked.Body) {
		j.Breach(OneJudgement, e, "the server judged a second countersign for one serial")
	}
	b.judged = asked.Body
	if !r.Verified || b.verified {
		return
	}
	b.verified = true
	j.compare(b, c, e)
	j.reads(asked.Body, b, e)
	j.agree(b, c, e)
}

// compare looks whether a countersign that was verified repeats its information.
func (j *judge) compare(b *business, c cast.Countersign, e sim.Event) {
	if c.Handset != b.Handset || !bytes.Equal(c.Challenge, b.Challenge) || c.Device != b.Device || c.Amount != b.Amount {
		j.Breach(Countersigned, e, "the server verified a countersign that says other than its information")
	}
	if c.Level != b.Level {
		j.Breach(Downgrade, e, "the server verified a countersign at level %d for an application at level %d", c.Level, b.Level)
	}
	if !bytes.Equal(informed(c), informed(cast.Countersign{Information: b.Information})) {
		j.Breach(WholeCountersigned, e, "the server verified a countersign that does not repeat its information")
	}
	const longest = 2*time.Minute + 10*time.Second // and what messages take on their way
	if e.At > b.at+longest {
		j.Breach(Expiry, e, "the server verified %s after it made the information", (e.At - b.at).Round(time.Second))
	}
}

// reads looks whether a countersign that was verified can be read in one way only, and says by whom it was signed.
func (j *judge) reads(message []byte, b *business, e sim.Event) {
	envelope, err := cast.ParseEnvelope(message, cast.Leniency{})
	if err == nil {
		_, err = cast.ParseCountersign(envelope.Payload, cast.Leniency{})
	}
	if err != nil {
		j.Breach(OneReading, e, "the server verified a countersign that others read otherwise: %v", err)
		return
	}
	if name, _ := envelope.KeyID(); name != b.Handset || !envelope.IsEdDSA() {
		j.Breach(NamedSigner, e, "the server verified a countersign of %s that names %s, or another algorithm than it is signed by", b.Handset, name)
	}
}

// agree looks whether the user of the handset said yes to what was verified.
func (j *judge) agree(b *business, c cast.Countersign, e sim.Event) {
	u := j.of(b.Handset)
	if u == nil {
		return // mallory may agree to anything
	}
	high := b.Service == Gate || b.Amount >= Threshold
	if slices.Contains(j.stolen, b.Handset) {
		if high && c.Proof == nil && c.SealedProof == nil {
			j.Breach(HighLevel, e, "a thief had %d verified for the handset of %s without any password", b.Amount, u.Name)
		}
		if y := j.meant(u, b, e.At); y != nil {
			y.spent = true // it may have been the owner
		}
		return
	}
	y := j.meant(u, b, e.At)
	if y == nil {
		j.Breach(Confirmed, e, "the server verified %d for the handset of %s, who has not said yes", b.Amount, u.Name)
		return
	}
	if y.spent {
		j.Breach(Once, e, "the server verified a second business on one yes of %s", u.Name)
	}
	y.spent = true
	if y.wish.Device != b.Device {
		j.Breach(Device, e, "%s stands before %s, and the server verified for %s", u.Name, y.wish.Device, b.Device)
	}
	if y.wish.Amount != b.Amount || y.wish.Service != b.Service {
		j.Breach(Amount, e, "%s applied for %s at %d, and the server verified %s at %d", u.Name, y.wish.Service, y.wish.Amount, b.Service, b.Amount)
	}
	if y.shown != (cast.Shown{Device: b.Device, Service: b.Service, Amount: b.Amount, Currency: b.Currency, Level: b.Level, ExpiresAt: b.ExpiresAt}) {
		j.Breach(Shown, e, "%s was shown something else than the server verified", u.Name)
	}
	switch {
	case high && y.typed == "":
		j.Breach(HighLevel, e, "the server verified %d for %s, who typed no password", b.Amount, u.Name)
	case high && !y.known && y.once:
		j.Breach(OldPassword, e, "the server verified %d for %s, who typed a password that was replaced", b.Amount, u.Name)
	case high && !y.known:
		j.Breach(RightPassword, e, "the server verified %d for %s, who mistyped the password", b.Amount, u.Name)
	}
}

// meant is the yes that a business comes nearest to.
func (j *judge) meant(u *User, b *business, at time.Duration) (best *yes) {
	most := -1
	for _, y := range j.yeses {
		if y.user != u || y.at > at {
			continue
		}
		like := 0
		for _, same := range [...]bool{!y.spent, y.wish.Device == b.Device, y.wish.Amount == b.Amount, y.at > b.at} {
			like *= 2
			if same {
				like++
			}
		}
		if like > most {
			most, best = like, y
		}
	}
	return best
}
