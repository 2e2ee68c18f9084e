package ticket

import (
	"encoding/json"
	"fmt"
	"testing"
)

// FuzzPair reads Authorization headers: a ticket is shown whole or not at all, and one that is shown plainly is read as it is.
func FuzzPair(f *testing.F) {
	f.Add(`Ticket user_id="u-1", authorization_key="k"`)
	f.Add(`ticket authorization_key=k,user_id=u,,user_id=v`)
	f.Add("Ticket =,\"\"=\"\"\", \xff=\x00")
	f.Add("Bearer x")
	f.Fuzz(func(t *testing.T, header string) {
		shown, problem := readPair([]string{header})
		if whole := shown.userID != "" && shown.authorizationKey != ""; whole != (problem == "") {
			t.Fatalf("%q is %+v with the problem %q", header, shown, problem)
		}
		if problem != "" {
			return
		}
		again, problem := readPair([]string{fmt.Sprintf(`Ticket user_id="%s", authorization_key="%s"`, shown.userID, shown.authorizationKey)})
		if problem != "" || again != shown {
			t.Errorf("%q is %+v, and again %+v: %s", header, shown, again, problem)
		}
	})
}

// FuzzBody reads requests: nothing that is no JSON gives members.
func FuzzBody(f *testing.F) {
	f.Add("application/json", []byte(`{"user_name":"n","password":"\ud800","app_id":1}`))
	f.Add("application/json; charset=utf-8", []byte(`{"a":"1","a":"2"}{}`))
	f.Add(";;=\"", []byte("\xff"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		r := &received{members: map[string]string{}}
		if problem := r.readBody(contentType, body); problem == "" && !json.Valid(body) || problem != "" && len(r.members) > 0 {
			t.Errorf("%q of type %q gives %v with the problem %q", body, contentType, r.members, problem)
		}
	})
}
