package offline

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/actors/offline/pages"
	"countersign/actors/wire"
)

// page is the handset as its user sees it, in a browser on the same device.
func (h *Handset) page(w http.ResponseWriter, r *http.Request) {
	shown, status := pages.Handset{ID: h.ID, Service: "coffee", Amount: "350", Currency: "EUR"}, http.StatusOK
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		// Another site's page can neither apply nor approve.
		if err := http.NewCrossOriginProtection().Check(r); err != nil || !wire.Private("http://"+r.Host) {
			shown.Notice, status = "This came from another page than the handset's own, and nothing was done.", http.StatusForbidden
			break
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxObject)
		h.act(r, &shown)
	default:
		wire.WrongMethod(w, http.MethodGet, http.MethodHead, http.MethodPost)
		return
	}
	for _, n := range h.Near {
		shown.Near = append(shown.Near, pages.Near{Device: n.Device, Link: n.Link})
	}
	pages.WriteHandset(w, status, shown)
}

// act does what the user chose.
func (h *Handset) act(r *http.Request, shown *pages.Handset) {
	switch r.PostFormValue("do") {
	case "apply":
		h.applyFor(r, shown)
	case "approve":
		h.answer(r, shown, Approve)
	case "deny":
		h.answer(r, shown, Deny)
	case "set":
		if err := h.SetPassword(r.PostFormValue("account_password"), r.PostFormValue("password")); err != nil {
			shown.Notice = inWords(err)
			return
		}
		shown.Outcome = "The offline authorization password is set."
	}
}

func (h *Handset) applyFor(r *http.Request, shown *pages.Handset) {
	shown.Service, shown.Amount, shown.Currency = r.PostFormValue("service"), r.PostFormValue("amount"), r.PostFormValue("currency")
	near, there := find(h.Near, func(n NearDevice) bool { return n.Device+" "+n.Link == r.PostFormValue("at") })
	amount, err := strconv.ParseUint(shown.Amount, 10, 53)
	if !there || err != nil {
		shown.Notice = "Choose a device, and an amount that is a whole number."
		return
	}
	w := Wish{NearDevice: near, Service: shown.Service, Amount: amount, Currency: shown.Currency}
	began, err := h.Start(w)
	if err != nil {
		shown.Notice = inWords(err)
		return
	}
	h.ask(shown, strings.TrimPrefix(began.ConfirmationURI, h.BaseURL+pathConfirmation), began.Shown)
}

// ask shows what is to be confirmed.
func (h *Handset) ask(shown *pages.Handset, token string, s Shown) {
	shown.Confirm = &pages.Confirm{
		Token: token, Device: s.Device, Service: s.Service, Amount: s.Amount, Currency: s.Currency,
		Expires: time.Unix(int64(s.ExpiresAt), 0).UTC().Format("15:04:05 UTC"), NeedsPassword: s.Level == 2,
	}
}

func (h *Handset) answer(r *http.Request, shown *pages.Handset, decision string) {
	token := r.PostFormValue("confirmation")
	outcome, err := h.Confirm(token, decision, r.PostFormValue("password"))
	if err != nil {
		shown.Notice = inWords(err)
		if p, open := h.waits(token); open {
			h.ask(shown, token, h.shown(p.Information))
		}
		return
	}
	shown.Outcome = map[Outcome]string{
		Approved:  "Approved: the server has verified your countersign.",
		Refused:   "Not approved.",
		Unknown:   "The device's answer cannot be believed. Ask at the till whether it was approved.",
		Cancelled: "Cancelled: nothing was signed.",
	}[outcome]
}

// inWords says to the user why something came to nothing.
func inWords(err error) string {
	var p *problem
	if !errors.As(err, &p) {
		return "The handset cannot read or write what it keeps."
	}
	switch p.Code {
	case "information_rejected":
		return "What the device wants signed is not what you applied for, or not the server's. Nothing was signed."
	case "password_required":
		return "This needs your offline authorization password, and that it was set beforehand."
	case "invalid_request", "link_failed", "confirmation_used", "unknown_confirmation", "server_refused":
		return strings.ToUpper(p.Description[:1]) + p.Description[1:] + "."
	}
	return "The device refused: " + p.Code + "."
}
