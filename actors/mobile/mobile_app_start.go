package mobile

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"countersign/actors/outbound"
	"countersign/actors/wire"
)

// Bounds of one start (profile section 6.2).
const (
	maxAuthentications = 4
	maxAccesses        = 8
	maxStart           = 28 * time.Second // of 30, so that the end arrives in time too
	longestWait        = 5 * time.Second  // that a Retry-After is waited for
)

// Opened is what a start brings.
type Opened struct {
	Owner     string     `json:"owner"`
	Resources []Resource `json:"resources"`
	Address   string     `json:"address"`
}

// start opens the app (profile section 6.2).
func (m *MobileApp) start(said members) (wire.Answer, error) {
	fresh := false
	if said.Has("fresh") && json.Unmarshal(said["fresh"], &fresh) != nil {
		return wire.Answer{}, wire.InvalidRequest("fresh is neither true nor false")
	}
	got, err := m.Start(fresh)
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.JSON(got)
}

// Start is what start_endpoint does; fresh drops a stored token and its address first.
func (m *MobileApp) Start(fresh bool) (Opened, error) { return m.begin().run(fresh) }

// starting is one start under way.
type starting struct {
	*MobileApp
	epoch                             int // of the enrolment that it runs under
	end                               time.Time
	authentications, accesses         int // so far
	mostAuthentications, mostAccesses int
	former                            holdings // as they were before the token was last dropped
	steps                             []string // for the user, in words
}

func (m *MobileApp) begin() *starting {
	s := &starting{MobileApp: m, end: m.Clock.Now().Add(maxStart), mostAuthentications: maxAuthentications, mostAccesses: maxAccesses}
	// flows, bounded retry
	if !m.Guards.On("MO-AP-33") {
		s.end, s.mostAuthentications, s.mostAccesses = m.Clock.Now().Add(10*time.Minute), 40, 40
	}
	return s
}

func (s *starting) did(step string) { s.steps = append(s.steps, step) }

// left is how long the next exchange may take.
func (s *starting) left() time.Duration { return min(patience, s.end.Sub(s.Clock.Now())) }

var errSpent = ended(codeAccessRefused, "the business system did not take any token; try again later")

// run is the steps 1 to 3 (profile section 6.2).
func (s *starting) run(fresh bool) (Opened, error) {
	held, err := s.held()
	if err != nil {
		return Opened{}, err
	}
	// description of step S102: deregistered device
	if s.Guards.Forbids("MO-AP-12", !held.Enrolled) {
		return Opened{}, errNotEnrolled
	}
	s.epoch = held.Epoch
	if fresh {
		if err := s.drop(); err != nil {
			return Opened{}, err
		}
	}
	for s.left() > 0 {
		if held, err = s.now(); err != nil {
			return Opened{}, err
		}
		if held.Token == "" || held.Address == "" || !s.Clock.Now().Before(held.Until) {
			if held.Token != "" {
				s.former = held
			}
			if err := s.authenticate(); err != nil {
				return Opened{}, err
			}
			continue // with what is held then
		}
		got, again, err := s.access(held)
		if err != nil || !again {
			return got, err
		}
	}
	return Opened{}, ended(codeUnreachable, "this took too long; try again later")
}

// now is what the app holds, as long as it is enrolled as it was when the start began.
func (s *starting) now() (holdings, error) {
	return s.store(func(*holdings) error { return nil })
}

// store changes what the app holds, unless it has been wiped or enrolled since the start began.
func (s *starting) store(f func(*holdings) error) (holdings, error) {
	held, err := s.change(s.epoch, f)
	if errors.Is(err, errOvertaken) {
		return held, errNotEnrolled
	}
	return held, err
}

// drop throws the stored token and its address away.
func (s *starting) drop() error {
	_, err := s.store(func(h *holdings) error {
		if h.Token != "" {
			s.former = *h
		}
		h.drop()
		return nil
	})
	return err
}

// access asks for the resource (step 3). again means that the start is not over.
func (s *starting) access(held holdings) (got Opened, again bool, err error) {
	if s.accesses >= s.mostAccesses {
		return got, false, errSpent
	}
	s.accesses++
	// claims 3, 8: the address comes from the server alone
	if !s.Guards.On("MO-AP-05") {
		if held.Address, err = s.firstAddress(held.Address); err != nil {
			return got, false, err
		}
	}
	answer, err := s.ask(held)
	var open *unsafeError
	switch {
	case errors.As(err, &open):
		return got, false, errors.Join(s.drop(), ended(codeAccessRefused, open.Error()))
	case err != nil:
		s.did("found nobody at " + held.Address)
		// description of the third embodiment: a changed address causes no failed access
		if !s.Guards.On("MO-AP-06") {
			return got, false, ended(codeUnreachable, "the business system does not answer")
		}
		return got, true, s.drop()
	case answer.Status == http.StatusOK:
		got, err = s.keep(held.Address, answer)
		return got, false, err
	case answer.Status == http.StatusUnauthorized:
		s.did("was refused at " + held.Address)
		// description of the second embodiment: tokens are allotted dynamically
		if s.Guards.On("MO-AP-07") {
			err = s.drop()
		}
		return got, true, err
	case s.holdOff(answer):
		return got, true, nil
	}
	return got, false, ended(codeAccessRefused, "the business system answered with status "+strconv.Itoa(answer.Status))
}

// ask sends the resource request to the address (profile section 5.1). A redirect is an answer like others.
func (s *starting) ask(held holdings) (answer outbound.Reply, err error) {
	const followed = 5
	at := held.Address
	for range followed {
		if answer, err = s.askAt(at, held); err != nil || answer.Status/100 != 3 || answer.Header.Get("Location") == "" {
			return answer, err
		}
		// RFC 9110 section 15.4; RFC 9700 section 4.11; flows, address substitution
		if s.Guards.On("MO-AP-23") {
			return answer, nil
		}
		here, err := url.Parse(at)
		if err != nil {
			return answer, err
		}
		there, err := here.Parse(answer.Header.Get("Location"))
		if err != nil {
			return answer, err
		}
		at = there.String()
	}
	return answer, err
}

func (s *starting) askAt(address string, held holdings) (outbound.Reply, error) {
	c := outbound.Call{Method: http.MethodGet, URL: address}
	if s.Guards.Hardened() && held.TokenType == schemeDPoP {
		if err := s.prove(&c, held.Token); err != nil {
			return outbound.Reply{}, err
		}
	}
	// claims 1, 3; description of step S305
	if s.Guards.On("MO-AP-03") {
		c.Authorization = held.TokenType + " " + held.Token
	}
	// RFC 9700 section 4.3: what stands in a URL ends up in logs
	if !s.Guards.On("MO-AP-35") {
		c.URL += "?access_token=" + url.QueryEscape(held.Token)
	}
	return s.send(c, s.left())
}

// holdOff waits for as long as the other side asks for, and reports whether there is then time for another try.
func (s *starting) holdOff(answer outbound.Reply) bool {
	seconds, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	wait := time.Duration(seconds) * time.Second
	if answer.Status != http.StatusServiceUnavailable || err != nil || seconds < 0 || wait > longestWait || s.Clock.Now().Add(wait).After(s.end) {
		return false
	}
	// RFC 9110 section 10.2.3
	if s.Guards.On("MO-AP-34") {
		s.did("was told to wait for " + wait.String())
		s.Clock.Sleep(wait)
	}
	return true
}

// keep stores what the business system gave.
func (s *starting) keep(address string, answer outbound.Reply) (Opened, error) {
	var given collection
	if json.Unmarshal(answer.Body, &given) != nil || given.Resources == nil {
		return Opened{}, ended(codeAccessRefused, "the business system answered with something that is no list of resources")
	}
	if _, err := s.store(func(h *holdings) error {
		h.Owner, h.Resources = given.Owner, given.Resources
		return nil
	}); err != nil {
		return Opened{}, err
	}
	s.did("showed the token at " + address + ", and got the resources")
	return Opened{given.Owner, given.Resources, address}, nil
}
