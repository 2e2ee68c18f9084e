package adversary

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"

	"countersign/actors/nearfield"
	cast "countersign/actors/offline"
	"countersign/scenarios/till"
	"countersign/sim"
)

// move gives the attacker what every endpoint of the flow takes.
func (st *tillWorld) move() {
	switch st.scene {
	case "likely-passwords":
		st.d.May(st.guesses()...)
	case "crowded":
		st.d.May(st.crowds())
	case "listener":
		st.d.May(st.triesAtHome())
	case "stolen-handset":
		st.d.May(st.asThief()...)
	case "open":
		st.d.May(st.fromFarAway()...)
		st.d.May(st.asCustomer()...)
		st.d.May(st.onPages()...)
	case "near":
		st.d.May(st.fromFarAway()...)
		st.d.May(st.asCustomer()...)
	case "bystander", "second-link":
		st.d.May(st.asCustomer()...)
	case "far-till":
		st.d.May(st.fromFarAway()...)
		st.d.May(st.asCustomer()...)
		st.d.May(st.asTill(st.Two)...)
		st.d.May(st.atOnce()...)
	case "dishonest-till":
		st.d.May(st.asTill(st.One)...)
	}
}

// fromFarAway is what the server takes from anybody.
func (st *tillWorld) fromFarAway() []Move {
	return append(st.judged("without a device's secret", st.Mallory.Host, nil),
		Move{
			Name: "applies at the server without a device's secret", Slots: []string{handset, device},
			Send: func(t []Term) {
				a := st.Mallory.Application(t[0].Value, st.One, little)
				a.Device = t[1].Value
				st.Tells(st.Mallory.Host, nil, till.LegApplication, till.Encode(a.Fields()))
			},
		},
		Move{
			Name: "sets a password for Alice's handset with an account's password made up",
			Send: func([]Term) { st.Mallory.SetsPasswordOf(st.Alice, madeUp) },
		},
		Move{
			Name: "sets a password for Alice's handset with an account of her own",
			Send: func([]Term) { st.Mallory.SetsPasswordAsHerself(st.Alice) },
		},
	)
}

// asTill is what the server takes from a dishonest till.
func (st *tillWorld) asTill(t *till.Till) []Move {
	return append(st.judged("as "+t.ID, t.Host, t), Move{
		Name: "applies at the server as " + t.ID, Slots: []string{handset, device},
		Send: func(terms []Term) {
			a := st.Mallory.Application(terms[0].Value, t, little)
			a.Device = terms[1].Value
			st.Tells(t.Host, t, till.LegApplication, till.Encode(a.Fields()))
		},
	})
}

// judged is what can be had judged by the server.
func (st *tillWorld) judged(how string, from *sim.Host, as *till.Till) []Move {
	return []Move{
		{
			Name: "has a countersign judged " + how, Slots: []string{countersign},
			Send: func(t []Term) { st.Tells(from, as, till.LegVerification, []byte(t[0].Value)) },
		},
		{
			Name: "signs with her own key, and has it judged " + how + ",", Slots: []string{information},
			Send: func(t []Term) {
				if i, read := till.ReadInformation([]byte(t[0].Value)); read {
					st.Tells(from, as, till.LegVerification, till.Sign(till.MallorysHandset, i.Handset, cast.Countersign{Information: i}))
				}
			},
		},
	}
}

// asCustomer is what an honest till takes from whoever stands before it.
func (st *tillWorld) asCustomer() []Move {
	m := st.Mallory
	return []Move{
		{
			Name: "applies at till.one in a session of her own", Slots: []string{application},
			Send: func(t []Term) {
				st.visit = m.Visit(st.One)
				st.visit.Applies([]byte(t[0].Value))
			},
		},
		{
			Name: "goes on in it", Slots: []string{countersign},
			Fits: func([]Term) bool { return st.visit != nil },
			Send: func(t []Term) { st.visit.Countersigns([]byte(t[0].Value)) },
		},
		{
			Name: "applies at till.one in Alice's name and answers", Slots: []string{countersign},
			Send: func(t []Term) {
				v := m.Visit(st.One)
				v.Applies(till.Encode(m.Application(st.Alice.Handset, st.One, little).Fields()))
				v.Countersigns([]byte(t[0].Value))
			},
		},
		{
			Name: "applies at till.one, and for more under the same number when that has long expired",
			Send: func([]Term) {
				a := m.Application(till.MallorysHandset, st.One, little)
				for range 2 {
					m.Visit(st.One).Applies(till.Encode(a.Fields()))
					m.Wait(time.Hour)
					a.Amount *= 2
				}
			},
		},
		{
			Name: "applies at till.two under the numbers that follow", Slots: []string{serial},
			Send: func(t []Term) { st.takesNext(t[0].Value) },
		},
	}
}

// takesNext applies under the three serials after one that was heard.
func (st *tillWorld) takesNext(heard string) {
	next, err := hex.DecodeString(heard)
	for range 3 {
		if err != nil || len(next) == 0 {
			return
		}
		next = slices.Clone(next)
		next[len(next)-1]++
		a := st.Mallory.Application(st.Alice.Handset, st.Two, little)
		a.Serial = next
		st.Mallory.Visit(st.Two).Applies(till.Encode(a.Fields()))
	}
}

// atOnce is what a dishonest till does in one moment.
func (st *tillWorld) atOnce() []Move {
	m, two := st.Mallory, st.Two
	return []Move{
		{
			Name: "applies at both tills at once under one serial",
			Send: func([]Term) {
				a := m.Application(till.MallorysHandset, st.One, little)
				m.Visit(st.One).Applies(till.Encode(a.Fields())) // from now on the till knows where the server is
				a.Serial = m.Random(len(a.Serial))
				b := a
				b.Device = two.ID
				m.Meanwhile(func() { m.Visit(st.One).Applies(till.Encode(a.Fields())) })
				st.Tells(two.Host, two, till.LegApplication, till.Encode(b.Fields()))
			},
		},
		{
			Name: "has two countersigns for one challenge judged at once",
			Send: func([]Term) {
				_, answer := st.Tells(two.Host, two, till.LegApplication, till.Encode(m.Application(till.MallorysHandset, two, little).Fields()))
				i, read := till.ReadInformation(answer)
				if !read {
					return
				}
				judge := func(keyOf string) {
					st.Tells(two.Host, two, till.LegVerification, till.Sign(keyOf, till.MallorysHandset, cast.Countersign{Information: i}))
				}
				m.Meanwhile(func() { judge("nobody's") })
				judge(till.MallorysHandset)
			},
		},
	}
}

// onPages is what a page in a browser on Alice's handset can send to it.
func (st *tillWorld) onPages() []Move {
	page := func(path, text string) func([]Term) Link {
		return func([]Term) Link { return Link{path, map[string][]string{"text": {text}}} }
	}
	label := st.One.Label()
	wish := fmt.Sprintf(`{"device":%q,"near_field_endpoint":%q,"frame_size":%d,"link":%q,"service":%q,"amount":%d,"currency":"EUR"}`,
		label.Device, label.NearField, label.FrameSize, label.Link, till.Coffee, little)
	return []Move{
		{Name: "opens a page that says yes to the first confirmation", Link: page("/confirmation/1", `{"decision":"approve"}`)},
		{Name: "opens a page that begins a purchase", Link: page("/start", wish)},
	}
}

// guesses are guesses at passwords by people who do not have the handset.
func (st *tillWorld) guesses() []Move {
	const words = 8
	return []Move{
		{
			Name: "tries a list of passwords of Alice's account",
			Send: func([]Term) {
				st.tried = true
				for _, word := range append(till.Dictionary(st.Alice, words)[:words-1], st.Alice.AccountPassword) {
					st.Mallory.SetsPasswordOf(st.Alice, word)
				}
			},
		},
		{
			Name: "mistypes the password of her own account time and again",
			Send: func([]Term) {
				for range words {
					st.Mallory.MistypesOwnPassword()
				}
			},
		},
		{
			Name: "countersigns rubbish in Alice's name five times",
			Send: func([]Term) {
				for range 5 {
					st.Mallory.Tries(st.Alice, till.MallorysHandset, "rubbish", nil)
				}
			},
		},
	}
}

// crowds is a till that is given more to do than it has room for.
func (st *tillWorld) crowds() Move {
	const many = 512 // sessions, more than any till keeps
	return Move{
		Name: "opens sessions at till.one until it has no room",
		Send: func([]Term) {
			begins := []byte("an application that never ends")
			for range many {
				if !st.Mallory.Visit(st.One).Begins(begins) {
					return
				}
			}
		},
	}
}

// triesAtHome is a dictionary tried on what was heard.
func (st *tillWorld) triesAtHome() Move {
	loot := st.Mallory.ListensTo(st.Alice)
	return Move{
		Name:  "tries a dictionary at home on what she has heard",
		Slots: []string{countersign},
		Send: func([]Term) {
			const words = 5
			for _, word := range till.Dictionary(st.Alice, words) {
				for _, salt := range [][]byte{[]byte(st.Alice.Handset), st.Mallory.Salt(st.Alice)} {
					if till.Fits(word, salt, st.Alice.Handset, loot) {
						st.Breach(till.NotGuessed, "mallory has the offline password of alice")
						return
					}
				}
			}
		},
	}
}

// asThief is what somebody does who has had Alice's handset.
func (st *tillWorld) asThief() []Move {
	m := st.Mallory
	old := st.Alice.Password
	var salt []byte
	guesses := func(between func()) func([]Term) {
		const words = 8 // more than may be tried
		return func([]Term) {
			for _, word := range till.Dictionary(st.Alice, words) {
				if m.Tries(st.Alice, st.Alice.Handset, word, m.Salt(st.Alice)) {
					st.Breach(till.Guesses, "a thief has found the password by trying")
				}
				between()
			}
		}
	}
	return []Move{
		{Name: "tries a list of offline passwords", Send: guesses(func() {})},
		{
			Name: "tries a list of offline passwords, and buys a little after each",
			Send: guesses(func() { st.buysAs(st.Alice.Handset, st.Alice.Handset, little, func() {}) }),
		},
		{
			Name: "tries the password that was before",
			Send: func([]Term) {
				salt = m.Salt(st.Alice)
				st.Alice.Password = "another password of alice"
				st.Alice.SetsPassword()
				if m.Tries(st.Alice, st.Alice.Handset, old, salt) {
					st.Breach(till.OldPassword, "a thief was served with the password that was before")
				}
				st.Alice.Password = old
			},
		},
	}
}

// jam is what happens to what passes on a bad day: it is damaged, something strange comes behind it, or nothing passes any more.
func (st *tillWorld) jam(m *sim.Message) (tricks []Trick) {
	near := till.NearField(m)
	if m.Kind == sim.Request {
		tricks = append(tricks, Trick{"nothing passes here any more", func() sim.Verdict {
			st.jams = true
			st.World.Tap(sim.TapFunc(func(_ *sim.World, other sim.Message) sim.Verdict {
				return sim.Verdict{Drop: other.From == m.From && other.To == m.To && !st.d.finished}
			}))
			return sim.Verdict{Drop: true}
		}})
	}
	if relayed := m.From == st.One.Host.Name() || m.To == st.One.Host.Name(); relayed && !near {
		tricks = append(tricks, Trick{st.One.Host.Name() + " crashes meanwhile", func() sim.Verdict {
			st.d.host.Go("a crash", func() { st.One.Host.Crash(2 * time.Second) })
			return sim.Verdict{}
		}})
	}
	f, framed := st.Frame(m)
	if !near || !framed {
		return tricks
	}
	tricks = append(tricks, Trick{"it is damaged", func() sim.Verdict {
		damaged := m.Clone()
		const checksum = 4
		damaged.Body[len(damaged.Body)-checksum-1] ^= 1 // the last byte before it
		return sim.Verdict{Replace: &damaged}
	}})
	if m.Kind == sim.Response || f.Type != nearfield.Data {
		return tricks
	}
	behind := func(label string, change func(*nearfield.Frame)) {
		strange := f
		strange.Payload = slices.Clone(f.Payload)
		change(&strange)
		tricks = append(tricks, Trick{label + " comes behind it", func() sim.Verdict {
			st.World.Inject(sim.Message{From: st.Mallory.Name, URL: m.URL, Method: http.MethodPost, Header: m.Header.Clone(), Body: strange.Bytes()})
			return sim.Verdict{}
		}})
	}
	const often = 4
	tricks = append(tricks, Trick{"it arrives five times", func() sim.Verdict { return sim.Verdict{Repeat: often} }})
	behind("one of another count", func(s *nearfield.Frame) { s.Count, s.Index = s.Count+1, s.Index+1 })
	behind("one that says something else", func(s *nearfield.Frame) { s.Payload[len(s.Payload)-1] ^= 1 })
	return tricks
}
