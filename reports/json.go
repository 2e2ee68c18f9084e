package reports

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"countersign/conformance"
	"countersign/conformance/catalog"
	"countersign/reports/sequence"
)

//go:embed document.schema.json
var schema []byte

// Schema returns the JSON Schema of what WriteJSON writes and ReadJSON reads.
func Schema() []byte { return bytes.Clone(schema) }

var compiled = sync.OnceValue(func() *jsonschema.Schema {
	const name = "document.schema.json"
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		panic(fmt.Sprintf("the embedded schema is no JSON: %v", err))
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, value); err != nil {
		panic(fmt.Sprintf("the embedded schema cannot be added: %v", err))
	}
	return c.MustCompile(name)
})

// WriteJSON writes the document as JSON that Schema describes, in one line. Each requirement stands once, and results name it. Invalid UTF-8 is replaced;
// characters that would steer a screen are written as \u escapes.
func (d Document) WriteJSON(w io.Writer) error {
	if err := d.Validate(); err != nil {
		return err
	}
	encoded, err := encode(d.complete())
	if err != nil {
		return err
	}
	text, err := json.Marshal(encoded)
	if err != nil {
		return fmt.Errorf("the report document cannot be encoded: %w", err)
	}
	_, err = w.Write(append(escapeHidden(text), '\n'))
	return err
}

// complete returns the document with its format and level set and with empty lists where JSON would have null.
func (d Document) complete() Document {
	d.Format = DocumentFormat
	if d.Checks != nil {
		checks := *d.Checks
		if checks.Level == "" {
			checks.Level = string(catalog.Hardened)
		}
		checks.Results = append([]conformance.Result{}, checks.Results...)
		for i, r := range checks.Results {
			r.Exchanges = append([]conformance.Exchange{}, r.Exchanges...)
			for j, e := range r.Exchanges {
				r.Exchanges[j].RequestHeaders = append([]conformance.Header{}, e.RequestHeaders...)
			}
			checks.Results[i].Exchanges = r.Exchanges
		}
		d.Checks = &checks
	}
	d.Necessity = slices.Clone(d.Necessity)
	for i, n := range d.Necessity {
		d.Necessity[i].Needs = append([]Need{}, n.Needs...)
	}
	d.Scenarios = slices.Clone(d.Scenarios)
	for i, s := range d.Scenarios {
		if s.Diagram == nil {
			continue
		}
		diagram := *s.Diagram
		diagram.Lanes = append([]sequence.Lane{}, diagram.Lanes...)
		diagram.Steps = append([]sequence.Step{}, diagram.Steps...)
		d.Scenarios[i].Diagram = &diagram
	}
	return d
}

// escapeHidden escapes what encoding/json leaves as it is although a terminal or an editor acts on it. Such characters stand in strings only.
func escapeHidden(text []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(text) + 1)
	for _, r := range string(text) {
		if r >= 0x7F && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			quoted := fmt.Sprintf(`\u%04x`, r)
			if r > 0xFFFF {
				r -= 0x10000
				quoted = fmt.Sprintf(`\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
			}
			b.WriteString(quoted)
			continue
		}
		b.WriteRune(r)
	}
	return b.Bytes()
}

// ReadJSON reads what WriteJSON wrote, and nothing else: a text that is no JSON, a member that is unknown, missing, given twice or of the wrong kind, and
// counts that are not those of the results are each a *DocumentError that says where.
func ReadJSON(r io.Reader) (Document, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return Document{}, fmt.Errorf("the report document cannot be read: %w", err)
	}
	if err := syntax(text); err != nil {
		return Document{}, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return Document{}, &DocumentError{"", "is no JSON: " + err.Error()}
	}
	if err := compiled().Validate(value); err != nil {
		return Document{}, schemaError(err)
	}
	var encoded documentJSON
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&encoded); err != nil {
		return Document{}, &DocumentError{"", "cannot be decoded: " + err.Error()}
	}
	d, err := encoded.document()
	if err != nil {
		return Document{}, err
	}
	return d, d.Validate()
}

// schemaError turns the first of the schema's findings into a sentence with a place.
func schemaError(err error) error {
	var found *jsonschema.ValidationError
	if !errors.As(err, &found) {
		return &DocumentError{"", "cannot be validated: " + err.Error()}
	}
	for len(found.Causes) > 0 {
		found = found.Causes[0]
	}
	return &DocumentError{pointer(found.InstanceLocation), found.ErrorKind.LocalizedString(message.NewPrinter(language.English))}
}

func pointer(tokens []string) string {
	escaper := strings.NewReplacer("~", "~0", "/", "~1")
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString("/" + escaper.Replace(t))
	}
	return b.String()
}

// syntax finds what makes a text no JSON, or JSON that two readers may read differently: a member that is given twice (RFC 8259 section 4).
func syntax(text []byte) error {
	var broken *json.SyntaxError
	if err := json.Unmarshal(text, new(json.RawMessage)); errors.As(err, &broken) {
		return &DocumentError{lineAndColumn(text, int(broken.Offset)), broken.Error()}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return members(decoder, nil)
}

// lineAndColumn is the place of the last of the first n bytes.
func lineAndColumn(text []byte, n int) string {
	before := text[:min(n, len(text))]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf("line %d, column %d", line, max(1, len(before)-bytes.LastIndexByte(before, '\n')-1))
}

// members walks one value and looks for members that are given twice.
func members(decoder *json.Decoder, at []string) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				return err
			}
			key, _ := name.(string) // the decoder gives nothing else here
			here := append(slices.Clone(at), key)
			if seen[key] {
				return &DocumentError{pointer(here), "the member stands here a second time"}
			}
			seen[key] = true
			if err := members(decoder, here); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for i := 0; decoder.More(); i++ {
			if err := members(decoder, append(slices.Clone(at), fmt.Sprint(i))); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = decoder.Token() // the closing bracket
	return err
}
