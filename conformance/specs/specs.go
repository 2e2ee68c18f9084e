// Package specs embeds the checks in a vendor's own Go tests: one call registers a Ginkgo spec for each.
//
//	func TestConformance(t *testing.T) {
//		RegisterFailHandler(Fail)
//		RunSpecs(t, "Conformance")
//	}
//
//	var _ = specs.Register(specs.Target{Flow: "ticket", Roles: []catalog.Role{catalog.AppServer}, Handler: appServer})
//
// Each spec has the check's ID and title for text, and labels by which `ginkgo --label-filter` chooses: the flow, the role, the level, the keyword, the
// requirement's ID, and alone for a check that shares its target with no other, which makes the spec Serial. What a check expected and what came instead,
// the messages and the command that runs it again are report entries, which stand in Ginkgo's JSON and JUnit reports.
//
// A warning, a SHOULD that is not met, is a report entry named warning, of a spec that passes; what the doctor warns of is one named doctor. A check that cannot be run is skipped with its reason. When the harness
// breaks, the failure begins with those words. Nothing is green because nothing ran: a target that cannot be put under test, a selection that selects
// nothing, and a target of which no check could be judged, each is a failure that says so. What `ginkgo --focus` leaves out is left out by whoever says
// it; `ginkgo --fail-on-empty` guards against leaving out all.
//
// The specs run in any order, in one process or, as `ginkgo -p` does, in several. A Handler is made anew for each check and served at a free port of the
// loopback interface; the addresses at which the harness plays the others are free ones too, and stand in the Site that the Handler is given, so that
// processes do not meet. A target at a URL knows only one set of addresses: all its specs are Serial.
package specs

import (
	"regexp"
	"strings"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"countersign/conformance"
)

// Register registers the specs of targets in the suite of the calling package. Call it at top level, outside of Describe. It always returns true, so that it can
// be the value of a variable.
func Register(targets ...Target) bool {
	at := types.NewCodeLocation(1)
	if len(targets) == 0 {
		ginkgo.Describe("conformance", at, func() { refuse(at, &MistakeError{"no target is registered; give Register one or more"}) })
	}
	for _, t := range targets {
		t.register(at)
	}
	return true
}

func (t Target) register(at types.CodeLocation) {
	p, err := t.plan()
	if err != nil {
		ginkgo.Describe(t.title(), at, func() { refuse(at, err) })
		return
	}
	s := &suite{plan: p, name: t.title(), at: at}
	if t.Name == "" {
		s.name = p.flow.Profile + " " + joined(p.config.Roles)
	}
	ginkgo.Describe(s.name, at, ginkgo.Label(p.flow.Name), func() {
		for _, c := range p.checks {
			arguments := []any{at, ginkgo.Label(labels(c)...), func(ctx ginkgo.SpecContext) { s.judge(ctx, c) }}
			if c.Alone || p.Handler == nil {
				arguments = append(arguments, ginkgo.Serial)
			}
			ginkgo.It(text(c), arguments...)
		}
	})
	ginkgo.ReportAfterSuite(s.name+" was judged", s.conclude, at)
}

// refuse is the spec of a target that cannot be put under test.
func refuse(at types.CodeLocation, err error) {
	ginkgo.It("can be put under test", at, func() { ginkgo.Fail(err.Error()) })
}

// title is what a target is called as long as no more is known of it than what it says itself.
func (t Target) title() string {
	switch {
	case t.Name != "":
		return t.Name
	case t.Flow != "":
		return strings.TrimSpace(t.Flow + " " + joined(t.Roles))
	}
	return "conformance"
}

// text is the text of a check's spec.
func text(c conformance.Check) string { return c.Name() + " " + c.Requirement().Title }

// labels are those of a check's spec, besides the flow.
func labels(c conformance.Check) []string {
	r := c.Requirement()
	all := []string{string(c.Role), string(r.Level), string(r.Keyword), string(r.ID)}
	if c.Alone {
		all = append(all, "alone")
	}
	return all
}

// repro is the command that runs a check's spec again, in the folder of the suite.
func (s *suite) repro(c conformance.Check) string {
	focus := regexp.QuoteMeta(" "+s.name+" "+text(c)) + "$" // Ginkgo matches it with the suite's name before it
	return "go test . -ginkgo.fail-on-empty -ginkgo.focus='" + strings.ReplaceAll(focus, "'", `'\''`) + "'"
}

func joined[S ~string](all []S) string {
	var b strings.Builder
	for i, s := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(s))
	}
	return b.String()
}
