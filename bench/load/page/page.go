// Package page writes the result of a load as a page that needs nothing else: no network, no fonts; the charts are drawn by uPlot, which is a part of it.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"time"

	"countersign/bench/load"
)

var (
	//go:embed uplot/uPlot.iife.min.js
	uplotScript string
	//go:embed uplot/uPlot.min.css
	uplotCSS string
	//go:embed page.js
	script string
	//go:embed page.css
	css string
	//go:embed page.html.tmpl
	markup string
)

// Report is what the page is about.
type Report struct {
	load.Result
	// Conclusion says in a sentence what the result means; Held, whether that is good.
	Conclusion string
	Held       bool
	// Changes are how the result differs from an earlier run; none for no such run.
	Changes []load.Change
}

// points is what the charts draw, column by column.
type points struct {
	Seconds  []float64 `json:"seconds"`
	Due      []float64 `json:"due"`
	Finished []float64 `json:"finished"`
	Bad      []float64 `json:"bad"`
	Waiting  []float64 `json:"waiting"`
	P50      []float64 `json:"p50"`
	P99      []float64 `json:"p99"`
	Max      []float64 `json:"max"`
	CPU      []float64 `json:"cpu"`
	Memory   []float64 `json:"memory"`
	// Percentiles, as 1/(1-p), on a logarithmic scale, and the times at them.
	Rarity []float64 `json:"rarity"`
	At     []float64 `json:"at"`
	Rates  []float64 `json:"rates"`
	Curve  []float64 `json:"curve"`
	Worst  []float64 `json:"worst"`
}

func pointsOf(r load.Result) points {
	var p points
	before := 0.0
	for _, s := range r.Seconds {
		took := max(s.At-before, 1e-3)
		before = s.At
		p.Seconds = append(p.Seconds, s.At)
		p.Due = append(p.Due, float64(s.Due)/took)
		p.Finished = append(p.Finished, float64(s.Finished)/took)
		p.Bad = append(p.Bad, float64(s.Bad)/took)
		p.Waiting = append(p.Waiting, float64(s.Waiting))
		p.P50, p.P99, p.Max = append(p.P50, s.Times.P50), append(p.P99, s.Times.P99), append(p.Max, s.Times.Max)
		if r.Process != nil {
			p.CPU, p.Memory = append(p.CPU, s.CPU), append(p.Memory, float64(s.Memory)/(1<<20))
		}
	}
	if h := r.Flow.Histogram; h != nil && h.Count() > 0 {
		highest := math.Log10(float64(h.Count()))
		for x := 0.0; x <= highest; x += 0.05 {
			p.Rarity = append(p.Rarity, math.Pow(10, x))
			p.At = append(p.At, float64(h.Percentile(100-100/math.Pow(10, x)))/float64(time.Millisecond))
		}
	}
	for _, c := range r.Curve {
		p.Rates, p.Curve, p.Worst = append(p.Rates, c.Rate), append(p.Curve, c.Times.P50), append(p.Worst, c.Times.P99)
	}
	return p
}

// hash names a text in a policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Write writes the page. It runs its own scripts and style sheet and nothing else, whatever a target has put into it.
func Write(w io.Writer, r Report) error {
	sheet := strings.TrimSpace(uplotCSS) + "\n" + strings.TrimSpace(css)
	page, err := template.New("load").Funcs(template.FuncMap{
		"ms":      func(v float64) string { return fmt.Sprintf("%.2f", v) },
		"number":  func(v float64) string { return fmt.Sprintf("%.4g", v) },
		"mib":     func(v int64) string { return fmt.Sprintf("%.1f", float64(v)/(1<<20)) },
		"moment":  func(v int64) string { return time.Unix(v, 0).UTC().Format("2006-01-02 15:04:05 UTC") },
		"failure": func(c load.Counts) string { return c.Failures() },
	}).Parse(markup)
	if err != nil {
		return err
	}
	return page.Execute(w, struct {
		Report
		Policy         template.HTMLAttr
		Sheet          template.CSS
		Uplot, Drawing template.JS
		Points         points
	}{
		r, template.HTMLAttr(fmt.Sprintf(`content="default-src 'none'; style-src %s; script-src %s %s; base-uri 'none'; form-action 'none'"`, hash(sheet), hash(uplotScript), hash(script))),
		template.CSS(sheet), template.JS(uplotScript), template.JS(script), pointsOf(r.Result),
	})
}
