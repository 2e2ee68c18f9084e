package conformance

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// heldPath is where a party that a harness plays says so, to other runs that want its address.
const heldPath = "/.well-known/countersign-harness"

type held struct {
	Party string `json:"countersign_party"`
}

func tellHeld(w http.ResponseWriter, party string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(held{party}) // to a connection that is gone there is nothing to say
}

// HeldBy is the party that another run plays at an origin, over plain HTTP; empty where nothing says that it does.
func HeldBy(ctx context.Context, origin string) (party string) {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(origin, "/")+heldPath, nil)
	if err != nil || req.URL.Scheme != "http" {
		return ""
	}
	resp, err := client.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	var said held
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, 4096)).Decode(&said) != nil {
		return ""
	}
	return said.Party
}
