package doctor

import (
	"fmt"
	"strconv"

	"countersign/conformance"
	"countersign/conformance/bidirectional"
	"countersign/conformance/catalog"
	"countersign/conformance/mobile"
	"countersign/conformance/offline"
	"countersign/conformance/ticket"
	"countersign/conformance/unified"
)

// register is a list of the setup whose entries are told apart by a name each.
type register struct {
	list, key string // in the file
	names     []string
	// own is the member by which a target in the role says that it is the first entry; empty where none does.
	own  string
	role catalog.Role
}

func registers(of conformance.Setup) []register {
	switch s := of.(type) {
	case *bidirectional.Setup:
		return []register{
			{list: "clients", key: "id", names: each(s.Clients, func(c bidirectional.ClientSetup) string { return c.ID })},
			{list: "users", key: "name", names: each(s.Users, func(u bidirectional.UserSetup) string { return u.Name })},
		}
	case *ticket.Setup:
		return []register{{"apps", "id", each(s.Apps, func(a ticket.AppSetup) string { return a.ID }), "app_id", catalog.AppServer}}
	case *mobile.Setup:
		return []register{
			{"systems", "id", each(s.Systems, func(s mobile.SystemSetup) string { return s.ID }), "system_id", catalog.BusinessSystem},
			{list: "users", key: "name", names: each(s.Users, func(u mobile.AccountSetup) string { return u.Name })},
			{list: "devices", key: "deviceid", names: each(s.Devices, func(d mobile.DeviceSetup) string { return d.ID })},
		}
	case *offline.Setup:
		return []register{
			{"devices", "id", each(s.Devices, func(d offline.DeviceSetup) string { return d.ID }), "device", catalog.VerificationDevice},
			{"handsets", "id", each(s.Handsets, func(h offline.HandsetSetup) string { return h.ID }), "handset", catalog.Handset},
			{list: "services", key: "id", names: each(s.Services, func(s offline.ServiceSetup) string { return s.ID })},
		}
	case *unified.Setup:
		return []register{
			{list: "third_parties", key: "client_id", names: each(s.ThirdParties, func(t unified.ThirdPartySetup) string { return t.ClientID })},
			{list: "users", key: "name", names: each(s.Users, func(u unified.UserSetup) string { return u.Name })},
			{list: "operators", key: "name", names: each(s.Operators, func(o unified.OperatorSetup) string { return o.Name })},
		}
	}
	return nil
}

func each[T any](all []T, name func(T) string) []string {
	var names []string
	for _, one := range all {
		names = append(names, name(one))
	}
	return names
}

// names tells of two that are called the same, which no target can tell apart, and of a target that is set up as another than the one under test.
func (e *examination) names(doc *document) {
	for _, r := range registers(e.setup(doc.flow)) {
		seen := map[string]int{}
		for i, name := range r.names {
			first, twice := seen[name]
			if !twice {
				seen[name] = i
				continue
			}
			e.wrong(e.config.Place("setup", r.list, strconv.Itoa(i), r.key), "name-twice", fmt.Sprintf("setup.%s[%d] and [%d] are both called %.100q", r.list, first, i, name), "give each a name of its own")
		}
		if r.own == "" || len(r.names) == 0 || !e.under(r.role) {
			continue
		}
		if name := doc.text(r.own); name != "" && name != r.names[0] {
			at := e.config.Place("setup", r.list, "0", r.key)
			if at.File == "" {
				at = e.documentPlace()
			}
			e.wrong(at, "other-name", fmt.Sprintf("the target's metadata name it as %s %.100q, but the setup has %.100q", r.own, name, r.names[0]), fmt.Sprintf("write its name into setup.%s[0].%s, or set the target up with the one that is wanted", r.list, r.key))
		}
	}
}
