package validate

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Write prints a table for people.
func (t Table) Write(w io.Writer) error {
	fmt.Fprintf(w, "%s (floor: %s)\n", t.Path, t.Floor)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "\tns\tratio\tquartiles\tallocs\tbytes\t aim\t")
	for _, r := range t.Rows {
		verdict := r.Aim
		switch {
		case !r.Reached():
			verdict += ", MISSED"
		case r.Aim != "":
			verdict += ", reached"
		}
		fmt.Fprintf(tw, "%s\t%.1f\t%.4g\t%.4g to %.4g\t%.0f\t%.0f\t %s\t\n", r.Name, r.Nanoseconds, r.Ratio, r.Low, r.High, r.Allocations, r.Bytes, verdict)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}
