package offline

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"countersign/actors/outbound"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// What the handset keeps of the password: the salt, and nothing else.
const (
	saltName = "salt"
	textName = "password" // only with a guard lifted
)

// setPassword is the user who sets the offline authorization password, while there is a connection (profile section 6.3).
func (h *Handset) setPassword(r *http.Request) (wire.Answer, error) {
	m, err := readObject(r)
	if err != nil {
		return wire.Answer{}, err
	}
	var accountPassword, password string
	if err := m.Into("account_password", &accountPassword, "value of the right type"); err != nil {
		return wire.Answer{}, err
	}
	if err := m.Into("password", &password, "value of the right type"); err != nil {
		return wire.Answer{}, err
	}
	return wire.Answer{Status: http.StatusNoContent}, h.SetPassword(accountPassword, password)
}

func serverRefused(description string) *problem {
	return &problem{Status: http.StatusBadGateway, Code: "server_refused", Description: description}
}

// SetPassword sets the offline authorization password at the server. When it fails the earlier one stays in force here.
func (h *Handset) SetPassword(accountPassword, password string) error {
	if len(password) < 4 || len(password) > 64 {
		return wire.InvalidRequest("a password has 4 to 64 bytes")
	}
	// paragraph 0070: by setting an offline authorization password
	if !h.Guards.On("OF-HS-09") {
		return nil
	}
	salt, err := h.random("salts", 16)
	if err != nil {
		return err
	}
	// RFC 7914 section 2; RFC 9106 section 3.1
	if !h.Guards.On("OF-HS-26") {
		salt = []byte(h.ID)
	}
	key, err := PasswordKey(password, salt, h.PasswordCost)
	if err != nil {
		return err
	}
	if err := h.deposit(accountPassword, key); err != nil {
		return err
	}
	return h.Store.Update(func(tx store.Tx) error {
		// flows, password never sent over the link: what is not kept cannot be sent
		if h.Guards.Hardened() && !h.Guards.On("OF-HS-27") {
			if err := tx.Put(passwords, textName, password); err != nil {
				return err
			}
		}
		return tx.Put(passwords, saltName, salt)
	})
}

// deposit brings the password key to the server (profile section 5.3).
func (h *Handset) deposit(accountPassword string, key []byte) error {
	server, err := discover(h.Env, h.Issuer, oneTry)
	if err == nil && h.Guards.Hardened() && server.Issuer != h.Issuer {
		err = strangeIssuer(h.Issuer, server.Issuer)
	}
	if err != nil {
		return serverRefused(err.Error())
	}
	// RFC 9700 section 2.6
	if h.Guards.Forbids("OF-HS-36", !wire.Private(server.PasswordEndpoint) || !wire.Private(h.Issuer)) {
		return serverRefused(overheard(server.PasswordEndpoint).Error())
	}
	body, err := json.Marshal(map[string]string{
		"account": h.Account, "account_password": accountPassword, "handset": h.ID, "password_key": base64.RawURLEncoding.EncodeToString(key),
	})
	if err != nil {
		return err
	}
	answer, err := outbound.Call{Method: http.MethodPost, URL: server.PasswordEndpoint, ContentType: wire.JSONType, Body: body}.Do(h.Env, oneTry)
	if err != nil || answer.Status != http.StatusNoContent {
		return serverRefused("the server did not set the password: the account's password may be wrong")
	}
	return nil
}

// keptPassword is the password, where it is kept though it must not be.
func (h *Handset) keptPassword() string {
	password, _, err := store.Load[string](h.Store, passwords, textName)
	if err != nil {
		return ""
	}
	return password
}
