package till

import (
	"io"
	"net/http"

	"countersign/actors/nearfield"
	cast "countersign/actors/offline"
	"countersign/sim"
)

// Rogue is a dishonest till, which does with what it hears what it likes.
type Rogue struct {
	*Till
	// Informs gives message 1 for an application; nil relays to the server as an honest device does.
	Informs func(application []byte) []byte
	// Decides gives message 3 for a countersign; nil relays to the server.
	Decides func(countersign []byte) []byte

	stage *Stage
	talks map[nearfield.Session]*talk
}

// talk is an exchange with a handset.
type talk struct {
	in  [4]nearfield.Assembly
	out [4][]byte
}

// Rogue puts a dishonest party in the place of a till.
func (st *Stage) Rogue(t *Till) *Rogue {
	r := &Rogue{Till: t, stage: st}
	st.TakeOver(t.Host, func(h *sim.Host) http.Handler {
		r.talks = map[nearfield.Session]*talk{}
		mux := http.NewServeMux()
		mux.HandleFunc(pathNearField, func(w http.ResponseWriter, request *http.Request) {
			body, err := io.ReadAll(request.Body)
			f, malformed := nearfield.Parse(body)
			if err != nil || malformed != nil {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			w.Header().Set("Content-Type", nearfield.FrameType)
			_, _ = w.Write(r.hears(h, f).Bytes())
		})
		return mux
	})
	return r
}

// hears takes a frame and answers it.
func (r *Rogue) hears(h *sim.Host, f nearfield.Frame) nearfield.Frame {
	t := r.talks[f.Session]
	if t == nil {
		t = &talk{}
		r.talks[f.Session] = t
	}
	f.Message &= 3
	if f.Type == nearfield.Data {
		f.Message &= nearfield.Countersign // or the application: the others are the device's own
		if m := &t.in[f.Message]; m.Fragment(f.Index) == nil {
			if m.Add(f); m.Complete() {
				h.Go("dishonest work", func() { t.out[f.Message+1] = r.answers(f.Message, m.Join()) })
			}
		}
		return nearfield.Frame{Type: nearfield.Ack, Session: f.Session, Message: f.Message, Index: f.Index}
	}
	if frames, err := nearfield.Cut(f.Session, f.Message, t.out[f.Message], r.link.FrameSize); err == nil && int(f.Index) < len(frames) {
		return frames[f.Index]
	}
	return nearfield.Frame{Type: nearfield.Wait, Session: f.Session, Message: f.Message, Index: f.Index}
}

// answers makes the message that follows one of the handset's.
func (r *Rogue) answers(message byte, content []byte) []byte {
	if message == nearfield.Application {
		if r.Informs != nil {
			return r.Informs(content)
		}
		return r.Applies(content)
	}
	if r.Decides != nil {
		return r.Decides(content)
	}
	return r.Verifies(content)
}

// Applies asks the server for information, and gives it or a refusal.
func (r *Rogue) Applies(application []byte) []byte {
	status, answer := r.stage.Tells(r.Host, r.Till, LegApplication, application)
	if status != http.StatusOK {
		return Encode(cast.Refusal{Error: "server_refused"}.Fields())
	}
	return answer
}

// Verifies has the server judge a countersign, and makes a decision of what it says.
func (r *Rogue) Verifies(countersign []byte) []byte {
	c, _ := countersigned(countersign)
	status, answer := r.stage.Tells(r.Host, r.Till, LegVerification, countersign)
	if status == http.StatusOK && Approves(answer) {
		return Encode(cast.Decision{Serial: c.Serial, Approved: true, Result: answer}.Fields())
	}
	return r.Refuses(countersign)
}

// Refuses makes a decision that says no.
func (r *Rogue) Refuses(countersign []byte) []byte {
	c, _ := countersigned(countersign)
	return Encode(cast.Decision{Serial: c.Serial, Error: "no_result"}.Fields())
}

// Note puts a remark into the trace in the name of the till.
func (r *Rogue) Note(text string) { r.stage.Note(r.Host, "%s", text) }

// Changed is an application with something else in it.
func Changed(application []byte, change func(*cast.Application)) []byte {
	a, err := cast.ParseApplication(application, cast.Core())
	if err != nil {
		return application
	}
	change(&a)
	return Encode(a.Fields())
}

// Swallows boots a host that takes whatever is sent there.
func Swallows(*sim.Host) http.Handler { return http.NotFoundHandler() }
