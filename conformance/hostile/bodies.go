package hostile

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"regexp"
	"strings"
)

// most is how long a large body is: just short of what the harness reads.
const most = 1<<20 - 4<<10

// filled is a text that is repeated until it is about as long as a body may be.
func filled(text string) string { return strings.Repeat(text, most/len(text)) }

// body is a behaviour that sends another body with the headers of the honest answer.
func body(name string, change func(*Exchange) string) Behaviour {
	return saying(name, func(e *Exchange) string { return e.Honest.with(change(e)).text() })
}

// instead is a behaviour that sends one body of one type, with status 200.
func instead(name, mediaType, text string) Behaviour {
	return saying(name, func(*Exchange) string {
		return (&Answer{Status: 200}).with(text, "Content-Type", mediaType).text()
	})
}

// member finds the strings and numbers that are members of JSON objects.
var member = regexp.MustCompile(`(:\s*)("(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*)`)

// members is a behaviour that puts something else in the place of the value of every member.
func members(name, value string) Behaviour {
	return beside(body(name, func(e *Exchange) string {
		return string(member.ReplaceAllLiteral(e.Honest.Body, []byte(": "+value)))
	}))
}

func documents() []Behaviour {
	const asJSON = "application/json"
	all := []Behaviour{
		beside(saying("labels its answer UTF-16 and sends it so", func(e *Exchange) string {
			return e.Honest.with(utf16(string(e.Honest.Body)), "Content-Type", "application/json; charset=utf-16").text()
		})),
		harmless(saying("labels its answer UTF-7", func(e *Exchange) string {
			return e.Honest.with(string(e.Honest.Body), "Content-Type", e.Honest.Header.Get("Content-Type")+"; charset=utf-7").text()
		})),
		beside(body("begins with a byte order mark", func(e *Exchange) string { return "\ufeff" + string(e.Honest.Body) })),
		body("sends no body", func(*Exchange) string { return "" }),
		members("says NaN in place of every value", "NaN"),
		members("says Infinity in place of every value", "-Infinity"),
		members("says 1e999 in place of every value", "1e999"),
		members("says null in place of every value", "null"),
		members("says a negative number in place of every value", "-9223372036854775809"),
		members("says an object in place of every value", `{"a":{"b":[1,2,{}]}}`),
		members("says an empty string in place of every value", `""`),
		members("says a lone surrogate in place of every value", `"\ud800"`),
		members("says NUL in place of every value", `"\u0000"`),
		members("says overlong UTF-8 in place of every value", "\"\xc0\xaf\xed\xa0\x80\""),
		members("says a URL that is none in place of every value", `"http://[::1%zz]:port\\"`),
		members("says a script in place of every value", `"javascript:alert(1)//</script><script>alert(1)</script>"`),
		members("says 20000 letters in place of every value", `"`+strings.Repeat("l", 20000)+`"`),
		harmless(body("gives every member twice", func(e *Exchange) string {
			var object map[string]json.RawMessage
			if json.Unmarshal(e.Honest.Body, &object) != nil {
				return string(e.Honest.Body)
			}
			inner := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(e.Honest.Body)), "{"), "}")
			return "{" + inner + "," + inner + "}"
		})),
		beside(body("sends a second object behind the first", func(e *Exchange) string { return string(e.Honest.Body) + "{}" })),
		beside(body("closes a bracket too many", func(e *Exchange) string { return string(e.Honest.Body) + "}" })),
		instead("sends arrays in arrays, half a million deep", asJSON, filled("[")),
		instead("sends objects in objects, a hundred thousand deep", asJSON, filled(`{"a":`)),
		instead("sends a number of a million digits", asJSON, `{"profile":`+filled("9")+`}`),
		instead("sends a hundred thousand members", asJSON, `{`+filled(`"a":1,`)+`"b":2}`),
		instead("sends one string of a million escapes", asJSON, `{"profile":"`+filled(`\u0000`)+`"}`),
		instead("sends null", asJSON, "null"),
		instead("sends a string", asJSON, `"{}"`),
		instead("sends an array", asJSON, "[{}]"),
		instead("sends a form for JSON", asJSON, filled("a=b&")),
		instead("sends a form of two hundred thousand parameters", "application/x-www-form-urlencoded", filled("oauth_token=%41&")),
		instead("sends a form of broken escapes", "application/x-www-form-urlencoded", filled("oauth_token=%zz&%=%;=&")),
	}
	return append(all, Behaviour{Name: "flips a bit of its body", Beside: true, Answer: func(e *Exchange) {
		b := bytes.Clone(e.Honest.Body)
		if len(b) > 0 {
			b[e.Random.IntN(len(b))] ^= 1 << e.Random.IntN(8)
		}
		e.say(e.Honest.with(string(b)).text())
	}})
}

func utf16(text string) string {
	var b strings.Builder
	b.WriteString("\xff\xfe")
	for i := range len(text) {
		b.WriteString(text[i:i+1] + "\x00")
	}
	return b.String()
}

func pages() []Behaviour {
	page := func(name, text string) Behaviour { return instead(name, "text/html; charset=utf-8", text) }
	const form = `<form method=post action=x><input name=user><input type=password name=password>`
	return []Behaviour{
		page("shows a form with seventy thousand inputs", form+filled(`<input name=a>`)),
		page("shows a form with an input of a hundred thousand attributes", form+"<input "+filled("a1 b=c ")+">"),
		page("shows elements in elements, two hundred thousand deep", form+filled("<div>")),
		page("shows formatting that is never closed", form+filled("<a><b><i>")),
		page("shows formatting that is closed crosswise", form+filled("<b><p></b></p>")),
		page("shows tables in tables with what has no place there", form+filled("<table><td><b>x")),
		page("shows what has no place in a table", form+"<table>"+filled("<a>x<tr>")),
		page("shows a select that is never closed", form+"<select>"+filled("<option>")),
		page("shows templates in templates", form+filled("<template>")),
		page("shows a tag that is never closed", `<form method=post action="`+filled("x")),
		page("shows a comment that is never closed", form+"<!--"+filled("-")),
		page("shows a million entities", form+filled("&notin;&#xfffff;&bogus")),
		page("shows html elements with ever more attributes", form+filled("<html a=b c=d>")),
		page("shows SVG and MathML in each other", form+filled("<svg><math><mi>")),
		page("shows NULs and bytes that are no UTF-8", form+filled("\x00\xff\xfe")),
		page("sends the terminal on by itself", `<meta http-equiv=refresh content="0;url=http://127.0.0.1:1/">`+form),
		page("has another host for a base", `<base href="http://127.0.0.1:1/">`+form),
		page("posts its form to a script", `<form method=post action="javascript:alert(1)"><input type=password name=password>`),
		page("posts its form to another host", `<form method=post action="http://nowhere.invalid/"><input type=password name=password>`),
		page("posts its form to a URL that is none", `<form method=post action="http://[::1%zz]:port/"><input type=password name=password>`),
		page("posts its form with a method that is none", `<form method="ge t" action=""><input type=password name=password>`),
		page("links to nothing but scripts", filled(`<a href="javascript:x">x</a>`)),
	}
}

func binaries() []Behaviour {
	const asCBOR, asEnvelope = "application/cbor", "application/cose"
	return []Behaviour{
		instead("sends CBOR arrays, a million deep", asCBOR, filled("\x81")),
		instead("sends a CBOR array of four billion", asCBOR, "\x9a\xff\xff\xff\xff"),
		instead("sends a CBOR string of nine exabytes", asCBOR, "\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"),
		instead("sends a CBOR map without end", asCBOR, "\xbf"+filled("\x01\x02")),
		instead("sends CBOR tags in tags", asCBOR, filled("\xc6")),
		instead("sends a CBOR map with one key twice", asCBOR, "\xa2\x01\x02\x01\x03"),
		instead("sends CBOR with NaN, undefined and simple values", asCBOR, "\xa3\x01\xf9\x7e\x00\x02\xf7\x03\xf8\xff"),
		instead("sends an envelope of empty parts", asEnvelope, "\xd2\x84\x40\xa0\x40\x40"),
		instead("sends an envelope of wrong parts", asEnvelope, "\xd2\x84\xf6\xa0\x00\x80"),
		instead("sends an envelope in envelopes", asEnvelope, filled("\xd2\x84\x43\xa1\x01\x27\xa0\x58\xff")),
		instead("sends a picture of 4096 by 4096 pixels that is white", "image/png", picture(4096, 4096)),
		instead("sends a picture of a million pixels in a row", "image/png", picture(1<<20, 1)),
		instead("sends a picture that breaks off", "image/png", picture(400, 400)[:200]),
		instead("sends a picture that says it is larger than any", "image/png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x10\x06\x00\x00\x00\x00\x00\x00\x00"),
		instead("sends a near-field frame that is longer than it says", "application/octet-stream", "\x01abcd\x00\x00\x01\x00\x01ab\x00\x00\x00\x00"),
		instead("sends a token of five empty parts", "application/jose", "...."),
		instead("sends a token with a header of a million bytes", "application/jose", "eyJ"+filled("A")+"...."),
		instead("sends a token of a million parts", "application/jose", "eyJhbGciOiJkaXIifQ"+filled(".")),
		instead("sends a token whose header is no object", "application/jose", "W10.AA.AA.AA.AA"),
	}
}

// picture is a white PNG with 16 bits a channel, which takes eight bytes of memory for every pixel.
func picture(width, height int) string {
	canvas := image.NewNRGBA64(image.Rect(0, 0, width, height))
	for i := range canvas.Pix {
		canvas.Pix[i] = 0xff
	}
	canvas.Pix[6] = 0 // one that is not opaque keeps all so
	var file bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&file, canvas); err != nil {
		panic(err) // a buffer takes all
	}
	return file.String()
}
