// Package page writes what validating costs as a page that needs nothing else: each variant as a dot on a logarithmic scale of how many
// times the floor it costs, with its quartiles, and the aim as a line.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"

	"countersign/bench/validate"
)

var (
	//go:embed page.css
	css string
	//go:embed page.html.tmpl
	markup string
)

// Report is what the page is about.
type Report struct {
	Go, OS string
	CPUs   int
	Tables []validate.Table
}

// EmptyError says that there is nothing to write.
type EmptyError struct{}

func (*EmptyError) Error() string {
	return "the page would be empty: nothing was measured; name a group that there is with --only"
}

// Write writes the page. The error is an *EmptyError, or the writer's.
func Write(w io.Writer, r Report) error {
	if len(r.Tables) == 0 {
		return &EmptyError{}
	}
	page, err := template.New("validate").Funcs(template.FuncMap{
		"ns":    func(v float64) string { return fmt.Sprintf("%.1f", v) },
		"ratio": func(v float64) string { return fmt.Sprintf("%.4g", v) },
		"whole": func(v float64) string { return fmt.Sprintf("%.0f", v) },
		"scale": scaleOf,
	}).Parse(markup)
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(css))
	policy := fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'", base64.StdEncoding.EncodeToString(sum[:]))
	missed := validate.Missed(r.Tables)
	return page.Execute(w, struct {
		Report
		Policy string
		Sheet  template.CSS
		Missed []string
	}{r, policy, template.CSS(css), missed})
}

// The chart of a row, in units of its picture.
const (
	Width  = 480.0
	margin = 8.0
)

// scale is a logarithmic one: from half the floor, or less, to what costs most.
type scale struct{ low, high float64 }

func scaleOf(t validate.Table) scale {
	s := scale{0.5, 2}
	for _, r := range t.Rows {
		if r.Low > 0 {
			s.low = min(s.low, r.Low)
		}
		s.high = max(s.high, r.High)
	}
	return s
}

// X is where a ratio lies.
func (s scale) X(ratio float64) string {
	at := math.Log(max(ratio, s.low)/s.low) / math.Log(s.high/s.low)
	return fmt.Sprintf("%.1f", margin+at*(Width-2*margin))
}

// Marks are the ratios that the scale names: the powers of ten in it, and their double and fivefold where it is short.
func (s scale) Marks() (marks []float64) {
	between := []float64{1}
	if s.high/s.low < 100 {
		between = []float64{1, 2, 5}
	}
	for decade := math.Floor(math.Log10(s.low)); decade <= math.Log10(s.high); decade++ {
		for _, b := range between {
			if m := b * math.Pow(10, decade); m >= s.low && m <= s.high {
				marks = append(marks, m)
			}
		}
	}
	return marks
}
