package adversary

import (
	"net/http"
	"slices"
	"strings"
	"time"

	cast "countersign/actors/offline"
	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/scenarios/till"
	"countersign/sim"
	"countersign/sim/explore"
)

// The kinds of term of the offline flow.
const (
	serial      = "serial"
	handset     = "handset"
	device      = "device"
	service     = "service"
	amount      = "amount"
	currency    = "currency"
	level       = "level"
	challenge   = "challenge"
	moment      = "time"
	server      = "server"
	sealKey     = "seal key"
	sealedProof = "sealed proof"
	yesNo       = "yes or no"
	algorithm   = "algorithm"
	encoding    = "encoding"
	application = "application"
	information = "information"
	countersign = "countersign"
	decision    = "decision"
	result      = "result"
)

// Offline is the flow in which a handset without a connection authorizes a business at a till.
func Offline() Flow {
	honest := []string{"alice", "alice pays a lot"}
	return Flow{
		Name:       "offline",
		Invariants: till.Invariants(),
		Scenes: []Scene{
			{Name: "open", Attacker: Web, Text: "Mallory is a stranger before honest tills, with an enrolled handset of her own that does what she wants, and a web site that Alice visits.",
				Sessions: []string{"alice", "alice pays a lot", "alice says no", "alice hurries", "mallory", "mallory as alice"}},
			{Name: "bystander", Attacker: Web, Text: "Mallory stands beside honest tills, hears the air, and is a customer too.", Sessions: []string{"alice", "alice buys again"}},
			{Name: "dishonest-till", Attacker: Web, Text: "The till before which Alice stands is dishonest: its messages say what Mallory likes, and she has its secret.",
				Sessions: []string{"alice", "alice pays a lot", "alice mistypes", "mallory's till"}},
			{Name: "far-till", Attacker: Web, Text: "The second till is dishonest. Mallory has its secret, and hears the air before the first.", Sessions: []string{"alice", "alice buys again", "mallory as alice"}},
			{Name: "relay", Attacker: Web, Text: "The till before which Alice stands is dishonest, and passes everything on to an accomplice before the second, who may change it.", Sessions: []string{"alice"}},
			{Name: "stolen-handset", Attacker: Web, Text: "Mallory has had Alice's handset for a while, and got at its key and its salt, and not at the password.", Sessions: []string{"alice", "thief"}},
			{Name: "likely-passwords", Attacker: Web, Text: "Mallory does nothing but try passwords.", Sessions: []string{"alice pays a lot"}},
			{Name: "crowded", Attacker: Web, Text: "Mallory does nothing but open as many sessions at the till as it has room for.", Sessions: []string{"alice"}},
			{Name: "listener", Attacker: Web, Text: "Mallory hears the air, has come by the salt on Alice's handset, and tries a dictionary at home.", Sessions: []string{"alice pays a lot"}},
			{Name: "second-link", Attacker: Network, Text: "What the server answers the first till passes Mallory, where TLS ends early. She hears the air besides, and is a customer too.", Sessions: []string{"alice", "mallory as alice"}},
			{Name: "near", Attacker: Network, Text: "The air between handsets and tills is Mallory's: she hears, loses, repeats, holds up and changes what passes.", Sessions: honest},
			{Name: "jammed", Attacker: Network, Faults: true, Text: "Frames are short, and what passes between handset, till and server gets lost, damaged, repeated or mixed with strange frames.", Sessions: []string{"alice"}},
			{Name: "plain-verification", Attacker: Network, Text: "The server's metadata name an endpoint for verification without TLS.", Sessions: []string{"alice"}},
			{Name: "plain-password", Attacker: Network, Text: "The server's metadata name an endpoint for passwords without TLS.", Sessions: []string{"alice pays a lot"}},
			{Name: "another-document", Attacker: Web, Text: "A dishonest hand has changed the server's metadata: they name an issuer and an endpoint at the second till, which is Mallory's.", Sessions: []string{"alice"}},
			{Name: "pictures", Attacker: Network, Faults: true, Text: "Handset and till have cameras and nothing else, and what passes between handset, till and server gets lost or repeated.", Sessions: []string{"alice"}},
		},
		Sessions: honest,
		Set:      setTill,
		Type:     tillType,
		Hold:     3 * time.Second, // a handset waits for two
	}
}

// tillType says what the fields of the flow hold (profile section 2.1).
func tillType(_ string, _ *sim.Message, f Field) Meaning {
	switch {
	case f.In == whole && f.Name == "sealed_proof":
		return Meaning{Type: sealedProof}
	case f.In == whole:
		return Meaning{Type: f.Name}
	case f.In == "cose" && f.Name == "kid" && f.Value != serversKey:
		return Meaning{Type: handset}
	case f.Name == algorithm, f.Name == encoding:
		return Meaning{Type: f.Name}
	case f.In != "cbor" || f.Name == "issued_at": // one time is as good as another
		return Meaning{}
	}
	for _, e := range entries {
		if e.name == f.Name && !e.whole() && (e.kind != yesNo || f.Value == "false") {
			return Meaning{Type: e.kind}
		}
	}
	return Meaning{}
}

// serversKey is the name of the key under which the server signs.
const serversKey = "server-1"

// tillWorld is a world of the flow that is explored.
type tillWorld struct {
	*till.Stage
	d      *Director
	scene  string
	speech *nearSpeech
	visit  *till.Visit // the last of Mallory's
	ended  []till.Outcome
	serves bool // whoever tries again is served in the end
	tried  bool // passwords of Alice's account were
	jams   bool // something was made impossible for good
}

func setTill(d *Director, scene string, s stage.Setting) *stage.Stage {
	st := &tillWorld{Stage: till.New(s), d: d, scene: scene, serves: true}
	st.speech = newNearSpeech(st.Stage)
	d.Speaks(st.speech)
	const longest, short = 1024, 64                   // bytes of a frame: every message fits into one of the longest
	switch hardened := s.Level == catalog.Hardened; { // core knows neither short frames nor pictures
	case scene == "jammed" && hardened:
		st.Ideal("nfc", short)
	case scene == "pictures" && hardened:
		st.Ideal("qr", longest)
	default:
		st.Ideal("nfc", longest)
	}
	d.Attacker(st.Mallory.Host)
	d.MayCrash(st.One.Host, st.Server.Host)
	st.Alice.Enrols()
	st.Mallory.Enrols()
	st.know()
	st.arrange()
	st.people()
	st.move()
	d.Finally(st.look)
	return st.Stage.Stage
}

// arrange makes the scene.
func (st *tillWorld) arrange() {
	d := st.d
	air := func(m *sim.Message) bool { return till.NearField(m) }
	switch st.scene {
	case "open":
		d.Bends(st.Mallory.Host)
		d.MayWait(30 * time.Minute)
	case "dishonest-till":
		d.Bends(st.One.Host)
		d.MayWait(30 * time.Minute)
	case "far-till":
		st.Rogue(st.Two)
		d.Owns(st.Two.Host)
		d.Leaks(air)
	case "relay":
		d.Bends(st.Mallory.Host)
		st.relays()
	case "stolen-handset":
		d.Bends(st.Mallory.Host)
		st.Mallory.Steals(st.Alice)
		st.speech.keys[st.Alice.Handset] = true
	case "bystander", "listener":
		d.Leaks(air)
	case "second-link":
		d.Leaks(air)
		d.Proxied(func(m *sim.Message) bool { return m.To == st.One.Host.Name() && !air(m) })
	case "near":
		d.Proxied(air)
		d.Diverts(st.One.Host, st.Two.Host)
	case "jammed":
		d.Tricks(st.jam)
	case "plain-verification":
		st.Server.Publish("verification_endpoint", "http://server/verification")
		st.serves = false
	case "plain-password":
		st.Server.Publish("password_endpoint", "http://server/password")
		st.serves = false
	case "another-document":
		st.Server.Publish("issuer", st.Two.Base)
		st.Server.Publish("application_endpoint", st.Two.Base+"/application")
		st.TakeOver(st.Two.Host, till.Swallows)
		st.serves = false
	}
}

// relays joins Alice, before a dishonest till, with an honest one far away.
func (st *tillWorld) relays() {
	r := st.Rogue(st.One)
	var far *till.Visit
	r.Informs = func(application []byte) []byte {
		far = st.Mallory.Visit(st.Two)
		return far.Applies(application)
	}
	r.Decides = func(countersign []byte) []byte { return far.Countersigns(countersign) }
	st.serves = false
}

// know is what the attacker knows to begin with.
func (st *tillWorld) know() {
	know := func(kind string, values ...string) {
		for _, v := range values {
			st.d.Know(Term{Type: kind, Name: v, Value: v})
		}
	}
	know(handset, st.Alice.Handset, till.MallorysHandset)
	know(device, st.One.ID, st.Two.ID)
	know(service, till.Coffee, till.Gate)
	st.d.Know(Term{Type: service, Name: "a service that there is not", Value: "made-up"})
	know(amount, "350", "900")
	know(currency, "EUR", "JPY")
	know(level, "1", "2")
	know(server, "https://mallory")
	know(algorithm, "ES256")
	know(encoding, longNumber, twice, moreToRead)
	st.d.Know(Term{Type: yesNo, Name: "yes", Value: "true"})
	st.d.Know(Term{Type: moment, Name: "a time long past", Value: "1"})
	st.d.Know(Term{Type: serial, Name: "a serial made up", Value: "00112233445566778899aabbccddeeff"})
	st.d.Know(Term{Type: challenge, Name: "a challenge made up", Value: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"})
}

// What things cost: a little is authorized at level 1, a lot needs the password.
const (
	little = 350
	lot    = till.Threshold
)

// people gives everybody a part.
func (st *tillWorld) people() {
	d, alice := st.d, st.Alice
	var own []func()
	begin := func(name string, does func()) {
		if d.Playing(name) {
			own = append(own, does)
		}
	}
	alice.Looks = func() { d.Pause("alice", "looks at what is shown") }
	begin("alice", func() {
		if st.scene == "stolen-handset" {
			alice.SetsPassword()
			d.Pause("alice", "has set her password")
		}
		st.buys(alice.Buys(st.One, little))
	})
	begin("alice buys again", func() {
		st.buys(alice.Buys(st.One, little))
		d.Pause("alice", "is to buy again")
		ended := alice.Buys(st.One, little)
		if st.buys(ended); ended == "serial_used" {
			st.Breach(till.OwnSerial, "alice's serial was used up before she came")
		}
	})
	begin("alice pays a lot", st.paysALot)
	begin("alice mistypes", func() {
		alice.SetsPassword()
		alice.Orders(till.Order{At: st.One, Amount: lot, Types: "another word"})
	})
	begin("alice says no", func() { alice.Orders(till.Order{At: st.One, Amount: little, Denies: true}) })
	begin("alice hurries", func() {
		first := alice.Begins(till.Order{At: st.One, Amount: little, Twice: true})
		second := alice.Begins(till.Order{At: st.One, Amount: 2 * little})
		st.buys(first())
		st.buys(second())
	})
	begin("thief", func() { alice.SetsPassword() })
	var session func()
	if len(own) > 0 {
		session = func() {
			for _, does := range own {
				does()
			}
		}
	}
	var open func(Link)
	if st.scene == "open" {
		open = func(l Link) { alice.Page(l.Target, l.Form["text"][0]) }
	}
	alice.Plays(func(*till.User) { d.Person("alice", open, session)() })
	st.dishonest()
}

// buys takes down how something ended that was to be approved.
func (st *tillWorld) buys(o till.Outcome) { st.ended = append(st.ended, o) }

// paysALot sets a password, as many do twice, and needs it.
func (st *tillWorld) paysALot() {
	st.Alice.SetsPassword()
	if st.Alice.SetsPassword() != till.Set && st.scene == "likely-passwords" && !st.tried {
		st.Breach(till.NoLockOut, "alice cannot set her password, and nobody has tried that of her account")
	}
	st.d.Pause("alice", "has set her password")
	ended := st.Alice.Buys(st.One, lot)
	if st.buys(ended); ended == till.Refused && st.scene == "likely-passwords" {
		st.Breach(till.OwnerNotLocked, "alice's password is locked, and she has not mistyped it once")
	}
	if st.scene == "open" {
		st.buys(st.Alice.Orders(till.Order{At: st.One, Service: till.Gate, Amount: little}))
	}
}

// dishonest gives Mallory her sessions, each of which goes as it should unless something in it is changed.
func (st *tillWorld) dishonest() {
	m := st.Mallory
	var sessions []func()
	begin := func(name string, does func(name string)) {
		if st.d.Playing(name) {
			sessions = append(sessions, st.d.Session(name, func() { does(name) }))
		}
	}
	buys := func(handset, key string, amount uint64) func(string) {
		return func(name string) { st.buysAs(handset, key, amount, func() { st.d.Pause(name, "has information") }) }
	}
	begin("mallory", buys(till.MallorysHandset, till.MallorysHandset, little))
	begin("mallory as alice", buys(st.Alice.Handset, till.MallorysHandset, little))
	begin("thief", buys(st.Alice.Handset, st.Alice.Handset, lot))
	begin("mallory's till", func(name string) {
		status, answer := st.Tells(st.One.Host, st.One, till.LegApplication, till.Encode(m.Application(till.MallorysHandset, st.One, little).Fields()))
		i, read := till.ReadInformation(answer)
		if status != http.StatusOK || !read {
			return
		}
		st.d.Pause(name, "has information")
		st.Tells(st.One.Host, st.One, till.LegVerification, till.Sign(till.MallorysHandset, till.MallorysHandset, cast.Countersign{Information: i}))
	})
	m.Plays(func(m *till.Attacker) {
		for _, run := range sessions {
			m.Meanwhile(run)
		}
		st.d.Direct()
	})
}

// buysAs has Mallory buy something in a handset's name, with a key that may be another's.
func (st *tillWorld) buysAs(handset, key string, amount uint64, looks func()) {
	v := st.Mallory.Visit(st.One)
	i, read := till.ReadInformation(v.Applies(till.Encode(st.Mallory.Application(handset, st.One, amount).Fields())))
	if !read {
		return
	}
	looks()
	v.Countersigns(till.Sign(key, handset, cast.Countersign{Information: i}))
}

// overtaken reports whether one message came before another that had been sent first.
func (st *tillWorld) overtaken() bool {
	return slices.ContainsFunc(st.d.chooser.Taken(), func(s explore.Step) bool { return strings.HasSuffix(s.Choose, "overtakes") })
}

// look is what everybody sees at the end, when the attacker has gone: whoever came to buy something is served once more.
func (st *tillWorld) look() {
	st.Alice.Looks = nil
	// Who is first on the air can always spoil an exchange.
	if (st.scene == "jammed" || st.scene == "pictures") && !st.jams && !st.overtaken() {
		for _, ended := range st.ended {
			if ended != till.Approved {
				st.Breach(till.CarriedThrough, "alice's purchase ends with: "+string(ended))
			}
		}
	}
	if len(st.ended) == 0 || !st.serves {
		return
	}
	st.Alice.UntilServed(st.One, little)
	switch st.scene {
	case "near": // where what is meant for one till may go to the other
		st.Alice.UntilServed(st.Two, little)
	case "stolen-handset", "likely-passwords":
		const throttled = 10 * time.Minute
		st.Alice.Wait(throttled)
		st.Alice.UntilSet() // which ends a lock
		st.Alice.UntilServed(st.One, lot)
	}
}
