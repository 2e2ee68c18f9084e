package play

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"countersign/bench/load"
	"countersign/bench/load/lean"
	"countersign/conformance/mobile"
)

// rulesOffice changes the rules of an authorization server, section 4.6 of the profile mobile.
type rulesOffice struct {
	reading, changing *lean.Route
	address           string // of the app's system, by the rules
}

// rules are those in force, as far as devices are concerned.
type rules struct {
	Systems []struct {
		ID      string `json:"system_id"`
		Address string `json:"address"`
	} `json:"systems"`
	Apps    []mobile.AppSetup    `json:"apps"`
	Devices []mobile.DeviceSetup `json:"devices"`
}

// name adds devices to the rules, and reads where the app's system lies by them.
func (a *authorizationServer) name(s *load.Seat, devices []mobile.DeviceSetup) error {
	return a.change(s, func(r *rules) {
		r.Devices = append(r.Devices, devices...)
		for _, system := range r.Systems {
			if system.ID == a.system.ID {
				a.address = system.Address
			}
		}
	})
}

// forget takes the devices out of the rules whose names begin so.
func (o *rulesOffice) forget(s *load.Seat, named string) error {
	return o.change(s, func(r *rules) {
		r.Devices = slices.DeleteFunc(r.Devices, func(d mobile.DeviceSetup) bool { return strings.HasPrefix(d.ID, named) })
	})
}

// change puts other rules in force.
func (o *rulesOffice) change(s *load.Seat, how func(*rules)) error {
	resp, err := s.Do(load.Outside, o.reading, o.reading.Append(nil, "", "", nil))
	if err != nil {
		return err
	}
	var in struct {
		Version int64 `json:"rules_version"`
		Rules   rules `json:"rules"`
	}
	if err := object(s, resp, &in); err != nil {
		return err
	}
	how(&in.Rules)
	body, err := json.Marshal(in.Rules)
	if err != nil {
		return err
	}
	resp, err = s.Do(load.Outside, o.changing, o.changing.Append(nil, "", fmt.Sprintf("If-Match: \"%d\"\r\n", in.Version), body))
	if err != nil {
		return err
	}
	return status(s, resp, http.StatusOK)
}
