package config

import (
	"countersign/conformance"
	"countersign/conformance/redact"
)

// Hide puts the places of secrets in place of the secrets, wherever in the results a target may have put them and in whatever encoding. Secrets shorter
// than ShortestSecret stay.
func Hide(results []conformance.Result, secrets []Secret) {
	if len(secrets) == 0 {
		return
	}
	text := redact.New(nil)
	for _, s := range secrets {
		if len(s.Value) >= ShortestSecret {
			text.LearnSecret(s.Place, s.Value)
		}
	}
	for i := range results {
		r := &results[i]
		r.Reason = text.Redact(r.Reason)
		if f := r.Failure; f != nil {
			f.Expected, f.Actual = text.Redact(f.Expected), text.Redact(f.Actual)
		}
		for k := range r.Exchanges {
			e := &r.Exchanges[k]
			e.Method, e.URL, e.Problem = text.Redact(e.Method), text.Redact(e.URL), text.Redact(e.Problem)
			e.RequestBody, e.ResponseBody = text.Redact(e.RequestBody), text.Redact(e.ResponseBody)
			for _, headers := range [][]conformance.Header{e.RequestHeaders, e.ResponseHeaders} {
				for h := range headers {
					headers[h].Name, headers[h].Value = text.Redact(headers[h].Name), text.Redact(headers[h].Value)
				}
			}
		}
	}
}
