package adversary

import (
	"encoding/json"
	"net/http"
	"net/url"

	"countersign/scenarios/twosites"
)

// delegations are what comes of delegating a credential of site C's own to a site: forged in the peer's name, or signed by C. The answer is a link for Alice,
// and who has approved the credential brings her back from it.
func (st *twoSites) delegations(s *twosites.Site) []Move {
	peer := st.B
	if s == st.B {
		peer = st.A
	}
	own := twosites.Speaker{Host: st.C.Client, As: st.C}
	posing := twosites.Speaker{Host: st.Mallory.Host, As: &twosites.Site{ClientID: peer.ClientID}, Secret: madeUp}
	to := " to " + s.Client.Name()
	return []Move{
		{
			Name: "opens what comes of a delegation" + to + " in the name of " + peer.ClientID + ", unsigned",
			Link: func([]Term) Link {
				form := delegation(peer, peer.ClientID, st.asked(own, peer, s))
				return continuing(st.Mallory.Post(s.DelegationEndpoint, form).Body)
			},
		},
		{
			Name: "opens what comes of a delegation" + to + " in the name of " + peer.ClientID + ", with a signature made up",
			Link: func([]Term) Link {
				return st.delegated(posing, s, delegation(peer, peer.ClientID, st.asked(own, peer, s)))
			},
		},
		{
			Name: "opens what comes of a delegation" + to + " in the name of client-c, signed by it",
			Link: func([]Term) Link {
				return st.delegated(own, s, delegation(peer, st.C.ClientID, st.asked(own, peer, s)))
			},
		},
		{
			Name: "brings back to " + s.Client.Name() + " what Mallory has approved", Slots: []string{temporary}, Fits: of(peer.OAuthServer.Name()),
			Link: func(t []Term) Link {
				return Link{Target: st.Mallory.OwnConsent(asking(peer, t[0].Value, s.ClientID), peer).Location}
			},
		},
	}
}

// delegationOf is what comes of a delegation of a peer's client, rightly signed, that names an issuer.
func (st *twoSites) delegationOf(s, peer *twosites.Site, issuer, which string) Move {
	speaker := twosites.Speaker{Host: peer.Client, As: peer}
	return Move{
		Name: "opens what comes of a delegation to " + s.Client.Name() + which + " signed by " + peer.ClientID,
		Link: func([]Term) Link {
			form := delegation(peer, peer.ClientID, st.asked(speaker, peer, s))
			form.Set("issuer", issuer)
			return st.delegated(speaker, s, form)
		},
	}
}

// asked is a fresh credential of a site that was asked for with the client of another as the delegate.
func (st *twoSites) asked(by twosites.Speaker, at, delegate *twosites.Site) Term {
	c := by.Ask(at, delegate.ClientID)
	return Term{Type: temporary, Value: c.Token, Secret: c.Secret}
}

func (st *twoSites) delegated(by twosites.Speaker, to *twosites.Site, form url.Values) Link {
	_, answer := by.Send(http.MethodPost, to.DelegationEndpoint, to, twosites.Credentials{}, form)
	return continuing(answer)
}

// continuing is the link in the answer to a delegation; a page of site C's where there is none.
func continuing(answer string) Link {
	var made struct {
		ContinueURI string `json:"continue_uri"`
	}
	if json.Unmarshal([]byte(answer), &made) != nil || made.ContinueURI == "" {
		return Link{Target: "https://client.c/"}
	}
	return Link{Target: made.ContinueURI}
}
