package reports

import (
	"slices"

	"countersign/conformance"
	"countersign/conformance/catalog"
)

// verdicts in the order in which reports list them.
var verdicts = []conformance.Verdict{conformance.Pass, conformance.Fail, conformance.Warn, conformance.Skip, conformance.Error}

// add counts one more outcome.
func add(c *conformance.Counts, v conformance.Verdict) {
	c.Total++
	switch v {
	case conformance.Pass:
		c.Pass++
	case conformance.Fail:
		c.Fail++
	case conformance.Warn:
		c.Warn++
	case conformance.Skip:
		c.Skip++
	default:
		c.Error++
	}
}

// count is how many outcomes have the verdict.
func count(c conformance.Counts, v conformance.Verdict) int {
	switch v {
	case conformance.Pass:
		return c.Pass
	case conformance.Fail:
		return c.Fail
	case conformance.Warn:
		return c.Warn
	case conformance.Skip:
		return c.Skip
	default:
		return c.Error
	}
}

// group is the results of one role.
type group struct {
	Role    catalog.Role
	Results []conformance.Result
	Counts  conformance.Counts
	Levels  []levelCounts
}

type levelCounts struct {
	Level  catalog.Level
	Counts conformance.Counts
}

// byRole groups results by role: roles in the order of the catalogues, then those that no catalogue knows in the order of the results.
func byRole(results []conformance.Result) []group {
	var order []catalog.Role
	for _, c := range catalog.Catalogs() {
		for _, r := range c.Requirements {
			order = append(order, r.Roles...)
		}
	}
	for _, r := range results {
		order = append(order, r.Role)
	}
	members := map[catalog.Role][]conformance.Result{}
	for _, r := range results {
		members[r.Role] = append(members[r.Role], r)
	}
	var groups []group
	for _, role := range order {
		if of, ok := members[role]; ok {
			delete(members, role)
			groups = append(groups, newGroup(role, of))
		}
	}
	return groups
}

func newGroup(role catalog.Role, results []conformance.Result) group {
	g := group{Role: role, Results: results}
	for _, r := range results {
		add(&g.Counts, r.Verdict)
		i := slices.IndexFunc(g.Levels, func(l levelCounts) bool { return l.Level == r.Requirement.Level })
		if i < 0 {
			i = len(g.Levels)
			g.Levels = append(g.Levels, levelCounts{Level: r.Requirement.Level})
		}
		add(&g.Levels[i].Counts, r.Verdict)
	}
	slices.SortStableFunc(g.Levels, func(a, b levelCounts) int { return levelRank(a.Level) - levelRank(b.Level) })
	return g
}

// levels gives the counts of a group for each of the levels, also for those of which it has no check.
func (g group) levels(of []catalog.Level) []levelCounts {
	all := make([]levelCounts, len(of))
	for i, level := range of {
		all[i].Level = level
		for _, l := range g.Levels {
			if l.Level == level {
				all[i] = l
			}
		}
	}
	return all
}

// testedFlow is the results of the checks of one flow.
type testedFlow struct {
	name    string
	results []conformance.Result
}

// testedFlows groups results by flow: flows in the order of the catalogues, and "other" for requirements that no catalogue of this version has.
func testedFlows(results []conformance.Result) []testedFlow {
	const other = "other"
	members := map[string][]conformance.Result{}
	for _, r := range results {
		flow := flowOf(r, other)
		members[flow] = append(members[flow], r)
	}
	var flows []testedFlow
	for _, c := range catalog.Catalogs() {
		if of := members[c.Flow]; len(of) > 0 {
			flows = append(flows, testedFlow{c.Flow, of})
		}
	}
	if of := members[other]; len(of) > 0 {
		flows = append(flows, testedFlow{other, of})
	}
	return flows
}

// flowOf names the flow of a result's requirement, or what is to be said where no catalogue of this version has it.
func flowOf(r conformance.Result, unknown string) string {
	if flow, ok := catalog.FlowOf(r.Requirement.ID); ok {
		return flow
	}
	return unknown
}

func levelRank(l catalog.Level) int {
	return slices.Index([]catalog.Level{catalog.Core, catalog.Hardened}, l)
}

// flowGroup is the scenarios of one flow.
type flowGroup struct {
	Flow      string
	Scenarios []Scenario
	Counts    conformance.Counts
}

// byFlow groups scenarios by flow, in the order in which the flows appear.
func byFlow(scenarios []Scenario) []flowGroup {
	var groups []flowGroup
	for _, s := range scenarios {
		i := slices.IndexFunc(groups, func(g flowGroup) bool { return g.Flow == s.Flow })
		if i < 0 {
			i = len(groups)
			groups = append(groups, flowGroup{Flow: s.Flow})
		}
		groups[i].Scenarios = append(groups[i].Scenarios, s)
		add(&groups[i].Counts, conformance.Verdict(s.Verdict))
	}
	return groups
}

func (d Document) scenarioCounts() conformance.Counts {
	var c conformance.Counts
	for _, s := range d.Scenarios {
		add(&c, conformance.Verdict(s.Verdict))
	}
	return c
}
