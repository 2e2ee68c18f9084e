package oauth1

// Credentials are temporary or token credentials as a server answers with them, form encoded (RFC 5849
// sections 2.1 and 2.3).
type Credentials struct {
	Token  string  // oauth_token: the identifier
	Secret string  // oauth_token_secret
	Extra  []Param // further members, which section 2.3 allows
}

// Encode writes token credentials as the body of an answer (RFC 5849 section 2.3).
func (c Credentials) Encode() string { return encodeForm(c.params()) }

// EncodeTemporary writes temporary credentials as the body of an answer (RFC 5849 section 2.1), with the
// oauth_callback_confirmed member that tells OAuth 1.0 as published from its vulnerable predecessor.
func (c Credentials) EncodeTemporary() string {
	return encodeForm(append(c.params(), Param{paramCallbackConfirmed, "true"}))
}

func (c Credentials) params() []Param {
	return append([]Param{{paramToken, c.Token}, {paramTokenSecret, c.Secret}}, c.Extra...)
}

// Get returns the value of an extra member, or the empty string.
func (c Credentials) Get(name string) string {
	for _, p := range c.Extra {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// ParseCredentials reads what Encode writes. The error is a *Problem without status: a member is
// malformed, absent, or there twice. The secret may be empty, the token not.
func ParseCredentials(body string) (Credentials, error) {
	params, err := decodeForm(body, "answer")
	if err != nil {
		return Credentials{}, answered(err.(*Problem))
	}
	members := make(map[string]string, len(params))
	var c Credentials
	for _, p := range params {
		if _, twice := members[p.Name]; twice {
			return Credentials{}, answered(Refuse(ParameterRejected, p.Name, "the answer carries the member twice"))
		}
		members[p.Name] = p.Value
		if p.Name != paramToken && p.Name != paramTokenSecret {
			c.Extra = append(c.Extra, p)
		}
	}
	if c.Token = members[paramToken]; c.Token == "" {
		return Credentials{}, answered(Refuse(ParameterAbsent, paramToken, "the answer carries no token"))
	}
	secret, present := members[paramTokenSecret]
	if !present {
		return Credentials{}, answered(Refuse(ParameterAbsent, paramTokenSecret, "the answer carries no token secret"))
	}
	c.Secret = secret
	return c, nil
}

// ParseTemporary reads what EncodeTemporary writes, as strictly as ParseCredentials. Section 2.1 wants
// oauth_callback_confirmed with the value "true"; without it the client must not go on.
func ParseTemporary(body string) (Credentials, error) {
	c, err := ParseCredentials(body)
	if err != nil {
		return Credentials{}, err
	}
	for i, p := range c.Extra {
		if p.Name != paramCallbackConfirmed {
			continue
		}
		if p.Value != "true" {
			return Credentials{}, answered(Refuse(ParameterRejected, paramCallbackConfirmed, `the answer does not say "true"`))
		}
		c.Extra = append(c.Extra[:i:i], c.Extra[i+1:]...)
		return c, nil
	}
	return Credentials{}, answered(Refuse(ParameterAbsent, paramCallbackConfirmed, "the answer does not confirm the callback"))
}

// answered drops the status: the message at fault is an answer and gets none.
func answered(p *Problem) *Problem {
	p.Status = 0
	return p
}
