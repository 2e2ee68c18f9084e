package portal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/conformance/jose"
	"countersign/sim"
)

// sealer is a communication key and the two who speak under it.
type sealer struct {
	jose.Key
	clientID, issuer string
}

// opened is a sealed message that was opened, or a plain one. None has all the members.
type opened struct {
	sealer
	sealed bool
	vector string // initialization vector

	Issuer     string    `json:"iss"`
	ID         string    `json:"jti"`
	Code       string    `json:"code"`
	PassToken  string    `json:"pass_token"`
	Sub        string    `json:"sub"`
	Generation int64     `json:"generation"`
	Active     *bool     `json:"active"`
	Tasks      []task    `json:"tasks"`
	Results    []carried `json:"results"`
	Error      string    `json:"error"`
}

// task is one on the wire.
type task struct {
	ID         string `json:"task_id"`
	Sub        string `json:"sub"`
	Generation int64  `json:"generation"`
}

// carried is what a third-party platform says of a task.
type carried struct {
	ID     string `json:"task_id"`
	Status string `json:"status"`
}

// read opens a body. What cannot be opened says nothing.
func (st *Stage) read(body []byte) (m opened) {
	if bytes.HasPrefix(body, []byte("{")) {
		_ = json.Unmarshal(body, &m)
		return m
	}
	header, err := jose.Header(string(body))
	if err != nil {
		return m
	}
	kid, _ := header["kid"].(string)
	under := st.keys[kid]
	_, payload, err := jose.Open(string(body), under.Secret)
	if err != nil || json.Unmarshal(payload, &m) != nil {
		return opened{}
	}
	m.sealer, m.sealed = under, true
	m.vector = strings.Split(string(body), ".")[2]
	return m
}

// Opened implements [stage.Opener].
func (st *Stage) Opened(body []byte) []byte {
	m := st.read(body)
	if !m.sealed {
		return nil
	}
	said := map[string]string{"sealed under": m.Key.ID}
	for _, member := range [][2]string{{"code", m.Code}, {"pass_token", m.PassToken}, {"sub", m.Sub}} {
		if member[1] != "" {
			said[member[0]] = member[1]
		}
	}
	for i, t := range m.Tasks {
		said[fmt.Sprintf("task %d", i+1)] = fmt.Sprintf("%s, generation %d", t.Sub, t.Generation)
	}
	for i, r := range m.Results {
		said[fmt.Sprintf("result %d", i+1)] = r.Status
	}
	if m.Generation > 0 {
		said["generation"] = strconv.FormatInt(m.Generation, 10)
	}
	if m.Active != nil {
		said["active"] = strconv.FormatBool(*m.Active)
	}
	text, err := json.Marshal(said)
	if err != nil {
		return nil
	}
	return text
}

// plaintext is the payload of a sealed message, nil for one that does not open.
func (st *Stage) plaintext(body []byte) []byte {
	header, err := jose.Header(string(body))
	if err != nil {
		return nil
	}
	kid, _ := header["kid"].(string)
	_, payload, err := jose.Open(string(body), st.keys[kid].Secret)
	if err != nil {
		return nil
	}
	return payload
}

// speak seals a message of a dishonest party and sends it from a host. The answer is empty when it is none that opens.
func (st *Stage) speak(from *sim.Host, under sealer, as, target, kind string, own map[string]any) (status int, answer opened) {
	body, err := st.seal(from, under, as, kind, own)
	if err != nil {
		return 0, answer
	}
	return st.post(from, target, body)
}

// post sends a body as a sealed message.
func (st *Stage) post(from *sim.Host, target, body string) (status int, answer opened) {
	r, err := http.NewRequest(http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return 0, answer
	}
	kind := "application/jose"
	if strings.HasPrefix(body, "{") {
		kind = "application/json"
	}
	r.Header.Set("Content-Type", kind)
	response, err := from.ClientWithin(Patience).Do(r)
	if err != nil {
		return 0, answer
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, answer
	}
	return response.StatusCode, st.read(text)
}

// payload is a message of a dishonest party before it is sealed.
func (st *Stage) payload(from *sim.Host, issuer, audience string, own map[string]any) ([]byte, error) {
	id := make([]byte, 18)
	if _, err := io.ReadFull(from.Entropy("message IDs of a dishonest party"), id); err != nil {
		return nil, err
	}
	all := map[string]any{"iss": issuer, "aud": audience, "iat": from.Clock().Now().Unix(), "jti": jose.Encode(id)}
	maps.Copy(all, own)
	return json.Marshal(all)
}

// seal seals a message of a dishonest party, which may name somebody else as its sender.
func (st *Stage) seal(from *sim.Host, under sealer, as, kind string, own map[string]any) (string, error) {
	audience := under.issuer
	if strings.HasPrefix(as, "https:") {
		audience = under.clientID
	}
	payload, err := st.payload(from, as, audience, own)
	if err != nil {
		return "", err
	}
	return jose.Seal(from.Entropy("vectors of a dishonest party"), under.Key, map[string]any{"typ": kind + "+jwt"}, payload)
}

// sparing has a third-party platform take a part of each batch only, so that the rest is left out of its answer.
func (st *Stage) sparing(h *sim.Host, t *ThirdParty, handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || t.Base+r.URL.Path != t.LogoutURI() {
			handler.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if part, changed := st.part(h, t, body); changed {
			body = part
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		handler.ServeHTTP(w, r)
	})
}

// part is a batch request with its first tasks alone.
func (st *Stage) part(h *sim.Host, t *ThirdParty, body []byte) ([]byte, bool) {
	m := st.read(body)
	payload := st.plaintext(body)
	var all map[string]any
	if len(m.Tasks) <= t.MostTasks || json.Unmarshal(payload, &all) != nil {
		return nil, false
	}
	all["tasks"] = m.Tasks[:t.MostTasks]
	payload, err := json.Marshal(all)
	if err != nil {
		return nil, false
	}
	sealed, err := jose.Seal(h.Entropy("batches that are taken in parts"), m.Key, map[string]any{"typ": "batch-logout-request+jwt"}, payload)
	return []byte(sealed), err == nil
}

// Flush is a request with logout tasks that the platform sent.
type Flush struct {
	At    time.Duration
	Tasks int
}

// Flushes records the requests with logout tasks that go to a third-party platform from now on.
func (st *Stage) Flushes(to *ThirdParty) *[]Flush {
	all := new([]Flush)
	st.World.Tap(sim.TapFunc(func(w *sim.World, m sim.Message) sim.Verdict {
		if m.Kind != sim.Request || m.From != st.Platform.Host.Name() || m.To != to.Host.Name() {
			return sim.Verdict{}
		}
		switch st.Leg(&m) {
		case LegBatch:
			*all = append(*all, Flush{w.Now(), len(st.read(m.Body).Tasks)})
		case LegBackChannel:
			*all = append(*all, Flush{w.Now(), 1})
		}
		return sim.Verdict{}
	}))
	return all
}

// Mute has requests on a leg get no answer, and do nothing, as long as a condition holds: whoever asks waits in vain.
func (st *Stage) Mute(leg string, at *ThirdParty, holds func() bool) {
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		return sim.Verdict{Drop: m.Kind == sim.Request && m.To == at.Host.Name() && st.Leg(&m) == leg && holds()}
	}))
}
