package config_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/conformance/config"
)

// FuzzParse reads configurations: what is wrong with one is said with its place in the file, and without a panic of the reader of YAML.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"profile: bidirectional@1\ntarget: http://127.0.0.1:8790\n", "level: core\nseed: 7\nroles: [client]\nlimit: 5s\n", "a: &a [*a]\n", "? - x\n: y\n", "profile: {{\n", "---\n---\n",
		"profile: ticket@1\nsetup: {apps: [{id: a}]}\n", "endpoints: {x: 1}\nlifetimes: {y: z}\n", "tls: {ca: /nowhere}\n", "seed: 99999999999999999999\n", "\xff\xfe", "<<: *x", "!!binary x: |\n  y\n", "target: ${NO_SUCH}\n",
		"expected_failures: [{id: BI-OS-01, reason: x}]\n", "profile: \"ticket@1\nx", "- \n- a: [\n", "a: !!float .nan\nb: .inf\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "/") || strings.Contains(text, "*") { // files of this machine are none of its business, and aliases may grow without bound
			t.Skip()
		}
		c, err := config.Parse("countersign.yaml", []byte(text))
		var wrong *config.Error
		if err != nil && !errors.As(err, &wrong) {
			t.Fatalf("%q gives an untyped error: %v", text, err)
		}
		if err != nil && (wrong.File != "countersign.yaml" || wrong.What == "") {
			t.Errorf("%q gives %+v", text, wrong)
		}
		if err == nil {
			_ = c.Place("target")
			_ = c.Places(c.Target, "target")
		}
	})
}
