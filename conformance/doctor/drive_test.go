package doctor_test

var driveSeeds = []struct {
	name string
	seed
}{
	{"a command that is not there", seed{file: "triggers: {start_endpoint: {command: [./start-it]}}", code: "command-missing", place: ":7:38", says: "the command \"./start-it\" cannot be started: there is no such program"}},
	{"a login by a command that is not there", seed{file: "login: {command: [no-such-program-anywhere]}", code: "command-missing", place: ":7:18", says: "there is no such program"}},
	{"a hook at which nothing listens", seed{file: "login: {hook: 'PEER9/hook'}", code: "endpoint-unreachable", place: ":7:15", says: "login.hook cannot be reached"}},
	{"a trigger's URL at which nothing listens", seed{file: "triggers: {start_endpoint: {url: 'PEER9/start'}}", code: "endpoint-unreachable", place: ":7:34", says: "the url of triggers.start_endpoint cannot be reached"}},
	{"what is done by hand", seed{file: "triggers: {start_endpoint: {hand: Press the button.}}", code: "by-hand", place: ":7:28", says: "triggers.start_endpoint is done by hand", warning: true}},
	{"a login at a role that is not under test", seed{file: "roles: [client-initiating]\nlogin: {extra: {tenant: acme}}", code: "login-unused", place: ":7:8", says: "users log in at the role oauth-server, which is not under test", warning: true,
		target: of(site{change: map[string]any{"start_endpoint": "ORIGIN/start"}})}},
}
