package offline_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/actors/guard"
	"countersign/actors/offline"
	"countersign/conformance/catalog"
)

var _ = Describe("The service server", func() {
	var d *desk
	BeforeEach(func() { d = newDesk(guard.Set{}) })

	It("says where its endpoints lie", func() {
		m := d.get(issuer + "/.well-known/offline-authorization")
		Expect(m.body).To(MatchJSON(`{"profile":"offline@1","issuer":"https://server.example","application_endpoint":"https://server.example/application",` +
			`"verification_endpoint":"https://server.example/verification","password_endpoint":"https://server.example/password","challenge_lifetime":60,` +
			`"keys":[{"kty":"OKP","crv":"Ed25519","x":"RErY17n02OcPiLXrbQUnoJjbVYQ_2VmZARLKrloRBPo","kid":"server-1","use":"sig"}]}`))
	})

	for _, level := range []catalog.Level{catalog.Core, catalog.Hardened} {
		Describe("at level "+string(level), func() {
			BeforeEach(func() { d = newDesk(guard.Set{Level: level}) })

			It("authorizes a small sum on a signature: the first embodiment", func() {
				asked := d.small()
				answered := d.apply(asked)
				Expect(answered.header.Get("Content-Type")).To(Equal(`application/cose; cose-type="cose-sign1"`))
				e, err := offline.ParseEnvelope(answered.body, offline.Leniency{})
				Expect(err).NotTo(HaveOccurred())
				Expect(e.Holds(offline.DomainInformation, signer("server-1").Public())).To(BeTrue())
				i := readInformation(answered)
				Expect(i.Application).To(Equal(asked))
				Expect(i.Level).To(Equal(uint64(1)))
				Expect(i.Issuer).To(Equal(issuer))
				Expect(i.IssuedAt).To(Equal(uint64(d.now.Unix())))

				d.Sleep(3 * time.Second)
				answered = d.sendCountersign("till-1", plain(i))
				e, err = offline.ParseEnvelope(answered.body, offline.Leniency{})
				Expect(err).NotTo(HaveOccurred())
				Expect(e.Holds(offline.DomainResult, signer("server-1").Public())).To(BeTrue())
				Expect(readResult(answered)).To(Equal(offline.Result{
					Application: asked, Level: 1, Challenge: i.Challenge, IssuedAt: uint64(d.now.Unix()), Issuer: issuer, Verified: true,
				}))
			})

			It("authorizes a large sum on a signature and the password: the second embodiment", func() {
				d.withPassword()
				i := d.informed(d.large())
				Expect(i.Level).To(Equal(uint64(2)))
				Expect(d.verifies(d.proving(i, password1))).To(BeTrue())
				Expect(d.verifies(d.proving(d.informed(d.large()), password2))).To(BeFalse())
				Expect(d.verifies(plain(d.informed(d.large())))).To(BeFalse())
				Expect(d.verifies(d.proving(d.informed(d.application("gate", 0)), password1))).To(BeTrue())
			})

			It("verifies no proof at level 1", func() {
				d.withPassword()
				i := d.informed(d.small())
				Expect(d.verifies(signed(offline.Countersign{Information: i, Proof: offline.Proof(passwordKey(password1), bound(i))}))).To(BeFalse())
			})
		})
	}

	It("takes a bare proof at core only", func() {
		for _, guards := range []guard.Set{core, {}} {
			d = newDesk(guards).withPassword()
			i := d.informed(d.large())
			verified := d.verifies(signed(offline.Countersign{Information: i, Proof: offline.Proof(passwordKey(password1), bound(i))}))
			Expect(verified).To(Equal(guards.Level == catalog.Core))
		}
	})

	DescribeTable("refuses applications",
		func(device string, change func(*offline.Application), status int, code string) {
			a := d.small()
			change(&a)
			refused(d.sendApplication(device, encode(a.Fields())), status, code)
			a = d.small()
			Expect(d.apply(a).status).To(Equal(http.StatusOK), "its serial is unused")
		},
		Entry("of a device that does not authenticate", "", func(*offline.Application) {}, 401, "invalid_client"),
		Entry("of a device that nobody knows", "till-9", func(*offline.Application) {}, 401, "invalid_client"),
		Entry("of another device than they name", "till-2", func(*offline.Application) {}, 403, "access_denied"),
		Entry("of a handset that nobody knows", "till-1", func(a *offline.Application) { a.Handset = "handset-9" }, 403, "unknown_handset"),
		Entry("for a service that nobody knows", "till-1", func(a *offline.Application) { a.Service = "yacht" }, 400, "unknown_service"),
		Entry("for which the password is not set", "till-1", func(a *offline.Application) { a.Amount = 5001 }, 403, "password_not_set"),
		Entry("that are malformed", "till-1", func(a *offline.Application) { a.Currency = "euro" }, 400, "invalid_request"),
	)

	It("leaves the serial of a refused application unused", func() {
		a := d.large()
		refused(d.apply(a), 403, "password_not_set")
		d.withPassword()
		Expect(d.apply(a).status).To(Equal(http.StatusOK))
	})

	DescribeTable("refuses countersigns, and leaves the application open",
		func(device string, body func(offline.Information) []byte, status int, code string) {
			i := d.informed(d.small())
			refused(d.sendCountersign(device, body(i)), status, code)
			Expect(d.verifies(plain(i))).To(BeTrue())
		},
		Entry("of a device that does not authenticate", "", plain, 401, "invalid_client"),
		Entry("of another device than the one that applied", "till-2", plain, 403, "access_denied"),
		Entry("under a serial that nobody knows", "till-1", func(i offline.Information) []byte {
			i.Serial = make([]byte, 16)
			return plain(i)
		}, 404, "unknown_serial"),
		Entry("without their envelope", "till-1", func(i offline.Information) []byte {
			return encode(offline.Countersign{Information: i}.Fields())
		}, 400, "invalid_request"),
		Entry("of another type", "till-1", func(i offline.Information) []byte {
			return signedAs("handset-1", offline.DomainCountersign, encode(i.Fields()))
		}, 400, "invalid_request"),
		Entry("that lack a key", "till-1", func(i offline.Information) []byte {
			f := offline.Countersign{Information: i}.Fields()
			delete(f, offline.KeyAmount)
			return signedAs("handset-1", offline.DomainCountersign, encode(f))
		}, 400, "invalid_request"),
		Entry("that are too long", "till-1", func(offline.Information) []byte { return make([]byte, 2049) }, 413, "invalid_request"),
	)

	DescribeTable("refuses requests that are no messages",
		func(path, contentType, body string, status int) {
			refused(d.post(call{url: issuer + path, contentType: contentType, device: "till-1", body: []byte(body)}), status, "invalid_request")
		},
		Entry("a form for an application", "/application", "application/x-www-form-urlencoded", "a=b", 415),
		Entry("a countersign as an application", "/verification", "application/cbor", "", 415),
		Entry("an application too long", "/application", "application/cbor", strings.Repeat("a", 2049), 413),
		Entry("an empty application", "/application", "application/cbor", "", 400),
		Entry("a password in a form", "/password", "application/x-www-form-urlencoded", "a=b", 415),
		Entry("a password in an array", "/password", "application/json", "[]", 400),
		Entry("a password in nothing", "/password", "application/json", "null", 400),
		Entry("a password without its members", "/password", "application/json", "{}", 400),
		Entry("a password key too short", "/password", "application/json", `{"account":"alice","account_password":"x","handset":"handset-1","password_key":"AAAA"}`, 400),
		Entry("a password key with padding", "/password", "application/json",
			`{"account":"alice","account_password":"x","handset":"handset-1","password_key":"`+strings.Repeat("A", 43)+`="}`, 400),
		Entry("a password key with bits left over", "/password", "application/json",
			`{"account":"alice","account_password":"x","handset":"handset-1","password_key":"`+strings.Repeat("A", 42)+`B"}`, 400),
		Entry("an account that is a number", "/password", "application/json",
			`{"account":7,"account_password":"x","handset":"handset-1","password_key":"`+strings.Repeat("A", 43)+`"}`, 400),
	)

	It("takes POST only", func() {
		for _, path := range []string{"/application", "/verification", "/password"} {
			Expect(d.get(issuer + path).status).To(Equal(http.StatusMethodNotAllowed))
		}
	})

	DescribeTable("does not verify a countersign at level 1 whose signature is right, but",
		func(change func(*offline.Information)) {
			i := d.informed(d.small())
			change(&i)
			Expect(d.verifies(plain(i))).To(BeFalse())
		},
		Entry("handset is another", func(i *offline.Information) { i.Handset = "handset-2" }),
		Entry("device is another", func(i *offline.Information) { i.Device = "till-2" }),
		Entry("service is another", func(i *offline.Information) { i.Service = "gate" }),
		Entry("amount is another", func(i *offline.Information) { i.Amount++ }),
		Entry("currency is another", func(i *offline.Information) { i.Currency = "USD" }),
		Entry("level is another", func(i *offline.Information) { i.Level = 2 }),
		Entry("challenge is another", func(i *offline.Information) { i.Challenge = make([]byte, 32) }),
		Entry("time of issue is another", func(i *offline.Information) { i.IssuedAt++ }),
		Entry("expiry is another", func(i *offline.Information) { i.ExpiresAt++ }),
		Entry("issuer is another", func(i *offline.Information) { i.Issuer += "/" }),
		Entry("seal key is added", func(i *offline.Information) { i.SealKey = make([]byte, 32) }),
	)

	It("verifies until the challenge expires, and not a second longer", func() {
		first, second := d.informed(d.small()), d.informed(d.small())
		Expect(first.ExpiresAt).To(Equal(first.IssuedAt + 60))
		d.Sleep(60 * time.Second)
		Expect(d.verifies(plain(first))).To(BeTrue())
		d.Sleep(time.Second)
		Expect(d.verifies(plain(second))).To(BeFalse())
	})

	It("keeps the lifetime of challenges within the bounds of the profile", func() {
		for _, given := range []struct {
			lifetime time.Duration
			seconds  uint64
		}{{30 * time.Second, 30}, {time.Millisecond, 1}, {time.Hour, 120}} {
			d = newDesk(guard.Set{})
			d.server.ChallengeLifetime = given.lifetime
			i := d.informed(d.small())
			Expect(i.ExpiresAt - i.IssuedAt).To(Equal(given.seconds))
		}
	})

	Describe("asked again", func() {
		It("gives the same information, until it is judged or expired", func() {
			a := d.small()
			first := d.apply(a)
			Expect(d.apply(a).body).To(Equal(first.body))
			Expect(d.verifies(plain(readInformation(first)))).To(BeTrue())
			refused(d.apply(a), 409, "serial_used")
			b := d.small()
			d.informed(b)
			d.Sleep(61 * time.Second)
			refused(d.apply(b), 409, "serial_used")
		})

		It("refuses the serial to any other application", func() {
			a := d.small()
			d.informed(a)
			other := a
			other.Amount++
			refused(d.apply(other), 409, "serial_used")
			other = a
			other.Handset = "handset-2"
			refused(d.apply(other), 409, "serial_used")
			other = a
			other.Device = "till-2"
			refused(d.sendApplication("till-2", encode(other.Fields())), 409, "serial_used")
		})

		It("gives the same result, and refuses other bytes whatever the judgement was", func() {
			i := d.informed(d.small())
			Expect(d.verifies(plain(i))).To(BeTrue())
			d.Sleep(9 * time.Minute)
			Expect(d.verifies(plain(i))).To(BeTrue())
			other := i
			other.Amount++
			refused(d.sendCountersign("till-1", plain(other)), 409, "serial_used")
			refused(d.sendCountersign("till-2", plain(i)), 403, "access_denied")

			i = d.informed(d.small())
			other = i
			other.Amount++
			Expect(d.verifies(plain(other))).To(BeFalse())
			refused(d.sendCountersign("till-1", plain(i)), 409, "serial_used")
		})

		It("forgets neither serials nor judgements nor attempts in a restart", func() {
			d.withPassword()
			i := d.informed(d.small())
			Expect(d.verifies(plain(i))).To(BeTrue())
			d.wrongAttempts(5)
			restarted := newServer(d.stage, guard.Set{})
			restarted.Store = d.server.Store
			d.hosts["server.example"] = restarted.Handler()
			refused(d.apply(i.Application), 409, "serial_used")
			Expect(d.verifies(plain(i))).To(BeTrue())
			Expect(d.opens(password1)).To(BeFalse())
		})
	})

	It("takes one application and judges one countersign of many that arrive together", func() {
		at := func(path, contentType string, bodies [][]byte) (given int) {
			handler := d.server.Handler()
			statuses := make(chan int, len(bodies))
			for _, body := range bodies {
				go func() {
					r := httptest.NewRequest(http.MethodPost, issuer+path, bytes.NewReader(body))
					r.Header.Set("Content-Type", contentType)
					r.SetBasicAuth("till-1", "secret-of-till-1")
					w := httptest.NewRecorder()
					handler.ServeHTTP(w, r)
					statuses <- w.Code
				}()
			}
			for range bodies {
				if <-statuses == http.StatusOK {
					given++
				}
			}
			return given
		}
		var applications, countersigns [][]byte
		a := d.small()
		i := d.informed(d.small())
		for n := range uint64(16) {
			a.Amount = n
			applications = append(applications, encode(a.Fields()))
			other := i
			other.Amount = n
			countersigns = append(countersigns, plain(other))
		}
		Expect(at("/application", "application/cbor", applications)).To(Equal(1))
		Expect(at("/verification", "application/cose", countersigns)).To(Equal(1))
	})

	DescribeTable("takes one of several applications with one serial at once",
		func(guards guard.Set, taken int) {
			d = newDesk(guards)
			a := d.small()
			b := a
			b.Amount++
			var beside answer
			d.onSleep = func() { beside = d.apply(b) }
			answers := []answer{d.apply(a)}
			if d.onSleep == nil {
				answers = append(answers, beside)
			} else {
				answers = append(answers, d.apply(b))
			}
			given := 0
			for _, a := range answers {
				if a.status == http.StatusOK {
					given++
				} else {
					refused(a, 409, "serial_used")
				}
			}
			Expect(given).To(Equal(taken))
		},
		Entry("hardened", guard.Set{}, 1),
		Entry("with the guard lifted", guard.Set{}.Without("OF-SS-31"), 2),
	)

	DescribeTable("judges one of several countersigns at once",
		func(guards guard.Set, judged int) {
			d = newDesk(guards).withPassword()
			i := d.informed(d.large())
			one, two := d.proving(i, password2), d.proving(i, password1)
			var beside answer
			raced := false
			d.onSleep = func() { beside, raced = d.sendCountersign("till-1", two), true }
			answers := []answer{d.sendCountersign("till-1", one)}
			if !raced {
				beside = d.sendCountersign("till-1", two)
			}
			given := 0
			for _, a := range append(answers, beside) {
				if a.status == http.StatusOK {
					given++
				} else {
					refused(a, 409, "serial_used")
				}
			}
			Expect(given).To(Equal(judged))
		},
		Entry("hardened", guard.Set{}, 1),
		Entry("with the guard lifted", guard.Set{}.Without("OF-SS-32"), 2),
	)

	It("offers a test clock where it has one", func() {
		d.server.TestClock = func(by time.Duration) time.Time {
			d.Sleep(by)
			return d.now
		}
		d.hosts["server.example"] = d.server.Handler()
		at := d.get(issuer + "/.well-known/offline-authorization").member("test_clock_endpoint").(string)
		i := d.informed(d.small())
		Expect(d.post(call{url: at, contentType: "application/x-www-form-urlencoded", body: []byte("advance=61")}).member("now")).To(BeNumerically("==", d.now.Unix()))
		Expect(d.verifies(plain(i))).To(BeFalse())
	})
})
