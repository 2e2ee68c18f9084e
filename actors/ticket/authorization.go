package ticket

import (
	"countersign/actors/outbound"
	"countersign/actors/wire"
	"net/http"
	"strings"
)

// scheme is the authentication scheme of resource requests (profile section 5.1).
const scheme = "Ticket"

// pair is what an app sees of a ticket.
type pair struct{ userID, key string }

// readPair reads the pair in the Authorization header (RFC 9110 section 11.4). found is false when there is none of the scheme.
func readPair(h http.Header) (p pair, found bool, err error) {
	for _, value := range h.Values("Authorization") {
		name, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
		if !strings.EqualFold(name, scheme) {
			continue
		}
		if found {
			return p, true, wire.InvalidRequest("the Authorization header comes twice; send it once")
		}
		found = true
		if p, err = parsePair(rest); err != nil {
			return p, true, err
		}
	}
	return p, found, nil
}

// parsePair reads authentication parameters: names without regard to case, in any order, values quoted or not.
func parsePair(text string) (p pair, err error) {
	seen := map[string]string{}
	for text = strings.Trim(text, " \t,"); text != ""; text = strings.TrimLeft(text, " \t,") {
		name, rest, cut := strings.Cut(text, "=")
		name = strings.ToLower(strings.TrimRight(name, " \t"))
		if !cut || name == "" {
			return p, wire.InvalidRequest("the ticket is no list of parameters")
		}
		var value string
		if value, text, err = parameterValue(strings.TrimLeft(rest, " \t")); err != nil {
			return p, err
		}
		if _, twice := seen[name]; twice {
			return p, wire.InvalidRequest("a parameter of the ticket comes twice; send it once")
		}
		seen[name] = value
	}
	p = pair{seen["user_id"], seen["authorization_key"]}
	return p, p.check()
}

// parameterValue takes a token or a quoted string off the text (RFC 9110 section 5.6).
func parameterValue(text string) (value, rest string, err error) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, " \t,")
		if end < 0 {
			end = len(text)
		}
		rest = strings.TrimLeft(text[end:], " \t")
		if rest != "" && rest[0] != ',' {
			return "", "", wire.InvalidRequest("the ticket is no list of parameters")
		}
		return text[:end], rest, nil
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			rest = strings.TrimLeft(text[i+1:], " \t")
			if rest != "" && rest[0] != ',' {
				return "", "", wire.InvalidRequest("the ticket is no list of parameters")
			}
			return b.String(), rest, nil
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", wire.InvalidRequest("a quoted value of the ticket does not end")
}

func (p pair) check() error {
	if !isUserID(p.userID) || !isKey(p.key) {
		return wire.InvalidRequest("user_id or authorization_key is missing or has characters that it cannot have")
	}
	return nil
}

// challenges reports whether an answer is the ticket error indication (profile section 5.2).
func challenges(r outbound.Reply) bool {
	if r.Status != http.StatusUnauthorized {
		return false
	}
	for _, value := range r.Header.Values("WWW-Authenticate") {
		for _, said := range challengeParameters(value) {
			if said == "invalid_token" {
				return true
			}
		}
	}
	return false
}

// challengeParameters gives the values of the error parameters in the Ticket challenges of a header.
func challengeParameters(text string) (said []string) {
	current := ""
	for text = strings.TrimLeft(text, " \t,"); text != ""; text = strings.TrimLeft(text, " \t,") {
		end := strings.IndexAny(text, " \t,=")
		if end < 0 {
			return said
		}
		name := text[:end]
		after := strings.TrimLeft(text[end:], " \t")
		if name == "" {
			return said // no challenge begins so
		}
		if !strings.HasPrefix(after, "=") {
			current, text = name, after // a scheme
			continue
		}
		value, rest, err := parameterValue(strings.TrimLeft(after[1:], " \t"))
		if err != nil {
			return said
		}
		if strings.EqualFold(current, scheme) && strings.EqualFold(name, "error") {
			said = append(said, value)
		}
		text = rest
	}
	return said
}
