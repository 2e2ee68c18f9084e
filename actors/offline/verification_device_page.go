package offline

import (
	"cmp"
	"net/http"
	"slices"

	"countersign/actors/nearfield"
	"countersign/actors/offline/pages"
	"countersign/actors/store"
	"countersign/actors/wire"
)

// exchanged are the frames that last went as pictures.
type exchanged struct{ Asked, Answered []byte }

func (d *VerificationDevice) rememberPictures(asked, answered []byte) error {
	return d.Store.Update(func(tx store.Tx) error { return tx.Put(pictures, d.Device, exchanged{asked, answered}) })
}

// page is what stands on the device's screen: what it decided last, and the frames that last went as pictures.
func (d *VerificationDevice) page(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		wire.WrongMethod(w, http.MethodGet, http.MethodHead)
		return
	}
	shown, err := d.screen()
	if err != nil {
		http.Error(w, "The device cannot read what it keeps.", http.StatusInternalServerError)
		return
	}
	pages.WriteDevice(w, shown)
}

func (d *VerificationDevice) screen() (pages.Device, error) {
	const most = 10 // exchanges
	shown := pages.Device{ID: d.Device}
	var all []session
	var last exchanged
	err := d.Store.Update(func(tx store.Tx) error {
		keys, err := tx.Keys(sessions)
		if err != nil {
			return err
		}
		for _, key := range keys {
			var s session
			if _, err := tx.Get(sessions, key, &s); err != nil {
				return err
			}
			all = append(all, s)
		}
		_, err = tx.Get(pictures, d.Device, &last)
		return err
	})
	if err != nil {
		return shown, err
	}
	slices.SortStableFunc(all, func(a, b session) int { return b.Opened.Compare(a.Opened) })
	for _, s := range all[:min(most, len(all))] {
		a := d.application(s)
		state, open := d.state(s)
		shown.Exchanges = append(shown.Exchanges, pages.Exchange{Handset: a.Handset, Service: a.Service, Amount: a.Amount, Currency: a.Currency, State: state, Open: open})
	}
	if last.Asked == nil {
		return shown, nil
	}
	if shown.Asked, err = nearfield.Picture(last.Asked); err != nil {
		return shown, err
	}
	shown.Answered, err = nearfield.Picture(last.Answered)
	return shown, err
}

// state says in words how far an exchange has come, and whether the gate is open for it.
func (d *VerificationDevice) state(s session) (words string, open bool) {
	switch decided, err := ParseDecision(s.Decision, Core()); {
	case s.Decision != nil && err == nil && decided.Approved:
		return "Approved", true
	case s.Decision != nil && err == nil:
		return "Not approved (" + cmp.Or(decided.Error, "no reason given") + ")", false
	}
	no, err := ParseRefusal(s.Information, Core())
	switch {
	case s.Refused && err == nil:
		return "Refused (" + no.Error + ")", false
	case s.Countersign.Complete():
		return "The server verifies", false
	case s.Information != nil:
		return "Waiting for the handset", false
	}
	return "Applying", false
}
