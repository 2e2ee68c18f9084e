package ticket

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/judge"
	"countersign/conformance/redact"
)

// unhurried is an app server that takes its time over each request and keeps no confirmation. Its account server's metadata it reads in the background,
// so that it never waits for them, or rests for some whole seconds once they did not come. It is also the surroundings in which it is checked.
type unhurried struct {
	conformance.Env
	takes    time.Duration
	rests    time.Duration // 0: it goes on under the metadata of before
	resting  time.Time     // until then
	now      time.Time
	accounts *confirmer
	entropy  io.Reader
}

func (u *unhurried) HTTP() *http.Client                    { return &http.Client{Transport: u} }
func (u *unhurried) Now() time.Time                        { return u.now }
func (u *unhurried) Advance(d time.Duration) error         { u.now = u.now.Add(d); return nil }
func (u *unhurried) Await(time.Duration, func() bool) bool { return false }
func (u *unhurried) Entropy() io.Reader                    { return u.entropy }
func (u *unhurried) Names() []redact.Name                  { return nil }
func (u *unhurried) Within(check func()) error             { check(); return nil }

func (u *unhurried) RoundTrip(r *http.Request) (*http.Response, error) {
	u.now = u.now.Add(u.takes)
	w := httptest.NewRecorder()
	w.Header().Set("Date", u.now.Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	if u.accounts.now().withheld > 0 {
		u.resting = u.now.Add(u.rests)
	}
	comeBack := "1"
	var said members
	var answered bool
	if left := u.resting.Sub(u.now); left > 0 {
		comeBack = fmt.Sprint(left.Seconds())
	} else {
		said, answered = u.verify(r.Header.Get("Authorization"))
	}
	exp, _ := said["exp"].(float64)
	switch active, whole := said["active"].(bool); {
	case !answered || !whole:
		w.Header().Set("Retry-After", comeBack)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"error":"temporarily_unavailable","error_description":"Come back."}`)
	case !active || exp <= float64(u.now.Unix()):
		w.Header().Set("WWW-Authenticate", `Ticket error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":"invalid_token","error_description":"Not confirmed."}`)
	default:
		_, _ = io.WriteString(w, `{"owner":"somebody","resources":[1]}`)
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// verify asks the account server about a ticket; answered is false where the connection broke or the answer is none.
func (u *unhurried) verify(authorization string) (said members, answered bool) {
	defer func() {
		if broken := recover(); broken != nil && broken != http.ErrAbortHandler {
			panic(broken)
		}
	}()
	shown := regexp.MustCompile(`user_id="(.*?)", authorization_key="(.*?)"`).FindStringSubmatch(authorization)
	r := httptest.NewRequest(http.MethodPost, "/verification", strings.NewReader(fmt.Sprintf(`{"user_id":%q,"authorization_key":%q}`, shown[1], shown[2])))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	u.accounts.ServeHTTP(w, r)
	return said, w.Code == http.StatusOK && json.Unmarshal(w.Body.Bytes(), &said) == nil
}

var _ = DescribeTable("An app server that does what the profile allows passes:",
	func(id catalog.ID, takes, rests time.Duration, check func(*appTest)) {
		u := &unhurried{takes: takes, rests: rests, now: time.Unix(1_800_000_000, 0), entropy: rand.NewChaCha8([32]byte{1})}
		s := &conformance.Session{Check: conformance.Check{ID: id, Role: catalog.AppServer}, Env: u}
		s.Check.Run = func(s *conformance.Session) {
			inner := &test{Judge: judge.Judge{Session: s}, Setup: Default()}
			inner.metadata.ResourceEndpoint = "http://app.example/resource"
			u.accounts = &confirmer{t: inner}
			check(&appTest{test: inner, accounts: u.accounts})
		}
		result := s.Run()
		gomega.Expect(result.Failure).To(gomega.BeNil())
		gomega.Expect(result.Verdict).To(gomega.Equal(conformance.Pass), result.Reason)
	},
	Entry("one that goes on under a document while it reads it anew", catalog.ID("TI-AP-08"), time.Duration(0), time.Duration(0), (*appTest).outageIsNoTicketError),
	Entry("one that keeps to the Retry-After that it sent", catalog.ID("TI-AP-08"), time.Duration(0), 5*time.Second, (*appTest).outageIsNoTicketError),
	Entry("one that takes almost 4 s over a request", catalog.ID("TI-AP-05"), 3900*time.Millisecond, time.Duration(0), (*appTest).keepsNoLongerThanAllowed),
)
