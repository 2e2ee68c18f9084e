package main

import (
	"fmt"
	"os"

	"countersign/conformance/config"
)

func main() {
	for _, s := range []string{
		"level: core\ntargt: http://x\n", "setup:\n  handover_keys: x\n", "setup:\n  clients:\n    - {id: a, secret: s, name: n, callback: 'http://x', extra: 1}\n    - {id: a, secret: s, name: n, callback: 'http://x'}\n    - {id: a, secret: s, name: n, callback: 'http://x'}\n",
		"seed: lots\n", "level: medium\n", "target: localhost:80\n", "limit: 10\n", "limit: ten\n", "limit: 99999999999999999999s\n", "roles: [server]\n", "roles: []\n", "roles: [client, client]\n", "roles: client\n",
		"setup:\n  clients:\n    - {id: a, secret: s, name: n, callback: 'http://x'}\n    - {id: a, secret: s, name: n, callback: 'http://x'}\n",
		"", "# only\n", "level: core\n---\nlevel: core\n", "setup:\n\thandover_key: x\n", "setup: [\n", "level: core\nlevel: hardened\n", "seed: -1\n", "seed: 1.5\n", "seed: 99999999999999999999\n", "seed: 1e3\n",
		"setup:\n  clients:\n    - id: a\n      name: n\n      callback: http://x\n    - {id: a, secret: s, name: n, callback: 'http://x'}\n    - {id: a, secret: s, name: n, callback: 'http://x'}\n",
		"profile: ticket@1\n", "level:\n", "setup:\n", "just text\n", "- a\n", "setup:\n  handover_key: ''\n", "setup:\n  handover_key: 12345\n", "setup:\n  stranger: {name: x}\n", "setup:\n  users: [{name: a, password: topsecret}]\n", "setup:\n  handover_key: \"topsecret\n", "setup:\n  handover_key: topsecret: x\n",  "? [a]\n: b\n", "seed: 3\nlevel: nope\ntarget: bad\n", "<<: {level: core}\n", "1: 2\n", "setup: &a\n  handover_key: *a\n", "setup: {handover_key: *b}\n", "level: !!binary xx\n", "setup:\n  own_issuer: http://topsecret@ x\n",
		"seed: 18446744073709551615\nlimit: 500ms\nroles: [client, oauth-server]\n",
	} {
		c, err := config.Parse("c.yaml", []byte(s))
		if err == nil {
			fmt.Fprintf(os.Stdout, "%q\n   OK %+v\n", s, c)
		} else {
			fmt.Fprintf(os.Stdout, "%q\n   %T %v\n", s, err, err)
		}
	}
}
