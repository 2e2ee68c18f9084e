package pages

// ThirdPartyHome is what a user who is logged in at a third-party platform sees there.
type ThirdPartyHome struct {
	Site           string
	Nickname       any      // a string, which is shown as text
	Picture        string   // URL, empty for none
	Data           []string // titles
	PlatformLogout string   // URL, empty for none
	UserLogout     string   // URL of the own logout, empty for none
	Hidden         []Input  // of its form
}

// ThirdPartyLeft is what a user sees who has logged out at a third-party platform alone.
type ThirdPartyLeft struct {
	Site   string
	Access string // URL where to begin again
}

// ThirdPartyFailure is a refusal of a third-party platform.
type ThirdPartyFailure struct {
	Site    string
	Heading string
	Text    string
	Access  string // URL where to begin again
}

func (ThirdPartyHome) template() string    { return "thirdparty_home.html" }
func (ThirdPartyLeft) template() string    { return "thirdparty_left.html" }
func (ThirdPartyFailure) template() string { return "thirdparty_failure.html" }
