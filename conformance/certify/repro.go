package certify

import (
	"fmt"
	"strings"
	"unicode"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/conformance/config"
)

// repro is the command line that puts the target under test in one check again.
func (j Job) repro(c conformance.Check) string {
	words := []string{"countersign", "check", "--only", c.Name()}
	if j.ConfigFile != "" {
		words = append(words, "--config", j.ConfigFile)
	}
	words = append(words, j.targetWords(c)...)
	// What a file says may have been overridden.
	if j.Config.Level == catalog.Core || j.ConfigFile != "" {
		words = append(words, "--level", string(j.Config.Level))
	}
	if j.Config.Seed != config.Default().Seed || j.ConfigFile != "" {
		words = append(words, "--seed", fmt.Sprint(j.Config.Seed))
	}
	if j.Defect != "" {
		words = append(words, "--defect", j.Defect)
	}
	if j.Simulated {
		words = append(words, "--simulated")
	}
	for i, word := range words {
		if strings.ContainsFunc(word, unsafe) {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// targetWords are those by which a command puts the target of a check under test again.
func (j Job) targetWords(c conformance.Check) []string {
	wanted := j.Config
	if j.written != nil {
		wanted = *j.written
	}
	if wanted.Target == "" {
		return nil
	}
	var words []string
	if s := wanted.Start; s.ByFlags {
		switch {
		case s.Exec != nil:
			words = append(words, "--exec", s.Exec.Command.Line)
		case s.Image.Build != "":
			words = append(words, "--build", s.Image.Build)
		default:
			words = append(words, "--image", s.Image.Name)
		}
	}
	return append(words, "--target", wanted.Target, "--role", string(c.Role))
}

// unsafe reports whether a shell may take the character for more than itself.
func unsafe(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./:@=,+%", r)
}
