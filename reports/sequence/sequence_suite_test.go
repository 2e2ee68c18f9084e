package sequence_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/reports/sequence"
)

func TestSequence(t *testing.T) {
	suite, reporter := GinkgoConfiguration()
	suite.RandomizeAllSpecs = true
	RegisterFailHandler(Fail)
	RunSpecs(t, "Sequence diagrams", suite, reporter)
}

// element is a node of a drawing.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (e element) number(name string) int {
	GinkgoHelper()
	n, err := strconv.Atoi(e.attr(name))
	Expect(err).NotTo(HaveOccurred())
	return n
}

// find returns the elements with the class, in their order.
func (e element) find(class string) []element {
	var found []element
	if strings.Contains(" "+e.attr("class")+" ", " "+class+" ") {
		found = append(found, e)
	}
	for _, c := range e.Children {
		found = append(found, c.find(class)...)
	}
	return found
}

func drawn(d sequence.Diagram) element {
	GinkgoHelper()
	decoder := xml.NewDecoder(bytes.NewReader(d.SVG()))
	var root element
	Expect(decoder.Decode(&root)).To(Succeed())
	_, err := decoder.Token()
	for err == nil {
		_, err = decoder.Token()
	}
	Expect(err).To(Equal(io.EOF))
	return root
}

func texts(elements []element) []string {
	var all []string
	for _, e := range elements {
		all = append(all, e.Text)
	}
	return all
}

func call(from, to, label string) sequence.Step {
	return sequence.Step{From: from, To: to, Label: label}
}

var _ = Describe("A sequence diagram", func() {
	It("is told in words to those who do not see it", func() {
		d := sequence.Diagram{Title: "Stolen <token>", Steps: []sequence.Step{
			{From: "a", To: "b", Label: "GET /", Detail: "x=1", At: "0.1s"},
			{From: "b", To: "a", Label: "200 OK", Kind: sequence.Lost},
			{From: "m", Label: "think", Kind: sequence.Attack, Failing: true},
			{From: "a", To: "b", Label: "nobody noticed", Kind: sequence.Note},
		}}
		root := drawn(d)
		Expect(root.attr("role")).To(Equal("img"))
		Expect(root.Children[0].XMLName.Local).To(Equal("title"))
		Expect(root.Children[0].Text).To(Equal("Stolen <token>"))
		Expect(root.Children[1].XMLName.Local).To(Equal("desc"))
		Expect(root.Children[1].Text).To(Equal("1. (0.1s) a to b: GET / - x=1\n2. b to a: 200 OK (lost)\n3. m to itself: attack, think - FAILS HERE\n4. note at a: nobody noticed"))
	})

	It("has a head for each lane in the order given, and for names that no lane has behind them", func() {
		d := sequence.Diagram{Lanes: []sequence.Lane{{Name: "idle"}, {Name: "client", Kind: "harness"}}, Steps: []sequence.Step{call("client", "server", "GET /")}}
		root := drawn(d)
		Expect(texts(root.find("seq-name"))).To(Equal([]string{"idle", "client", "server"}))
		Expect(texts(root.find("seq-kind"))).To(Equal([]string{"harness"}))
		lives := root.find("seq-life")
		Expect(lives).To(HaveLen(3))
		for _, l := range lives {
			Expect(l.number("x1")).To(Equal(l.number("x2")))
			Expect(l.number("y2")).To(BeNumerically(">", l.number("y1")+20))
		}
	})

	It("repeats the heads at the foot of a long diagram", func() {
		d := sequence.Diagram{}
		for i := range 12 {
			d.Steps = append(d.Steps, call("a", "b", fmt.Sprint("step ", i)))
		}
		Expect(texts(drawn(d).find("seq-name"))).To(Equal([]string{"a", "a", "b", "b"}))
	})

	It("draws an arrow from the sender's line to the receiver's, both ways", func() {
		root := drawn(sequence.Diagram{Steps: []sequence.Step{call("a", "b", "there"), {From: "b", To: "a", Label: "back", Kind: sequence.Response}}})
		lives := root.find("seq-life")
		a, b := lives[0].number("x1"), lives[1].number("x1")
		steps := root.find("seq-step")
		Expect(steps[0].find("seq-arrow")[0].attr("d")).To(HavePrefix(fmt.Sprintf("M%d ", a)))
		Expect(steps[0].find("seq-tip")[0].attr("d")).To(MatchRegexp(`^M%d \d+l-8`, b))
		Expect(steps[1].find("seq-arrow")[0].attr("d")).To(HavePrefix(fmt.Sprintf("M%d ", b)))
		Expect(steps[1].find("seq-tip")[0].attr("d")).To(MatchRegexp(`^M%d \d+l8`, a))
		Expect(steps[1].attr("class")).To(ContainSubstring("seq-response"))
	})

	It("ends a lost message in a cross on its way, without a tip", func() {
		step := drawn(sequence.Diagram{Steps: []sequence.Step{{From: "a", To: "b", Label: "push", Kind: sequence.Lost}}}).find("seq-step")[0]
		Expect(step.find("seq-tip")).To(BeEmpty())
		Expect(step.find("seq-arrow")).To(HaveLen(2))
		Expect(texts(step.find("seq-label"))).To(Equal([]string{"push (lost)"}))
	})

	It("tells the failing step and an attack by words, not by colour alone", func() {
		root := drawn(sequence.Diagram{Steps: []sequence.Step{
			{From: "a", To: "b", Label: "fine"}, {From: "m", To: "b", Label: "guess", Kind: sequence.Attack}, {From: "b", To: "m", Label: "200 OK", Failing: true}, {From: "m", To: "b", Label: "next", Failing: true},
		}})
		Expect(texts(root.find("seq-label"))).To(Equal([]string{"fine", "ATTACK guess", "200 OK", "next"}))
		Expect(texts(root.find("seq-mark"))).To(Equal([]string{"FAILS"}), "steps that fail together are marked once")
		Expect(root.find("seq-band")).To(HaveLen(2))
	})

	It("wraps long labels so that nothing leaves the drawing", func() {
		long := "POST /a/rather/long/path/that/no/lane/has/room/for?with=parameters&and=more " + strings.Repeat("x", 120)
		d := sequence.Diagram{Lanes: []sequence.Lane{{Name: strings.Repeat("a very long name ", 4)}}, Steps: []sequence.Step{
			{From: "a", To: "b", Label: long, Detail: long, At: "a very long moment in time"}, {From: "b", Label: long, Detail: long}, {From: "b", To: "a", Label: long, Kind: sequence.Note}, {From: "a", Label: long},
		}}
		root := drawn(d)
		width, height := root.number("width"), root.number("height")
		var visit func(element)
		visit = func(e element) {
			if e.XMLName.Local == "text" {
				advance := 6.7
				if strings.Contains(e.attr("class"), "seq-detail") {
					advance = 6.1
				}
				half := int(float64(len([]rune(e.Text))) * advance)
				x := e.number("x")
				if e.attr("text-anchor") == "middle" {
					half /= 2
					Expect(x-half).To(BeNumerically(">=", 0), e.Text)
				}
				Expect(x+half).To(BeNumerically("<=", width), e.Text)
				Expect(e.number("y")).To(BeNumerically("<", height))
			}
			for _, c := range e.Children {
				visit(c)
			}
		}
		visit(root)
		Expect(len(root.find("seq-label"))).To(BeNumerically(">", 12))
	})

	It("puts steps below each other without overlap", func() {
		d := sequence.Diagram{}
		for i := range 20 {
			kinds := []sequence.Kind{sequence.Request, sequence.Response, sequence.Note, sequence.Lost, sequence.Attack}
			d.Steps = append(d.Steps, sequence.Step{From: "a", To: []string{"b", "a"}[i%2], Label: "label", Detail: strings.Repeat("detail ", i), Kind: kinds[i%5], Failing: i%7 == 0})
		}
		last := 0
		for _, step := range drawn(d).find("seq-step") {
			low := 0
			for i, t := range step.Children {
				if t.XMLName.Local != "text" {
					continue
				}
				if i == 0 {
					Expect(t.number("y")).To(BeNumerically(">=", last+10))
				}
				low = max(low, t.number("y"))
			}
			last = low
		}
	})

	It("is the same bytes each time, and does not change the diagram", func() {
		d := sequence.Diagram{Title: "t", Lanes: []sequence.Lane{{Name: "a\x1b"}}, Steps: []sequence.Step{{From: "a\x1b", Label: "x"}, call("b", "c", "y")}}
		first := d.SVG()
		Expect(d.SVG()).To(Equal(first))
		Expect(d.Lanes).To(Equal([]sequence.Lane{{Name: "a\x1b"}}))
		Expect(d.Steps[0].To).To(BeEmpty())
	})

	It("carries its style in a file and none in a page, and neither needs anything from elsewhere", func() {
		d := sequence.Diagram{Steps: []sequence.Step{call("a", "b", "x")}}
		Expect(string(d.SVG())).To(ContainSubstring(sequence.CSS))
		Expect(string(d.Inline())).NotTo(Or(ContainSubstring("<style"), ContainSubstring("<?xml"), ContainSubstring(` id="`)))
		Expect(strings.ReplaceAll(string(d.SVG()), `xmlns="http://www.w3.org/2000/svg"`, "")).NotTo(MatchRegexp(`http|url\(|@import|href`))
	})

	It("draws an empty diagram as an empty picture", func() {
		root := drawn(sequence.Diagram{})
		Expect(root.number("width")).To(BeNumerically(">", 0))
		Expect(root.Children[0].Text).To(Equal("Sequence diagram"))
	})
})
