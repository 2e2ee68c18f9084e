package mobile

import (
	"net/http"

	"countersign/actors/mobile/pages"
	"countersign/actors/wire"
)

// page is the app as its user sees it, in a browser on the same device.
func (m *MobileApp) page(w http.ResponseWriter, r *http.Request) {
	shown := pages.App{AppID: m.AppID, DeviceID: m.DeviceID, UserName: m.Username}
	status := http.StatusOK
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		// Another site's page can neither enrol the device nor open the app.
		if err := http.NewCrossOriginProtection().Check(r); err != nil || !wire.Private("http://"+r.Host) {
			shown.Notice, status = "This came from another page than the app's own, and nothing was done.", http.StatusForbidden
			break
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		m.act(r, &shown)
	default:
		wire.WrongMethod(w, http.MethodGet, http.MethodHead, http.MethodPost)
		return
	}
	if held, err := m.held(); err == nil {
		shown.Enrolled, shown.Token, shown.Address, shown.RulesVersion, shown.Owner = held.Enrolled, held.Token != "", held.Address, held.Newest, held.Owner
		for _, one := range held.Resources {
			shown.Titles = append(shown.Titles, one.Title)
		}
	} else {
		shown.Notice, status = "What the app holds cannot be read.", http.StatusInternalServerError
	}
	shown.Write(w, status)
}

// act does what the user chose.
func (m *MobileApp) act(r *http.Request, shown *pages.App) {
	var err error
	switch r.PostFormValue("do") {
	case "enrol":
		if err = m.Enrol(r.PostFormValue("password")); err == nil {
			shown.Steps = []string{"registered this device and its key at the authorization server"}
		}
	case "start", "fresh":
		s := m.begin()
		_, err = s.run(r.PostFormValue("do") == "fresh")
		shown.Steps = s.steps
	}
	if err != nil {
		shown.Notice = notice(wire.ProblemOf(err).Code)
	}
}

// notice says to a person how an enrolment or a start ended.
func notice(code string) string {
	switch code {
	case codeNotEnrolled:
		return "This device is not enrolled: type the password, and enrol it."
	case codeRegistrationRefused:
		return "The authorization server did not register this device: the password is wrong, the device is another user's, or it is still to be wiped."
	case codeAuthenticationRefused:
		return "The authorization server does not let this user use this app on this device."
	case codeAnswerRefused:
		return "The authorization server's answer is not to be trusted, and nothing was done with it."
	case codeUnreachable:
		return "The authorization server or the business system is away. Try again later."
	}
	return "The business system gave nothing."
}
