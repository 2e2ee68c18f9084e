package conformance

import "countersign/conformance/redact"

// Secret is a text that nobody is to read in a report, by the place where the configuration has it, as setup.clients[0].secret.
type Secret struct{ Place, Value string }

// ShortestSecret is the length from which a secret is taken out of reports wherever it stands: a shorter one cannot be told from other text.
const ShortestSecret = 4

// hiding puts the places of secrets in place of the secrets, in whatever encoding. Secrets shorter than ShortestSecret stay.
func hiding(secrets []Secret) func(string) string {
	if len(secrets) == 0 {
		return func(text string) string { return text }
	}
	text := redact.New(nil)
	for _, s := range secrets {
		if len(s.Value) >= ShortestSecret {
			text.LearnSecret(s.Place, s.Value)
		}
	}
	return text.Redact
}
