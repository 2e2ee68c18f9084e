package sequence

import (
	"fmt"
	"html"
	"slices"
	"strings"

	"countersign/reports/internal/plain"
)

// CSS is the style sheet of the drawings. SVG puts it into the file; a page that holds several Inline drawings needs it once.
const CSS = `.seq{color:#1b1f24;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:11px}
.seq text{fill:currentColor}
.seq-bg{fill:#fff}
.seq-life{stroke:currentColor;stroke-opacity:.3}
.seq-head{fill:#f3f5f7;stroke:currentColor;stroke-opacity:.55}
.seq-name{font-weight:600;font-size:12px}
.seq-kind,.seq-at{font-size:10px;fill-opacity:.85}
.seq-arrow{fill:none;stroke:currentColor;stroke-width:1.25}
.seq-tip{fill:currentColor}
.seq-response .seq-arrow{stroke-dasharray:5 3}
.seq-attack .seq-arrow{stroke-width:2.5}
.seq-halo{stroke:#fff;stroke-width:4px;stroke-linejoin:round;paint-order:stroke}
.seq-detail{font-size:10px;fill-opacity:.85}
.seq-box{fill:#fff8dc;stroke:currentColor;stroke-opacity:.45}
.seq-band{fill:#fdecea}
.seq-bar{fill:#b3221b}
.seq-lost{color:#7d5200}
.seq-failing,.seq-attack,.seq-attacker{color:#b3221b}
.seq-failing .seq-halo{stroke:#fdecea}
.seq-failing .seq-detail{fill-opacity:1}
.seq-failing .seq-label,.seq-mark{font-weight:700}
.seq-attacker .seq-head{stroke-dasharray:4 3;stroke-opacity:1}
@media screen and (prefers-color-scheme:dark){
.seq{color:#e4e7ea}
.seq-bg{fill:#14171a}
.seq-head{fill:#22272c}
.seq-halo{stroke:#14171a}
.seq-box{fill:#35301b}
.seq-band{fill:#3a1d1c}
.seq-bar{fill:#ff8f85}
.seq-lost{color:#ecbd68}
.seq-failing,.seq-attack,.seq-attacker{color:#ff9d94}
.seq-failing .seq-halo{stroke:#3a1d1c}
}
`

// Measures of the drawing, in pixels. A column is the advance of a character of the label font: 0.602 em in nearly every fixed-width font.
const (
	column      = 6.63
	labelHeight = 15
	smallHeight = 13
	margin      = 14
	headWidth   = 136
	narrowest   = 156
	widest      = 330
	loopRoom    = 220
	// widestNote is the room of what an attacker has to say, who stands at the right edge and says a lot.
	widestNote = 2 * (narrowest - margin)
	// longestDetail is how many columns of detail lanes move apart for; what is longer is wrapped.
	longestDetail = 32
	// longDiagram is the number of steps from which the heads are repeated at the foot.
	longDiagram = 12
)

// SVG draws the diagram as a file.
func (d Diagram) SVG() []byte {
	return []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + d.draw("<style>\n"+CSS+"</style>\n"))
}

// Inline draws the diagram for a page that has CSS in its style sheet.
func (d Diagram) Inline() []byte { return []byte(d.draw("")) }

func (d Diagram) draw(style string) string {
	d = d.shown()
	p := newPlan(d)
	p.steps(d)
	p.heads(d)
	title := d.Title
	if title == "" {
		title = "Sequence diagram"
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" class="seq" role="img" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d">`+"\n", p.width, p.height)
	fmt.Fprintf(&out, "<title>%s</title>\n<desc>%s</desc>\n%s", escape(title), escape(d.Outline()), style)
	fmt.Fprintf(&out, `<rect class="seq-bg" width="%d" height="%d"/>`+"\n", p.width, p.height)
	out.WriteString(p.under.String())
	out.WriteString(p.over.String())
	out.WriteString("</svg>\n")
	return out.String()
}

func escape(s string) string { return html.EscapeString(s) }

// plan is a drawing in the making.
type plan struct {
	x             map[string]int // the middle of each lane
	talks         string         // the lane whose notes may be wide; empty for none
	gutter        int            // the room for moments on the left
	width, height int
	headHeight    int
	under, over   strings.Builder // what lies below and above
}

func newPlan(d Diagram) *plan {
	p := &plan{x: map[string]int{}}
	for _, s := range d.Steps {
		p.gutter = max(p.gutter, pixels(min(plain.Width(s.At), 16))+10)
		if s.Failing {
			p.gutter = max(p.gutter, pixels(len(failMark))+10)
		}
	}
	order := map[string]int{}
	for i, l := range d.Lanes {
		order[l.Name] = i
	}
	x := margin + p.gutter + headWidth/2
	room := 0
	for i, l := range d.Lanes {
		p.x[l.Name] = x
		gap := narrowest
		room = 0
		for _, s := range d.Steps {
			from, to := order[s.From], order[s.To]
			switch {
			case from == i && to == i && s.Kind != Note:
				gap, room = max(gap, loopRoom), loopRoom
			case min(from, to) == i && max(from, to) == i+1, from == i && to == i:
				gap = max(gap, pixels(longestLine(s.label()))+30, pixels(min(longestLine(s.Detail), longestDetail))+24)
			}
		}
		x += min(gap, widest)
	}
	last := margin + p.gutter + headWidth
	if n := len(d.Lanes); n > 0 {
		end := d.Lanes[n-1]
		if n > 1 && end.Kind == Attacker && slices.ContainsFunc(d.Steps, func(s Step) bool { return s.Kind == Note && s.self() && s.From == end.Name }) {
			p.talks, room = end.Name, widestNote/2
		}
		last = p.x[end.Name] + max(headWidth/2, room)
	}
	p.width = last + margin
	return p
}

func pixels(columns int) int { return int(float64(columns)*column + 0.5) }

func columns(px int) int { return max(8, int(float64(px)/column)) }

func longestLine(s string) int {
	longest := 0
	for line := range strings.SplitSeq(s, "\n") {
		longest = max(longest, plain.Width(line))
	}
	return longest
}

const failMark = "FAILS"

// label is the label with the word that tells its kind to a reader who sees no colour.
func (s Step) label() string {
	switch s.Kind {
	case Attack:
		return "ATTACK " + s.Label
	case Lost:
		return s.Label + " (lost)"
	}
	return s.Label
}

// heads draws the lanes: their heads above the steps and, in a long diagram, below them too.
func (p *plan) heads(d Diagram) {
	foot := p.height
	long := len(d.Steps) >= longDiagram
	if long {
		p.height += p.headHeight
	}
	p.height += margin
	for _, l := range d.Lanes {
		class := "seq-party"
		if l.Kind == Attacker {
			class += " seq-attacker"
		}
		fmt.Fprintf(&p.over, `<g class="%s">`, class)
		p.head(l, margin)
		if long {
			p.head(l, foot)
		}
		p.over.WriteString("</g>\n")
		fmt.Fprintf(&p.under, `<line class="seq-life" x1="%d" y1="%d" x2="%[1]d" y2="%[3]d"/>`+"\n", p.x[l.Name], margin+p.headHeight, foot)
	}
}

func (l Lane) lines() []string { return plain.Wrap(plain.Line(l.Name), headWidth/8) }

func (p *plan) head(l Lane, y int) {
	x := p.x[l.Name]
	fmt.Fprintf(&p.over, `<rect class="seq-head" x="%d" y="%d" width="%d" height="%d" rx="3"/>`, x-headWidth/2, y, headWidth, p.headHeight)
	lines := l.lines()
	used := len(lines) * labelHeight
	if l.Kind != "" {
		used += smallHeight
	}
	y += (p.headHeight-used)/2 + 11
	y = p.lines(lines, x, y, labelHeight, "middle", "seq-name")
	if l.Kind != "" {
		p.lines([]string{plain.Shorten(plain.Line(l.Kind), headWidth/7)}, x, y, smallHeight, "middle", "seq-kind")
	}
}

// lines writes lines of text, the first one's base line at y, and returns the base line of the next.
func (p *plan) lines(lines []string, x, y, height int, anchor, class string) int {
	for _, line := range lines {
		if line != "" {
			fmt.Fprintf(&p.over, `<text class="%s" x="%d" y="%d" text-anchor="%s">%s</text>`, class, x, y, anchor, escape(line))
		}
		y += height
	}
	return y
}

func (p *plan) steps(d Diagram) {
	for _, l := range d.Lanes {
		high := len(l.lines())*labelHeight + 14
		if l.Kind != "" {
			high += smallHeight
		}
		p.headHeight = max(p.headHeight, high)
	}
	p.height = margin + p.headHeight + 10
	for i, s := range d.Steps {
		classes := []string{"seq-step"}
		if slices.Contains([]Kind{Response, Lost, Attack, Note}, s.Kind) {
			classes = append(classes, "seq-"+string(s.Kind))
		}
		if s.Failing {
			classes = append(classes, "seq-failing")
		}
		top := p.height
		fmt.Fprintf(&p.over, `<g class="%s">`, strings.Join(classes, " "))
		moment := top + 20
		if s.Kind == Note {
			p.note(s)
		} else {
			p.message(s)
		}
		p.lines([]string{plain.Shorten(plain.Line(s.At), 16)}, margin, moment, smallHeight, "start", "seq-at")
		if s.Failing {
			if i == 0 || !d.Steps[i-1].Failing {
				p.lines([]string{failMark}, margin, moment+smallHeight, smallHeight, "start", "seq-mark")
				p.height = max(p.height, moment+smallHeight+8)
			}
			fmt.Fprintf(&p.under, `<rect class="seq-band" x="0" y="%d" width="%d" height="%d"/><rect class="seq-bar" x="0" y="%[1]d" width="5" height="%[3]d"/>`+"\n", top+4, p.width, p.height-top)
		}
		p.over.WriteString("</g>\n")
	}
	p.height += 14
}

func (p *plan) message(s Step) {
	from, to := p.x[s.From], p.x[s.To]
	anchor, textX, room := "middle", (from+to)/2, max(from, to)-min(from, to)-18
	if s.self() {
		anchor, textX, room = "start", from+9, loopRoom-14
	}
	label, detail := plain.Wrap(s.label(), columns(room)), []string(nil)
	if s.Detail != "" {
		detail = plain.Wrap(s.Detail, columns(room*11/10)) // its font is a tenth smaller
	}
	y := p.lines(label, textX, p.height+20, labelHeight, anchor, "seq-label seq-halo") - 9
	if s.self() {
		fmt.Fprintf(&p.over, `<path class="seq-arrow" d="M%d %dh30v14h-24"/>`, from, y)
		p.tip(from, y+14, -1)
		y += 14
	} else {
		p.arrow(from, to, y, s.Kind == Lost)
	}
	y = p.lines(detail, textX, y+14, smallHeight, anchor, "seq-detail seq-halo")
	p.height = y - 4
	if len(detail) == 0 {
		p.height = y - 6
	}
}

// arrow draws an arrow, or as much of it as a lost message goes.
func (p *plan) arrow(from, to, y int, lost bool) {
	direction := 1
	if to < from {
		direction = -1
	}
	if lost {
		end := from + (to-from)*7/10
		fmt.Fprintf(&p.over, `<path class="seq-arrow" d="M%d %dH%d"/>`, from, y, end)
		fmt.Fprintf(&p.over, `<path class="seq-arrow" d="M%d %dl8 8m0 -8l-8 8"/>`, end-4, y-4)
		return
	}
	fmt.Fprintf(&p.over, `<path class="seq-arrow" d="M%d %dH%d"/>`, from, y, to-7*direction)
	p.tip(to, y, direction)
}

func (p *plan) tip(x, y, direction int) {
	fmt.Fprintf(&p.over, `<path class="seq-tip" d="M%d %dl%d -4v8z"/>`, x, y, -8*direction)
}

func (p *plan) note(s Step) {
	half := headWidth / 2
	if s.self() && s.From == p.talks {
		half = min(max(half, pixels(plain.Width(s.label()))/2+margin), widestNote/2)
	}
	left, right := min(p.x[s.From], p.x[s.To])-half, max(p.x[s.From], p.x[s.To])+half
	label := plain.Wrap(s.label(), columns(right-left-18))
	var detail []string
	if s.Detail != "" {
		detail = plain.Wrap(s.Detail, columns((right-left-18)*11/10))
	}
	top, high := p.height+7, len(label)*labelHeight+len(detail)*smallHeight+10
	fmt.Fprintf(&p.over, `<rect class="seq-box" x="%d" y="%d" width="%d" height="%d"/>`, left, top, right-left, high)
	y := p.lines(label, (left+right)/2, top+16, labelHeight, "middle", "seq-label")
	p.lines(detail, (left+right)/2, y-1, smallHeight, "middle", "seq-detail")
	p.height = top + high + 3
}
