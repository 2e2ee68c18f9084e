package config

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/conformance"
	"countersign/conformance/flows"
)

// base is the schema but for what depends on the flow.
//
//go:embed countersign.schema.json
var base []byte

// Schema is the JSON Schema of the file for a flow.
func Schema(flow conformance.Flow) []byte {
	whole, setup := object(base), object(flow.SetupSchema)
	definitions := whole["$defs"].(map[string]any)
	maps.Copy(definitions, setup["$defs"].(map[string]any))
	delete(setup, "$defs")
	properties := whole["properties"].(map[string]any)
	properties["setup"] = setup
	var profiles []string
	for _, f := range flows.All() {
		profiles = append(profiles, f.Profile)
	}
	properties["profile"].(map[string]any)["enum"] = profiles
	properties["roles"].(map[string]any)["items"].(map[string]any)["enum"] = roles(flow)
	text, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("the embedded schema cannot be put together: %v", err))
	}
	return text
}

// roles are the names of the flow's roles, with client for the two clients.
func roles(flow conformance.Flow) []string {
	var names []string
	for _, c := range flow.Checks {
		if strings.HasPrefix(string(c.Role), "client-") && !slices.Contains(names, "client") {
			names = append(names, "client")
		}
		if !slices.Contains(names, string(c.Role)) {
			names = append(names, string(c.Role))
		}
	}
	return names
}

func object(text []byte) map[string]any {
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		panic(fmt.Sprintf("an embedded schema cannot be read: %v", err))
	}
	return o
}
