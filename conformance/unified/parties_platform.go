package unified

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/conformance/jose"
	"countersign/conformance/judge"
)

// platforms are the platforms that the harness plays around a third-party platform under test. They answer as the profile says, and record what they are asked.
// They do not insist on what level hardened alone asks of a third-party platform: a check that wants that looks at the record.
type platforms struct {
	judge.Parties[enquiry, slip]
	t    *test
	mint *mint

	// The lock guards what follows.
	grants []*grant
}

// platform is one of them, at its address.
type platform struct {
	*platforms
	name             string // platform-p
	issuer, clientID string
	// announced is the issuer in its metadata.
	announced string
	// keys are the communication keys that it has given to the third-party platform, the newest last.
	keys []jose.Key
	// signer signs its logout tokens. It is the same in every check: the target may keep the platform's keys.
	signer jose.Signer
}

// grant is what a user has approved.
type grant struct {
	of              *platform
	code, passToken string // the pass token is empty until the code is exchanged
	who             person
	authenticated   bool
}

// slip is what a platform does at one endpoint otherwise than the profile says, until it behaves again.
type slip struct {
	at       *platform
	endpoint string
	// status, and the error code with it, are answered in place of all that the endpoint does.
	status int
	code   string
	// lost breaks the connection when everything is done but the answer.
	lost bool
	// plain answers with the payload as it is, under that media type.
	plain string
	// change makes another message of the answer.
	change func(message) message
	// document changes the metadata.
	document func(members)
	// during happens while the request waits for its answer.
	during func()
}

// enquiry is one request to a platform.
type enquiry struct {
	at *platform
	// endpoint is the last part of the path: token, authentication, status, jwks and so on; metadata for the document.
	endpoint string
	method   string
	opened
	// problem is why the body could not be read; empty where it could, or where the endpoint reads none.
	problem string
	// exchange is its number in the report.
	exchange int
}

// The endpoints that are asked about by name.
const (
	atMetadata       = "metadata"
	atToken          = "token"
	atAuthentication = "authentication"
	atStatus         = "status"
	atKeys           = "jwks"
)

func playPlatforms(t *test) (all *platforms, each []*platform) {
	all = &platforms{t: t, mint: t.newMint()}
	for i, name := range []string{"platform-p", "platform-q", "platform-r"} {
		if i >= len(t.Platforms) || len(t.Platforms[i].Keys) == 0 {
			t.Broken("the setup names no platform number %d with a key: complete it by section 8 of the profile", i+1)
		}
		known := t.Platforms[i]
		p := &platform{platforms: all, name: name, issuer: strings.TrimSuffix(known.Issuer, "/"), clientID: known.ClientID}
		p.announced = p.issuer
		for _, k := range known.Keys {
			secret, err := k.Secret()
			if err != nil {
				t.Broken("%v", err)
			}
			p.keys = append(p.keys, jose.Key{ID: k.ID, Secret: secret})
		}
		signer, err := jose.NewSigner(&mint{seed: []byte("signing key of " + name)}, "signing-key-of-"+name)
		if err != nil {
			t.Broken("%s has no signing key: %v", name, err)
		}
		p.signer = signer
		each = append(each, p)
	}
	each[2].announced = each[0].issuer // section 8 of the profile
	for _, p := range each {
		t.Play(p.name, p)
	}
	return all, each
}

// in gives the URL of one of the platform's endpoints.
func (p *platform) in(endpoint string) string { return p.issuer + "/" + endpoint }

// line is the line from the platform to the third-party platform under test, under the newest key.
func (p *platform) line() line {
	return line{from: p.issuer, to: p.clientID, key: p.keys[len(p.keys)-1]}
}

// errs lets a platform err until all behave again.
func (p *platform) errs(endpoint string, s slip) {
	s.at, s.endpoint = p, endpoint
	p.Misbehave(s, 0)
}

// met is the slip that a request meets; one of nothing where there is none.
func (p *platform) met(endpoint string) slip {
	return p.Meet(func(s slip) bool { return s.at == p && s.endpoint == endpoint })
}

// approve is the user's approval: it gives the code.
func (p *platform) approve(who person) *grant {
	g := &grant{of: p, code: p.mint.value(), who: who}
	p.Lock()
	defer p.Unlock()
	p.grants = append(p.grants, g)
	return g
}

// passTokenOf is what the code was exchanged for; empty as long as it was not.
func (p *platforms) passTokenOf(g *grant) string {
	p.Lock()
	defer p.Unlock()
	return g.passToken
}

// at returns the requests to an endpoint of any platform after a mark.
func (p *platforms) at(endpoint string, mark int) []enquiry {
	return slices.DeleteFunc(p.Since(mark), func(e enquiry) bool { return e.endpoint != endpoint })
}

func (e enquiry) String() string {
	said := e.method + " /" + e.endpoint + " at " + e.at.name
	if e.problem != "" {
		said += ": " + e.problem
	}
	return said
}

// endpointOf is the name of the endpoint that a path leads to.
func (p *platform) endpointOf(path string) string {
	if u, err := url.Parse(p.issuer); err == nil {
		path = strings.TrimPrefix(path, u.Path)
	}
	if path == wellKnown {
		return atMetadata
	}
	return strings.TrimPrefix(path, "/")
}

// ServeHTTP records a request, lets happen what is to happen meanwhile, and answers.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := enquiry{at: p, endpoint: p.endpointOf(r.URL.Path), method: r.Method, exchange: conformance.ExchangeOf(r)}
	if messageTo(e.endpoint) != "" {
		e.read(r, p.keys)
	}
	p.Take(&e)
	as := p.met(e.endpoint)
	if as.during != nil {
		as.during()
	}
	if as.status != 0 {
		refuse(w, as.status, as.code, "a fault that the check wants")
		return
	}
	p.answer(w, e, as)
}
