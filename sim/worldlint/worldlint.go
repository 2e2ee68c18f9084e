// Package worldlint finds code that cannot live in a simulated world (package
// sim), since its behaviour would differ from run to run or it would leave the
// world's schedule: goroutines and channels, the real clock, randomness that
// has no seed, and the order of maps.
//
// A line is exempt when it, or the line above, has a comment
//
//	//worldlint:allow reason
//
// whose reason is not optional. An exemption that exempts nothing is reported.
package worldlint

import (
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzer reports what has no place in a simulated world.
var Analyzer = &analysis.Analyzer{
	Name: "worldlint",
	Doc:  "report goroutines, channels, real time, unseeded randomness and map order in code that lives in a simulated world",
	Run:  run,
}

func run(pass *analysis.Pass) (any, error) {
	for _, file := range pass.Files {
		l := &linter{pass: pass, allowed: allowances(pass, file)}
		for _, spec := range file.Imports {
			l.imported(spec)
		}
		ast.PreorderStack(file, nil, func(n ast.Node, stack []ast.Node) bool {
			l.node(n, stack)
			return true
		})
		for _, a := range l.allowed {
			switch {
			case a.reason == "":
				pass.Reportf(a.pos, "worldlint:allow lacks a reason: say after it why this line may stay")
			case !a.used:
				pass.Reportf(a.pos, "worldlint:allow allows nothing: remove it")
			}
		}
	}
	return nil, nil
}

// allowance is a comment that exempts its line and the next.
type allowance struct {
	pos    token.Pos
	line   int
	reason string
	used   bool
}

func allowances(pass *analysis.Pass, file *ast.File) []*allowance {
	var list []*allowance
	for _, group := range file.Comments {
		for _, c := range group.List {
			text, found := strings.CutPrefix(c.Text, "//worldlint:allow")
			if found && (text == "" || strings.ContainsAny(text[:1], " \t")) {
				list = append(list, &allowance{pos: c.Pos(), line: pass.Fset.Position(c.Pos()).Line, reason: strings.TrimSpace(text)})
			}
		}
	}
	return list
}

type linter struct {
	pass    *analysis.Pass
	allowed []*allowance
}

// report reports a finding, unless its line is exempt.
func (l *linter) report(n ast.Node, message string) {
	line := l.pass.Fset.Position(n.Pos()).Line
	for _, a := range l.allowed {
		if a.reason != "" && (a.line == line || a.line == line-1) {
			a.used = true
			return
		}
	}
	l.pass.Report(analysis.Diagnostic{Pos: n.Pos(), End: n.End(), Message: message})
}

func (l *linter) imported(spec *ast.ImportSpec) {
	if path, err := strconv.Unquote(spec.Path.Value); err == nil && path == "net/http/cookiejar" {
		l.report(spec, "net/http/cookiejar reads the real clock: keep cookies in the actor")
	}
}

func (l *linter) node(n ast.Node, stack []ast.Node) {
	switch n := n.(type) {
	case *ast.GoStmt:
		l.report(n, "go statement leaves the world's schedule: start a process of the world")
	case *ast.SelectStmt:
		l.report(n, "select chooses at random: wait at a gate of the world")
	case *ast.SendStmt:
		l.report(n, "channel send blocks the whole world: use a gate of the world")
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			l.report(n, "channel receive blocks the whole world: use a gate of the world")
		}
	case *ast.RangeStmt:
		l.ranged(n)
	case *ast.Ident:
		if object := l.pass.TypesInfo.Uses[n]; object != nil && object.Pkg() != nil {
			l.used(n, object, stack)
		}
	}
}

func (l *linter) ranged(n *ast.RangeStmt) {
	switch l.core(n.X).(type) {
	case *types.Map:
		l.report(n, "ranging over a map has no fixed order: range over slices.Sorted(maps.Keys(m))")
	case *types.Chan:
		l.report(n, "ranging over a channel blocks the whole world: use a gate of the world")
	}
}

// core gives the type that decides how an expression is ranged over; of a type
// parameter, that of its constraint if all its types share one.
func (l *linter) core(x ast.Expr) types.Type {
	t := l.pass.TypesInfo.TypeOf(x)
	if t == nil {
		return nil
	}
	p, ok := types.Unalias(t).(*types.TypeParam)
	if !ok {
		return t.Underlying()
	}
	constraint, _ := p.Constraint().Underlying().(*types.Interface)
	if constraint == nil || constraint.NumEmbeddeds() != 1 {
		return nil
	}
	switch e := constraint.EmbeddedType(0).(type) {
	case *types.Union:
		if e.Len() > 0 {
			return e.Term(0).Type().Underlying()
		}
		return nil
	default:
		return e.Underlying()
	}
}

func (l *linter) used(n *ast.Ident, object types.Object, stack []ast.Node) {
	pkg, name := object.Pkg().Path(), object.Name()
	if pkg == "maps" && (name == "Keys" || name == "Values" || name == "All") {
		if !l.orderless(stack) {
			l.report(n, "maps."+name+" has no fixed order: pass it to slices.Sorted, slices.SortedFunc or maps.Collect at once")
		}
		return
	}
	if f, ok := object.(*types.Func); ok && f.Signature().Recv() != nil {
		name = receiver(f) + "." + name
	} else if object.Parent() != object.Pkg().Scope() {
		return
	}
	if why := ban(pkg, name); why != "" {
		l.report(n, pkg+"."+name+" "+why)
	}
}

func receiver(f *types.Func) string {
	t := f.Signature().Recv().Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := types.Unalias(t).(*types.Named); ok {
		return named.Obj().Name()
	}
	return ""
}

// orderless reports whether the call to the function at the top of the stack
// is the argument of one that does not depend on order.
func (l *linter) orderless(stack []ast.Node) bool {
	var inner *ast.CallExpr
	for i := len(stack) - 1; i >= 0; i-- {
		call, ok := stack[i].(*ast.CallExpr)
		switch {
		case !ok && inner == nil:
			continue // maps.Keys, or maps.Keys[M]
		case !ok:
			return false
		case inner == nil:
			inner = call
			continue
		}
		fun := ast.Unparen(call.Fun)
		if index, ok := fun.(*ast.IndexExpr); ok {
			fun = index.X
		}
		selector, ok := fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		object := l.pass.TypesInfo.Uses[selector.Sel]
		if object == nil || object.Pkg() == nil {
			return false
		}
		switch object.Pkg().Path() + "." + object.Name() {
		case "slices.Sorted", "slices.SortedFunc", "maps.Collect", "maps.Insert":
			return true
		}
		return false
	}
	return false
}
