package reference

import (
	"fmt"
	"net/http"

	cast "countersign/actors/bidirectional"
	"countersign/actors/password"
)

// place is one of the two sites.
type place struct {
	name, client   string
	user, password string
	titles         []string
}

func places() [2]place {
	return [2]place{
		{"Lantern Video", "lantern-video", "alice", "lantern-alice", []string{"Harbour at dawn (4 min)", "How to mend a bicycle (11 min)", "Grandmother's garden (2 min)"}},
		{"Wren Microblog", "wren-microblog", "alicia", "wren-alicia", []string{"Rain again. The tomatoes are happy.", "New bicycle chain, new me.", "Reading about authorization. Send tea."}},
	}
}

// sites assembles both sites.
func (v venue) sites() ([]http.Handler, error) {
	both := places()
	var handlers []http.Handler
	for here := range both {
		handler, err := v.site(both, here)
		if err != nil {
			return nil, err
		}
		handlers = append(handlers, handler)
	}
	for i, p := range both {
		v.Tell(fmt.Sprintf("%-15s %s   user name %s, password %s", p.name, v.origins[i], p.user, p.password))
	}
	v.Tell("Open either in a browser and connect it with the other. Interrupt to stop.")
	return handlers, nil
}

// site assembles one of the two sites whole, on one origin.
func (v venue) site(both [2]place, here int) (http.Handler, error) {
	there := 1 - here
	own, peer := both[here], both[there]
	secret := func(client, at int) string { return both[client].client + "-at-" + both[at].client }
	hash, err := password.Cost{}.Hash(own.password, v.env(own.client).Entropy("accounts"))
	if err != nil {
		return nil, err
	}
	collection := cast.Collection{Owner: own.user}
	for i, title := range own.titles {
		collection.Resources = append(collection.Resources, cast.Resource{ID: fmt.Sprint(i + 1), Title: title})
	}
	return cast.SiteSettings{
		Env: v.env(own.client), Origin: v.origins[here], Name: own.name,
		Clients: []cast.ClientRegistration{
			{ID: own.client, Secret: secret(here, here), Name: own.name, Callback: v.origins[here] + "/callback"},
			{ID: peer.client, Secret: secret(there, here), Name: peer.name, Callback: v.origins[there] + "/callback"},
		},
		Users: []cast.Account{{Username: own.user, Password: hash}}, Resources: []cast.Collection{collection},
		HandoverKey: own.client + "-handover", ClientID: own.client,
		Peers: []cast.Peer{{Name: peer.name, Issuer: v.origins[there], Secret: secret(here, there), ClientID: peer.client, PeerSecret: secret(there, here)}},
	}.Site().Handler(), nil
}
