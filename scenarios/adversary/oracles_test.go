package adversary_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/conformance/catalog"
	"countersign/scenarios/adversary"
	"countersign/scenarios/stage"
	"countersign/sim"
	"countersign/sim/explore"
)

// give answers with what was recorded, or changed.
func give(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	answer.Header().Del("Content-Length") // of what was there before
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// goesOn has a server refuse with the right status and then go on, as one does that forgets to return: whatever it gave last at one of these paths follows.
func goesOn(paths ...string) func(http.Handler) http.Handler {
	return func(right http.Handler) http.Handler {
		var last []byte
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			right.ServeHTTP(answer, r)
			give(w, answer)
			for _, path := range paths {
				switch {
				case r.URL.Path != path:
				case answer.Code == http.StatusOK && answer.Body.Len() > 0:
					last = bytes.Clone(answer.Body.Bytes())
				case answer.Code >= http.StatusBadRequest:
					_, _ = w.Write(last)
				}
			}
		})
	}
}

// crossed puts what a server gives to one host into what it gives to another, and leaves there whose it says that it is.
func crossed(server, victim, other string) func(*stage.Stage) {
	return func(st *stage.Stage) {
		var kept json.RawMessage
		st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) (v sim.Verdict) {
			var said map[string]json.RawMessage
			if m.Kind != sim.Response || m.From != server || m.Status != http.StatusOK || json.Unmarshal(m.Body, &said) != nil || said["resources"] == nil {
				return v
			}
			switch m.To {
			case victim:
				kept = said["resources"]
			case other:
				if kept != nil {
					said["resources"] = kept
					changed := m.Clone()
					changed.Body, _ = json.Marshal(said)
					v.Replace = &changed
				}
			}
			return v
		}))
	}
}

// forgetsOnlyTheCookie has a site take the cookie from the browser of whoever leaves, and keep the login.
func forgetsOnlyTheCookie(right http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/leave" {
			right.ServeHTTP(w, r)
			return
		}
		for _, c := range r.Cookies() {
			http.SetCookie(w, &http.Cookie{Name: c.Name, Path: "/", Secure: true, MaxAge: -1})
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// copies writes what a pattern finds in the answers and requests of one host into what others answer to another.
func copies(from string, pattern *regexp.Regexp, to string) func(*stage.Stage) {
	return func(st *stage.Stage) {
		found := ""
		st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) (v sim.Verdict) {
			if match := pattern.FindStringSubmatch(strings.Join(append(m.Header["Location"], string(m.Body)), " ")); match != nil && m.From == from && m.To != to {
				found = match[1]
			}
			if m.Kind == sim.Response && m.To == to && found != "" {
				changed := m.Clone()
				changed.Body = append(bytes.Clone(m.Body), "\n"+found...)
				v.Replace = &changed
			}
			return v
		}))
	}
}

// endless has an issuer leave out for how long a token lives, and the server that takes it never look.
func endless(issuer, member string, taker string, guards ...catalog.ID) func(*stage.Stage) {
	return func(st *stage.Stage) {
		st.Lift(taker, guards...)
		lifetime := regexp.MustCompile(`&` + member + `=\d+|,"` + member + `":\d+`)
		st.Alter(issuer, func(right http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answer := httptest.NewRecorder()
				right.ServeHTTP(answer, r)
				answer.Body = bytes.NewBuffer(lifetime.ReplaceAll(answer.Body.Bytes(), nil))
				give(w, answer)
			})
		})
	}
}

// impatient has an OAuth server say of a revocation that is asked for again that it is done, when it has failed before.
func impatient(right http.Handler) http.Handler {
	failed := false
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/revoke" {
			right.ServeHTTP(w, r)
			return
		}
		if failed {
			w.WriteHeader(http.StatusOK)
			return
		}
		answer := httptest.NewRecorder()
		right.ServeHTTP(answer, r)
		failed = answer.Code == http.StatusServiceUnavailable
		give(w, answer)
	})
}

// saysSo has a client show that it reads no more, and do nothing else.
func saysSo(right http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/disconnect" {
			w.WriteHeader(http.StatusOK)
			return
		}
		right.ServeHTTP(w, r)
	})
}

// takesAnyOwner has a server set a handset's password for whoever has an account.
func takesAnyOwner(right http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		Expect(err).NotTo(HaveOccurred())
		if r.URL.Path == "/password" && bytes.Contains(body, []byte(`"account":"mallory"`)) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		right.ServeHTTP(w, r)
	})
}

// countsTogether has a server take no more passwords once five were wrong, whosoever they were.
func countsTogether(right http.Handler) http.Handler {
	wrong := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const most = 5
		if r.URL.Path != "/password" {
			right.ServeHTTP(w, r)
			return
		}
		if wrong >= most {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		answer := httptest.NewRecorder()
		right.ServeHTTP(answer, r)
		if answer.Code == http.StatusForbidden {
			wrong++
		}
		give(w, answer)
	})
}

// alone looks for an attack on a flow that somebody has changed, in one session.
func alone(flow adversary.Flow, scene, session string, moves int, change func(*stage.Stage)) adversary.Found {
	GinkgoHelper()
	flow.Sessions = []string{session}
	for i := range flow.Scenes {
		if flow.Scenes[i].Name == scene && flow.Scenes[i].Sessions != nil {
			flow.Scenes[i].Sessions = []string{session}
		}
	}
	return found(adversary.Hunt{Flow: flow.Changed(change), Level: catalog.Hardened, Scene: scene, Moves: moves, Sessions: 1, Seed: 1})
}

var _ = DescribeTable("The oracles see what the statuses and labels of answers do not say:",
	func(flow adversary.Flow, scene, session string, moves int, change func(*stage.Stage), invariants ...string) {
		f := alone(flow, scene, session, moves, change)
		Expect(f.Attack).NotTo(BeNil())
		Expect(invariants).To(ContainElement(f.Attack.Breach.Invariant), f.Attack.Breach.Text)
		right, err := f.Attack.Play(flow)
		Expect(err).NotTo(HaveOccurred())
		Expect(right.Broken(f.Attack)).To(BeFalse())
	},
	Entry("bidirectional: a resource behind a refusal", adversary.Bidirectional(), "open-web", "alice", 1, func(st *stage.Stage) { st.Alter("resource.b", goesOn("/resource")) }, "secrecy", "expiry"),
	Entry("ticket: a resource behind a refusal", adversary.Ticket(), "open-web", "alice", 1, func(st *stage.Stage) { st.Alter("app.one", goesOn("/resource")) }, "secrecy", "expiry"),
	Entry("mobile: a resource behind a refusal", adversary.Mobile(), "open-web", "alice", 1, func(st *stage.Stage) { st.Alter("crm", goesOn("/resource")) }, "secrecy", "expiry"),
	Entry("unified: a page behind a refusal", adversary.Unified(), "open-web", "alice", 1, func(st *stage.Stage) { st.Alter("mail", goesOn("/", "/home", "/resource")) }, "secrecy", "session-integrity"),
	Entry("bidirectional: another's diary under one's own name", adversary.Bidirectional(), "open-web", "site C", 1, func(st *stage.Stage) {
		st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) (v sim.Verdict) {
			if m.Kind == sim.Response && m.From == "resource.b" && m.To == "client.c" {
				changed := m.Clone()
				changed.Body = bytes.ReplaceAll(m.Body, []byte("Diary of mal."), []byte("Diary of alicia."))
				v.Replace = &changed
			}
			return v
		}))
	}, "secrecy"),
	Entry("ticket: another's notes under one's own name", adversary.Ticket(), "open-web", "alice", 1, crossed("app.one", "alice", "mallory"), "secrecy"),
	Entry("mobile: another's customers under one's own name", adversary.Mobile(), "open-web", "alice", 1, crossed("crm", "alice", "clive"), "secrecy"),
	Entry("unified: a login that ends in the browser alone", adversary.Unified(), "copied-cookies", "alice leaves", 1, func(st *stage.Stage) { st.Alter("mail", forgetsOnlyTheCookie) }, "secrecy", "left-here"),
	Entry("bidirectional: the secret of a token that is told to another client", adversary.Bidirectional(), "open-web", "alice", 1,
		copies("oauth.b", regexp.MustCompile(`oauth_token_secret=([^&]+)&client_id=client-a&expires_in=3600`), "client.c"), "keys-at-home"),
	Entry("bidirectional: a verifier that is told to another client", adversary.Bidirectional(), "open-web", "alice", 1,
		copies("oauth.b", regexp.MustCompile(`oauth_verifier=([^& ]+)`), "client.c"), "keys-at-home"),
	Entry("bidirectional: a token that nobody says ends", adversary.Bidirectional(), "open-web", "mallory", 1,
		endless("oauth.b", "expires_in", "resource.b", "BI-RS-18"), "expiry"),
	Entry("bidirectional: a revocation that is said to be done when it is asked for again", adversary.Bidirectional(), "losing-network", "alice leaves", 1,
		func(st *stage.Stage) { st.Alter("oauth.b", impatient) }, "revocation"),
	Entry("bidirectional: a client that says that it reads no more, and revokes nothing", adversary.Bidirectional(), "losing-network", "alice leaves", 0,
		func(st *stage.Stage) { st.Alter("client.a", saysSo) }, "revocation"),
	Entry("offline: a password that is set with another account's", adversary.Offline(), "open", "alice", 1,
		func(st *stage.Stage) { st.Alter("server", takesAnyOwner) }, "own-password"),
	Entry("offline: wrong passwords that are counted for all accounts together", adversary.Offline(), "likely-passwords", "alice pays a lot", 1,
		func(st *stage.Stage) { st.Alter("server", countsTogether) }, "no-lock-out"),
	Entry("ticket: a key that nobody says ends", adversary.Ticket(), "copied-ticket", "alice", 1,
		endless("accounts", "expires_in", "accounts", "TI-AM-14"), "expiry"),
)

// fromTheSecond has a program do something else at a path from the second request on.
func fromTheSecond(path string, does func(http.ResponseWriter, *http.Request)) func(http.Handler) http.Handler {
	return func(right http.Handler) http.Handler {
		requests := 0
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				requests++
			}
			if r.URL.Path == path && requests > 1 {
				does(w, r)
				return
			}
			right.ServeHTTP(w, r)
		})
	}
}

var _ = DescribeTable("An actor that does not come back is a finding, and does not end the search:",
	func(wrong func(*stage.Stage) func(http.ResponseWriter, *http.Request), invariant string) {
		change := func(st *stage.Stage) { st.Alter("app.one", fromTheSecond("/resource", wrong(st))) }
		f := alone(adversary.Ticket(), "open-web", "alice", 1, change)
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Breach.Invariant).To(Equal(invariant), f.Attack.Breach.Text)
		played, err := f.Attack.Play(adversary.Ticket().Changed(change))
		Expect(err).NotTo(HaveOccurred())
		Expect(played.Same).To(BeTrue())
	},
	Entry("one that panics", func(*stage.Stage) func(http.ResponseWriter, *http.Request) {
		return func(http.ResponseWriter, *http.Request) { panic("out of range") }
	}, "no-lock-out"),
	Entry("one that asks for ever", func(st *stage.Stage) func(http.ResponseWriter, *http.Request) {
		another := st.World.Host("another", stage.Nobody)
		return func(http.ResponseWriter, *http.Request) {
			for {
				if answer, err := another.Client().Get("https://accounts/"); err == nil {
					_ = answer.Body.Close()
				}
			}
		}
	}, adversary.Endless),
	Entry("one that sleeps for good", func(st *stage.Stage) func(http.ResponseWriter, *http.Request) {
		clock := st.World.Host("another", stage.Nobody).Clock()
		return func(http.ResponseWriter, *http.Request) { clock.Sleep(1000 * 24 * time.Hour) }
	}, "no-lock-out"),
)

var _ = It("A panic of an actor that nobody has altered stays loud", func() {
	flow := adversary.Ticket().Changed(func(st *stage.Stage) {
		st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) (v sim.Verdict) { panic("a mistake of ours") }))
	})
	_, err := adversary.Hunt{Flow: flow, Level: catalog.Hardened, Scene: "open-web", Sessions: 1}.Run(context.Background())
	var broken *explore.ModelError
	Expect(errors.As(err, &broken)).To(BeTrue())
})

// fails answers everything alike.
func fails(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }

var _ = DescribeTable("Nobody honest is locked out unseen:",
	func(flow adversary.Flow, scene, session string, change func(*stage.Stage)) {
		f := alone(flow, scene, session, 0, change)
		Expect(f.Attack).NotTo(BeNil())
		Expect(f.Attack.Breach.Invariant).To(Equal("no-lock-out"), f.Attack.Breach.Text)
	},
	Entry("bidirectional: Bob, who begins at the other site", adversary.Bidirectional(), "open-web", "bob", func(st *stage.Stage) {
		st.Alter("client.b", func(http.Handler) http.Handler { return http.HandlerFunc(fails) })
	}),
	Entry("ticket: Bob, who comes back", adversary.Ticket(), "open-web", "bob", func(st *stage.Stage) { st.Alter("app.one", fromTheSecond("/resource", fails)) }),
	Entry("mobile: Alice, at her tablet", adversary.Mobile(), "open-web", "the telephone is lost", func(st *stage.Stage) {
		st.Alter("erp", func(http.Handler) http.Handler { return http.HandlerFunc(fails) })
	}),
	Entry("offline: Alice, who has been served once", adversary.Offline(), "open", "alice", func(st *stage.Stage) {
		st.Alter("server", fromTheSecond("/application", fails))
	}),
	Entry("unified: Alice, at the shop", adversary.Unified(), "open-web", "alice at the shop", func(st *stage.Stage) { st.Alter("shop", fromTheSecond("/access", fails)) }),
)

// mixesUp has an account server, once it has refused to verify something, answer a refresh that it refuses with the ticket that it gave last.
func mixesUp(right http.Handler) http.Handler {
	var last []byte
	confused := false
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		right.ServeHTTP(answer, r)
		switch ok := answer.Code == http.StatusOK; {
		case r.URL.Path == "/authentication" && ok:
			last = bytes.Clone(answer.Body.Bytes())
		case r.URL.Path == "/verification" && !ok:
			confused = true
		case r.URL.Path == "/refresh" && !ok && confused && last != nil:
			w.Header().Set("Cache-Control", "no-store")
			stage.WriteJSON(w, http.StatusOK, json.RawMessage(last))
			return
		}
		give(w, answer)
	})
}

var _ = It("A program that remembers what it has refused, and where no store shows it, is caught by what it does then", func() {
	f := alone(adversary.Ticket(), "open-web", "alice", 2, func(st *stage.Stage) { st.Alter("accounts", mixesUp) })
	Expect(f.Attack).NotTo(BeNil())
	Expect(f.Attack.Breach.Invariant).To(BeElementOf("own-tickets", "keys-at-home"), f.Attack.Breach.Text)
	Expect(f.Attack.Steps).To(HaveLen(2))
})
