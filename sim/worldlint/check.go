package worldlint

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"
)

// Finding is a place in code that cannot live in a world.
type Finding struct {
	File    string // absolute path
	Line    int    // from 1
	Column  int    // in bytes, from 1
	Message string // what is wrong there, and what to use instead
}

func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
}

// Check analyses the packages that the patterns name, as the go command
// understands them, without their tests. Patterns that match nothing, and
// packages that do not compile, are errors.
func Check(patterns ...string) ([]Finding, error) {
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax}, patterns...)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", strings.Join(patterns, " "), err)
	}
	if len(loaded) == 0 {
		return nil, fmt.Errorf("%s matches no package", strings.Join(patterns, " "))
	}
	for _, p := range loaded {
		for _, e := range p.Errors {
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return nil, err
	}
	graph, err := checker.Analyze([]*analysis.Analyzer{Analyzer}, loaded, nil)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, action := range graph.Roots {
		if action.Err != nil {
			return nil, fmt.Errorf("analyse %s: %w", action.Package.PkgPath, action.Err)
		}
		for _, d := range action.Diagnostics {
			at := action.Package.Fset.Position(d.Pos)
			findings = append(findings, Finding{File: at.Filename, Line: at.Line, Column: at.Column, Message: d.Message})
		}
	}
	return findings, nil
}
