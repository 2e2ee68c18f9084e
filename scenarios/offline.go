package scenarios

import (
	"slices"
	"time"

	"countersign/conformance/catalog"
	"countersign/scenarios/stage"
	"countersign/scenarios/till"
)

const flowOffline = "offline"

// onTill sets the stage of the flow, and gives the cast its parts.
func onTill(play func(*till.Stage, catalog.Level)) func(stage.Setting) *stage.Stage {
	return func(s stage.Setting) *stage.Stage {
		st := till.New(s)
		play(st, s.Level)
		return st.Stage
	}
}

// What things cost: a little is authorized at level 1, a lot needs the password.
const (
	little = 350
	more   = 900
	lot    = till.Threshold
)

// offline is the flow as it is meant to go, and the refusals that it has to bear.
func offline() []Scenario {
	happy := func(name, title, text string, play func(*till.Stage, catalog.Level)) Scenario {
		return Scenario{Name: "offline/" + name, Flow: flowOffline, Kind: Happy, Title: title, Text: text, play: onTill(play)}
	}
	over := func(link string, steps func(*till.Stage, till.Outcome) []till.Step) func(*till.Stage, catalog.Level) {
		return func(st *till.Stage, level catalog.Level) {
			st.Over(link)
			ends := till.Approved
			if link == "acoustic" {
				ends = at(level, till.Outcome("link_failed"), till.Approved)
			}
			st.Alice.Goes(steps(st, ends)...)
		}
	}
	small := func(st *till.Stage, ends till.Outcome) []till.Step {
		return []till.Step{till.Buys(st.One, little, ends)}
	}
	large := func(st *till.Stage, ends till.Outcome) []till.Step {
		return []till.Step{till.SetsPassword(till.Set), till.Buys(st.One, lot, ends)}
	}
	return slices.Concat([]Scenario{
		happy("happy", "A coffee, authorized without a connection",
			"Alice's handset has no connection, and is held to a till. It tells the till what she wants; the till passes the application on, and the server makes the information to be signed. Alice sees till and amount and says yes, the handset countersigns, the server verifies, and the till approves. This is the first embodiment of the document.",
			over("nfc", small)),
		happy("password", "A larger amount, with the offline password",
			"The second embodiment: from a threshold on the server asks for the higher level. Alice has set an offline password while she had a connection, and types it for this one application. A proof of it enters the countersign, at hardened under encryption to the server, since everybody near hears every frame.",
			over("nfc", large)),
		happy("acoustic", "By sound",
			"The link of the document: a hundred bytes a second, frames of 64 bytes, one in twenty of which is lost and one in twenty damaged. A coffee takes half a minute. The document does not say how long a frame may be: at core the till answers in one long frame, which takes longer than the handset listens.",
			over("acoustic", small)),
		happy("acoustic-password", "By sound, with the offline password",
			"The higher level by sound. The countersign is longer by its sealed proof, and arrives before the challenge of the server is over. At core it comes to nothing as before.",
			over("acoustic", large)),
		happy("ble", "By Bluetooth Low Energy",
			"Frames of 185 bytes, one in a hundred of which is lost. At hardened a lost frame is sent again; at core it need not be, and here the air is quiet.", over("ble", small)),
		happy("ble-password", "By Bluetooth Low Energy, with the offline password",
			"The higher level over the same link. The challenge of the server lives for a minute, which is long enough for some frames to be sent again.", over("ble", large)),
		happy("qr", "By pictures",
			"Handset and till show each other QR codes and read them with their cameras, and one picture in ten is not read. The document knows nothing of pictures: at core the handset says that it has no camera.",
			func(st *till.Stage, level catalog.Level) { overPictures(st, level, little) }),
		happy("qr-password", "By pictures, with the offline password",
			"The higher level by pictures. A countersign with its sealed proof still fits into one code.",
			func(st *till.Stage, level catalog.Level) { overPictures(st, level, lot) }),
		happy("several", "One coffee after the other",
			"Alice buys three times at two tills. Every application has a serial and a challenge of its own, so that three yeses stand for three coffees.",
			func(st *till.Stage, _ catalog.Level) {
				st.Alice.Goes(till.Buys(st.One, little, till.Approved), till.Buys(st.One, little, till.Approved), till.Waits(time.Minute), till.Buys(st.Two, little, till.Approved))
			}),
		happy("threshold", "Just below the threshold, and at it",
			"A cent below the threshold no password is asked for, and at the threshold it is. It is the server that says which, and it does so for the gate of a car park too, where nothing is paid and the password is always asked for.",
			func(st *till.Stage, _ catalog.Level) {
				st.Alice.Goes(till.SetsPassword(till.Set), till.Orders(till.Order{At: st.One, Amount: lot - 1, Forgets: true}, till.Approved),
					till.Orders(till.Order{At: st.One, Amount: lot, Forgets: true}, "password_required"), till.Buys(st.One, lot, till.Approved),
					till.Orders(till.Order{At: st.One, Service: till.Gate, Forgets: true}, "password_required"), till.Orders(till.Order{At: st.One, Service: till.Gate}, till.Approved))
			}),
		happy("two-users", "Two users at one till",
			"Alice and Bob hold their handsets to one till in the same moment. Their frames cross on the air, each session is of its own, and each gets the decision about their own coffee.",
			func(st *till.Stage, _ catalog.Level) {
				st.Alice.Goes(till.Buys(st.One, little, till.Approved))
				st.Bob.Goes(till.Buys(st.One, more, till.Approved))
			}),
		happy("two-tills", "Two tills at once",
			"Alice and Bob buy at two tills in the same moment, both with their passwords. The server keeps them apart by serial, device and handset.",
			func(st *till.Stage, _ catalog.Level) {
				st.Alice.Goes(till.SetsPassword(till.Set), till.Buys(st.One, lot, till.Approved))
				st.Bob.Goes(till.SetsPassword(till.Set), till.Buys(st.Two, lot, till.Approved))
			}),
	}, offlineRefusals())
}

func overPictures(st *till.Stage, level catalog.Level, amount uint64) {
	st.Over("qr")
	steps := []till.Step{till.Buys(st.One, amount, at(level, till.Outcome("unsupported_link"), till.Approved))}
	if amount >= till.Threshold {
		steps = append([]till.Step{till.SetsPassword(till.Set)}, steps...)
	}
	st.Alice.Goes(steps...)
}
