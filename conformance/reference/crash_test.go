package reference_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"

	"countersign/actors"
	"countersign/actors/guard"
	"countersign/actors/live"
	"countersign/actors/token"
	cast "countersign/actors/unified"
	"countersign/conformance/unified"
)

// killing is a live platform that is killed again and again, the third-party platforms that it logs users out of, and the users.
type killing struct {
	binary, folder, config string
	issuer                 string
	sites                  []*unreliable
	sessions               struct {
		sync.Mutex
		over []session
	}
}

// session is a login at every third-party platform whose user has been told by the platform that it is over.
type session struct {
	user  string
	agent *cast.UserAgent
}

// unreliable is a third-party platform, some of whose answers to the platform get lost, and some of whose requests.
type unreliable struct {
	url     string
	handler http.Handler
	paths   []string // that the platform calls

	mu    sync.Mutex
	count int
	well  bool
}

func (u *unreliable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	called := false
	for _, path := range u.paths {
		called = called || r.URL.Path == path
	}
	u.mu.Lock()
	if called {
		u.count++
	}
	n, well := u.count, u.well
	u.mu.Unlock()
	if !called || well {
		u.handler.ServeHTTP(w, r)
		return
	}
	switch n % 6 {
	case 1: // carried out, and the answer is lost
		u.handler.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case 3: // the request is lost
		panic(http.ErrAbortHandler)
	case 5: // refused, and not carried out
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		u.handler.ServeHTTP(w, r)
	}
}

func (u *unreliable) recover() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.well = true
}

// lowPort is a free port that no connection of anybody's takes by itself.
func lowPort() int {
	GinkgoHelper()
	for range 1000 {
		port := 11000 + rand.IntN(8000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			Expect(l.Close()).To(Succeed())
			return port
		}
	}
	Fail("no free port between 11000 and 18999")
	return 0
}

func newKilling() *killing {
	GinkgoHelper()
	k := &killing{folder: GinkgoT().TempDir()}
	var err error
	k.binary, err = gexec.Build("countersign")
	Expect(err).NotTo(HaveOccurred())
	setup := unified.Default()
	setup.Queue = unified.QueueSetup{BatchLimit: 4, BatchIdleTime: 1, BatchMaxWait: 2, KeyOverlap: 600}
	k.issuer = fmt.Sprintf("http://127.0.0.1:%d", lowPort())
	world := &live.World{}
	DeferCleanup(world.Close)
	for i := range setup.ThirdParties {
		t := &setup.ThirdParties[i]
		if t.Logout == unified.NoLogout {
			continue
		}
		server := httptest.NewUnstartedServer(nil)
		t.BaseURL = "http://" + server.Listener.Addr().String()
		secret, err := t.Keys[0].Secret()
		Expect(err).NotTo(HaveOccurred())
		party := &cast.ThirdParty{
			Env: world.Env(t.ClientID, guard.Set{}), BaseURL: t.BaseURL, Name: t.Name,
			Platforms: []cast.PlatformSetup{{Issuer: k.issuer, ClientID: t.ClientID, Keys: []token.Key{{ID: t.Keys[0].ID, Secret: secret}}}},
		}
		site := &unreliable{url: t.BaseURL, handler: party.Handler(), paths: []string{"/logout", "/backchannel"}}
		site.handler = at("/logout", cast.PathBatchLogout, at("/backchannel", cast.PathBackChannelLogout, site.handler))
		server.Config.Handler = at("/access", cast.PathAccess, at("/callback", cast.PathCallback, site))
		server.Config.ErrorLog = nil
		server.Start()
		DeferCleanup(server.Close)
		k.sites = append(k.sites, site)
	}
	text, err := yaml.Marshal(map[string]any{"profile": "unified@1", "setup": setup})
	Expect(err).NotTo(HaveOccurred())
	k.config = filepath.Join(k.folder, "countersign.yaml")
	Expect(os.WriteFile(k.config, text, 0o600)).To(Succeed())
	return k
}

// at serves a path as if it were another.
func at(path, served string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			r = r.Clone(r.Context())
			r.URL.Path = served
		}
		next.ServeHTTP(w, r)
	})
}

// start runs the platform, and waits until it answers.
func (k *killing) start() *exec.Cmd {
	GinkgoHelper()
	_, port, _ := strings.Cut(strings.TrimPrefix(k.issuer, "http://"), ":")
	cmd := exec.Command(k.binary, "serve", "unified", "--role", "authentication-platform", "--port-a", port, "--state", k.folder, "--config", k.config)
	cmd.Stderr = GinkgoWriter
	Expect(cmd.Start()).To(Succeed())
	Eventually(func() error {
		response, err := http.Get(k.issuer + "/.well-known/unified-login")
		if err == nil {
			err = response.Body.Close()
		}
		return err
	}, "20s", "5ms").Should(Succeed())
	return cmd
}

// user logs in everywhere, logs out at the platform, and begins anew, until the context ends. What fails is tried again.
func (k *killing) user(ctx context.Context, name string) {
	for ctx.Err() == nil {
		agent := &cast.UserAgent{
			Env: actors.Env{HTTP: &http.Client{
				Timeout:       5 * time.Second,
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			}},
			Accounts: []cast.PlatformAccount{{Origin: k.issuer, Username: name, Password: "password-of-" + name}},
		}
		for _, site := range k.sites {
			until(ctx, func() bool {
				_, err := agent.Open(site.url + "/access")
				return err == nil && site.serves(agent)
			})
		}
		until(ctx, func() bool {
			page, err := agent.LogOut(k.issuer + "/logout")
			if _, gone := err.(*cast.NoSuchButton); gone && page.Status == http.StatusOK {
				return true // the session is over: the answer to an earlier try got lost
			}
			return err == nil && page.Status == http.StatusOK && !page.Offers(cast.LogOut)
		})
		if ctx.Err() == nil {
			k.sessions.Lock()
			k.sessions.over = append(k.sessions.over, session{name, agent})
			k.sessions.Unlock()
		}
	}
}

// until tries until it succeeds or the context ends.
func until(ctx context.Context, try func() bool) {
	for ctx.Err() == nil && !try() {
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// serves reports whether the user agent has a live login there.
func (u *unreliable) serves(agent *cast.UserAgent) bool {
	page, err := agent.Look(u.url + cast.PathResource)
	return err == nil && page.Status == http.StatusOK
}

var _ = Describe("A live platform under logouts", func() {
	It("loses no task in 50 kills, and takes none for done that was not", func() {
		const kills, users = 50, 4
		k := newKilling()
		defer gexec.CleanupBuildArtifacts()
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		var crowd sync.WaitGroup
		for i := range users {
			crowd.Go(func() {
				defer GinkgoRecover()
				k.user(ctx, fmt.Sprintf("user-%02d", i+1))
			})
		}
		for range kills {
			platform := k.start()
			<-time.After(time.Duration(50+rand.IntN(250)) * time.Millisecond) // at any moment
			Expect(platform.Process.Kill()).To(Succeed())
			Expect(platform.Wait()).To(MatchError("signal: killed"))
		}
		last := k.start()
		defer func() {
			_ = last.Process.Kill()
			_ = last.Wait()
		}()
		stop()
		crowd.Wait()
		Expect(len(k.sessions.over)).To(BeNumerically(">=", kills/2), "there is a load worth the name")
		for _, site := range k.sites {
			site.recover()
		}
		Eventually(func() (alive []string) {
			for _, s := range k.sessions.over {
				for _, site := range k.sites {
					if site.serves(s.agent) {
						alive = append(alive, s.user+" at "+site.url)
					}
				}
			}
			return alive
		}, "90s", "250ms").Should(BeEmpty(), "of %d sessions that the platform said were over", len(k.sessions.over))
		AddReportEntry("sessions", len(k.sessions.over))
	})
})
