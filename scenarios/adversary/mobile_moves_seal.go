package adversary

import (
	"net/http"
	"time"

	"countersign/conformance/jose"
	"countersign/scenarios/office"
)

// betweenSystems is what can be done where two systems have one sealing key, and Clive runs one of them.
func (st *officeWorld) betweenSystems() []Move {
	return []Move{
		{
			Name: "shows the stock what Alice's app has shown the customer register", Fits: st.has(office.LegResource),
			Send: func([]Term) { st.ShowFrom(st.CRM, st.ERP, st.loot.Resource) },
		},
		{Name: "shows the stock, with a proof of his own,", Slots: []string{deviceToken}, Send: func(t []Term) { st.Clive.Shows(st.ERP, t[0].Value) }},
	}
}

// asForger is what can be done with a sealing key that was stolen.
func (st *officeWorld) asForger() []Move {
	c, key := st.Clive, st.sealingKey
	own := map[string]any{"jkt": jose.Thumbprint(&c.Key().Key.PublicKey)}
	remade := func(accessToken string, change func(header, claims map[string]any)) {
		if made := c.Remakes(accessToken, key, change); made != "" {
			c.Shows(st.CRM, made)
		}
	}
	opens := func(t []Term) bool { return st.ofAlice(t) && office.Identifier(t[0].Value, key) != "" }
	return []Move{
		{
			Name: "makes his own token Alice's",
			Send: func([]Term) { remade(st.own.AccessToken, func(_, claims map[string]any) { claims["sub"] = "alice" }) },
		},
		{
			Name: "makes his own token live for a day longer",
			Send: func([]Term) {
				remade(st.own.AccessToken, func(_, claims map[string]any) {
					claims["exp"] = c.Host.Clock().Now().Add(24 * time.Hour).Unix()
				})
			},
		},
		{
			Name: "tries a forgery by an authorization server of his own", Slots: []string{deviceToken}, Fits: opens,
			Send: func(t []Term) {
				remade(t[0].Value, func(header, claims map[string]any) {
					claims["iss"] = "https://" + c.Name
					header["cnf"], claims["cnf"] = own, own
				})
			},
		},
		{
			Name: "makes up a token of Alice's that nobody shares",
			Send: func([]Term) {
				remade(st.own.AccessToken, func(_, claims map[string]any) {
					claims["sub"], claims["jti"], claims["token"] = "alice", madeUp, madeUp
				})
			},
		},
		{
			Name: "tries a forgery bound to a key of his own", Slots: []string{deviceToken}, Fits: opens,
			Send: func(t []Term) {
				remade(t[0].Value, func(header, claims map[string]any) { header["cnf"], claims["cnf"] = own, own })
			},
		},
		{
			Name: "tries a forgery bound to a key of his own in the header alone", Slots: []string{deviceToken}, Fits: opens,
			Send: func(t []Term) { remade(t[0].Value, func(header, _ map[string]any) { header["cnf"] = own }) },
		},
		{
			Name: "tries a forgery bound to a key of his own in the claims alone", Slots: []string{deviceToken}, Fits: opens,
			Send: func(t []Term) { remade(t[0].Value, func(_, claims map[string]any) { claims["cnf"] = own }) },
		},
		{
			Name: "tries a forgery bound to nothing, as a bearer token,", Slots: []string{deviceToken}, Fits: opens,
			Send: func(t []Term) {
				unbound := c.Remakes(t[0].Value, key, func(header, claims map[string]any) {
					delete(header, "cnf")
					delete(claims, "cnf")
				})
				c.ShowsWith(st.CRM, "Bearer "+unbound, http.Header{})
			},
		},
		{
			Name: "asks, without a secret, for what goes together", Slots: []string{deviceToken}, Fits: opens,
			Send: func(t []Term) { c.Downloads(st.CRM, madeUp, office.Identifier(t[0].Value, key)) },
		},
		{
			Name: "asks, in the name of the stock, for what goes together", Slots: []string{deviceToken}, Fits: opens,
			Send: func(t []Term) { c.Downloads(st.ERP, st.ERP.SecretOf(), office.Identifier(t[0].Value, key)) },
		},
		{Name: "shows the customer register, with a proof of his own,", Slots: []string{deviceToken}, Send: func(t []Term) { c.Shows(st.CRM, t[0].Value) }},
	}
}
