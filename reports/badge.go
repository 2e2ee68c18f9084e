package reports

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/reports/internal/plain"
)

// badge is what an endpoint of shields.io answers.
type badge struct {
	Version int    `json:"schemaVersion"`
	Label   string `json:"label"`
	Message string `json:"message"`
	Color   string `json:"color"`
	// Broken keeps the colour of an error against what the address of the badge asks for.
	Broken bool `json:"isError,omitempty"`
}

// writeBadge writes the conclusion as JSON for an endpoint badge of shields.io.
func writeBadge(w io.Writer, d Document) error {
	if err := d.Validate(); err != nil {
		return err
	}
	played := d.scenarioCounts()
	if d.Checks == nil {
		b := badge{Version: 1, Label: "scenarios", Message: fmt.Sprintf("%d of %d passed", played.Pass, played.Total), Color: "brightgreen"}
		if played.Fail > 0 {
			b.Color = "red"
		}
		return writeIndented(w, b)
	}
	r := d.Checks
	b := badge{Version: 1, Label: plain.Shorten(plain.Line(r.Profile), 40), Message: string(r.Conclusion)}
	if profiles := strings.Count(r.Profile, ","); profiles > 0 {
		b.Label = fmt.Sprintf("countersign, %d flows", profiles+1)
	}
	switch r.Conclusion {
	case conformance.Conformant:
		b.Color = "brightgreen"
		if r.Counts.Warn > 0 || r.Counts.Skip > 0 {
			b.Color = "green"
		}
		b.Message += fmt.Sprintf(" (%s), %d of %d", plain.Line(cmp.Or(r.Level, string(catalog.Hardened))), r.Counts.Pass, r.Counts.Total)
	case conformance.Nonconformant:
		b.Color = "red"
		b.Message += fmt.Sprintf(", %d of %d failed", r.Counts.Fail, r.Counts.Total)
	case conformance.Incomplete:
		b.Color = "lightgrey"
	default:
		b.Color, b.Broken, b.Message = "orange", true, "no verdict"
	}
	if played.Fail > 0 {
		b.Color = "red"
		b.Message += fmt.Sprintf(", %d scenarios failed", played.Fail)
	}
	return writeIndented(w, b)
}
