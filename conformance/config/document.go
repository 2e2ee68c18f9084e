package config

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"countersign/conformance"
)

// DocumentConfigured is the value of OverrideHeader with a metadata document that stands in the file as a whole.
const DocumentConfigured = "document"

// written answers with the document that stands in the file.
func (o override) written(req *http.Request) (*http.Response, error) {
	base := strings.TrimSuffix(o.config.Target, "/")
	document := map[string]any{"profile": o.flow.Profile}
	maps.Copy(document, o.config.Drive.Document)
	for name, u := range o.config.Endpoints {
		document[name] = u
	}
	for name, seconds := range o.config.Lifetimes {
		document[name] = seconds
	}
	o.config.Drive.name(document, base)
	text, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(text))}, OverrideHeader: {DocumentConfigured}},
		Body:   io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)),
	}, nil
}

// name gives a URL to each endpoint that a trigger stands for and that the document does not name, and returns their names.
func (d Drive) name(document map[string]any, base string) []string {
	var named []string
	for _, name := range sortedKeys(d.Triggers) {
		if known, _ := document[name].(string); known != "" {
			continue
		}
		document[name] = base + "/" + name
		named = append(named, name)
	}
	return named
}

// documented are the members of a document that the schema knows: it may have others.
func documented(endpoints, lifetimes map[string]any) map[string]any {
	all := maps.Clone(endpoints)
	maps.Copy(all, lifetimes)
	return all
}

// triggers are the endpoints that the schema lets triggers stand for.
func triggers(flow conformance.Flow) map[string]any {
	all := map[string]any{}
	for name := range Triggerable(flow) {
		all[name] = map[string]any{"$ref": "#/$defs/trigger"}
	}
	return all
}

// drivingExamples are what a draft shows of a role that cannot be called, and of a login.
func drivingExamples(flow conformance.Flow) (triggers []string, login []string) {
	name := flow.Signs[len(flow.Signs)-1].Member // of the last role, which is the user's
	if Triggerable(flow)[name] == "" {
		name = "start_endpoint"
	}
	triggers = []string{"# document: {}", "# triggers: {" + name + ": {command: [./start.sh]}}"}
	if len(LoginPages(flow)) > 0 {
		login = []string{"# login: {fields: {username: user, password: secret, decision: answer}, decisions: {approve: 'yes', deny: 'no'}, extra: {tenant: acme}}"}
	}
	return triggers, login
}
