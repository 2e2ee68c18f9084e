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
	endpoints, lifetimes := map[string]any{}, map[string]any{}
	for _, m := range Members(flow) {
		if m.Lifetime {
			lifetimes[m.Name] = map[string]any{"$ref": "#/$defs/seconds"}
		} else {
			endpoints[m.Name] = map[string]any{"$ref": "#/$defs/url"}
		}
	}
	properties["endpoints"].(map[string]any)["properties"] = endpoints
	properties["lifetimes"].(map[string]any)["properties"] = lifetimes
	properties["document"].(map[string]any)["properties"] = documented(endpoints, lifetimes)
	properties["triggers"].(map[string]any)["properties"] = triggers(flow)
	return written(whole)
}

// Published is the schema as editors are to know it: a text of the setup, or the hook of a login, may be a reference, which the program resolves before it holds the file against Schema.
func Published(flow conformance.Flow) []byte {
	whole := object(Schema(flow))
	definitions, properties := whole["$defs"].(map[string]any), whole["properties"].(map[string]any)
	definitions["reference"] = map[string]any{
		"title": "a reference", "type": "string", "pattern": `^\$\{(env|file):[^{}]+\}$`, "examples": []string{"${env:SECRET}", "${file:secret.txt}"},
	}
	var used []string
	for name := range object(flow.SetupSchema)["$defs"].(map[string]any) {
		used = append(used, name)
	}
	for _, name := range used {
		definitions[name] = referable(definitions[name])
	}
	for _, shared := range []string{"text", "url"} { // the file's other parts take no reference
		definitions["setup_"+shared] = referable(definitions[shared])
	}
	properties["setup"] = referable(properties["setup"])
	login := properties["login"].(map[string]any)["properties"].(map[string]any)
	login["hook"] = referable(login["hook"])
	whole["$id"] = SchemaName
	return written(whole)
}

// referable lets every text below a part of a schema be a reference.
func referable(part any) any {
	node, ok := part.(map[string]any)
	if !ok {
		return part
	}
	if ref, ok := node["$ref"].(string); ok && (ref == "#/$defs/text" || ref == "#/$defs/url") {
		node["$ref"] = "#/$defs/setup_" + strings.TrimPrefix(ref, "#/$defs/")
	}
	if of, ok := node["properties"].(map[string]any); ok {
		for name, inner := range of {
			of[name] = referable(inner)
		}
	}
	if items, ok := node["items"]; ok {
		node["items"] = referable(items)
	}
	_, chosen := node["enum"]
	if node["type"] != "string" && !chosen {
		return node
	}
	return map[string]any{"title": node["title"], "anyOf": []any{map[string]any{"$ref": "#/$defs/reference"}, node}}
}

func written(whole map[string]any) []byte {
	text, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("the embedded schema cannot be put together: %v", err))
	}
	return append(text, '\n')
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
