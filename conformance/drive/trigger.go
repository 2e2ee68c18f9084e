package drive

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"countersign/conformance"
	"countersign/conformance/config"
	"countersign/conformance/launch"
)

// trigger does what a request asks an endpoint for that the implementation does not offer.
func (t transport) trigger(name string, original *http.Request) (*http.Response, error) {
	req := original.Clone(original.Context())
	body, err := conformance.ReadBody(req)
	if err != nil {
		return nil, err
	}
	how := t.driver.Config.Drive.Triggers[name]
	if wanted := config.Triggerable(t.flow)[name]; req.Method != wanted && (how.URL == "" || how.Templated()) {
		return nil, obstruct(req.Context(), conformance.Skip, "%s is not offered over HTTP, so that there is no %s of it to refuse", name, req.Method)
	}
	asked := request{name: name, Request: req, body: body}
	switch {
	case how.URL != "":
		return t.ask(how, asked)
	case len(how.Command) > 0:
		return t.run(how.Program(), asked.described(), req, name)
	}
	return t.byHand(how, asked)
}

// request is one for an endpoint that a trigger stands for.
type request struct {
	*http.Request
	name string
	body []byte
}

// members are those of the request: of its query, of its form, or of its JSON object, these last as they are.
func (r request) members() map[string]any {
	all := map[string]any{}
	add := func(values url.Values) {
		for name, each := range values {
			if all[name] = each[0]; len(each) > 1 {
				all[name] = each
			}
		}
	}
	add(r.URL.Query())
	switch kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind {
	case "application/x-www-form-urlencoded":
		if form, err := url.ParseQuery(string(r.body)); err == nil {
			add(form)
		}
	case "application/json":
		d := json.NewDecoder(bytes.NewReader(r.body))
		d.UseNumber()
		var object map[string]any
		if d.Decode(&object) == nil {
			for name, value := range object {
				all[name] = value
			}
		}
	}
	return all
}

// described is the request as a command gets it.
func (r request) described() []byte {
	headers := map[string]string{}
	for name, values := range r.Header {
		headers[name] = strings.Join(values, ", ")
	}
	said := map[string]any{"endpoint": r.name, "method": r.Method, "url": r.URL.String(), "members": r.members(), "headers": headers}
	if u := conformance.UnderwayIn(r.Context()); u != nil {
		said["check"] = u.Check().Name()
	}
	if said["body"] = string(r.body); !utf8.Valid(r.body) {
		delete(said, "body")
		said["body_base64"] = base64.StdEncoding.EncodeToString(r.body)
	}
	text, err := json.Marshal(said)
	if err != nil { // it holds texts, and numbers as they came
		return nil
	}
	return text
}

// run gives a command what it is asked, and takes its answer. name is what it does.
func (t transport) run(program launch.Command, in []byte, req *http.Request, name string) (*http.Response, error) {
	out, said, err := program.Once(req.Context(), in, conformance.MaxBody)
	if t.driver.Context.Err() != nil {
		return nil, context.Cause(t.driver.Context)
	}
	if err != nil {
		var missing *launch.CommandError
		if errors.As(err, &missing) {
			err = fmt.Errorf("the command %q cannot be started: %s; %s", missing.Command, missing.Problem, missing.Mend)
		}
		return nil, obstruct(req.Context(), conformance.Error, "%s: %v", name, err)
	}
	a, err := readAnswer(out, name == loginName)
	if err != nil {
		return nil, obstruct(req.Context(), conformance.Error, "%s: the command %q wrote something else than an answer: %v", name, program, err)
	}
	return a.response(req, "command "+line(program.String()), said), nil
}

// ask asks the URL in the endpoint's place.
func (t transport) ask(how config.Trigger, asked request) (*http.Response, error) {
	u, err := url.Parse(how.URL)
	if err != nil {
		return nil, obstruct(asked.Context(), conformance.Error, "%s: its url cannot be asked: %v", asked.name, err)
	}
	req, body := asked.Clone(asked.Context()), asked.body
	if how.Method != "" {
		req.Method = how.Method
	}
	query := u.Query()
	if how.Query == nil {
		for name, values := range asked.URL.Query() {
			query[name] = values
		}
	}
	for name, value := range t.filled(asked, "query", how.Query) {
		query.Set(name, written(value))
	}
	u.RawQuery = query.Encode()
	switch {
	case how.Form != nil:
		form := url.Values{}
		for name, value := range t.filled(asked, "form", how.Form) {
			form.Set(name, written(value))
		}
		body = []byte(form.Encode())
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	case how.JSON != nil:
		if body, err = json.Marshal(t.filled(asked, "json", how.JSON)); err != nil {
			return nil, obstruct(asked.Context(), conformance.Error, "%s: %v", asked.name, err)
		}
		req.Header.Set("Content-Type", "application/json")
	case req.Method == http.MethodGet || how.Templated() && how.Query != nil:
		body = nil
		req.Header.Del("Content-Type")
	}
	req.URL, req.Host = u, u.Host
	send(req, body)
	if under := conformance.UnderwayIn(req.Context()); under != nil {
		under.Asked(req, body)
	}
	return t.next.RoundTrip(req)
}

// send gives a request its body.
func send(req *http.Request, body []byte) {
	req.Body, req.ContentLength, req.GetBody = http.NoBody, 0, nil
	if len(body) > 0 {
		fresh, err := http.NewRequest(req.Method, req.URL.String(), bytes.NewReader(body))
		if err == nil {
			req.Body, req.ContentLength, req.GetBody = fresh.Body, fresh.ContentLength, fresh.GetBody
		}
	}
}

// filled are texts of a trigger with members of the request put in. A text that is nothing but a member keeps the member's type, and is left out where the
// request does not have it; one that a reference stood for is as it is.
func (t transport) filled(asked request, part string, texts map[string]string) map[string]any {
	all, members := map[string]any{}, asked.members()
	for name, text := range texts {
		switch whole := config.MemberMark.FindStringSubmatch(text); {
		case t.driver.Config.Referred("triggers", asked.name, part, name):
			all[name] = text
		case whole != nil && whole[0] == text:
			if value := members[whole[1]]; value != nil {
				all[name] = value
			}
		default:
			all[name] = fill(text, members)
		}
	}
	return all
}

// fill puts members into a text.
func fill(text string, members map[string]any) string {
	return config.MemberMark.ReplaceAllStringFunc(text, func(m string) string { return written(members[m[1:len(m)-1]]) })
}

// written is a member as a text.
func written(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number, bool:
		return fmt.Sprint(v)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(text)
}
