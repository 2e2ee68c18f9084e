package play

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"countersign/bench/load/lean"
)

// jar holds the cookies of a browser that knows one origin. The zero value is empty.
type jar []string

// take keeps what an answer sets: the pair of each cookie, in the place of one of its name. One without a value is taken away.
func (j *jar) take(resp *lean.Response) {
	resp.Each("Set-Cookie", func(value []byte) {
		cut, _, _ := bytes.Cut(value, []byte{';'})
		pair := string(bytes.TrimSpace(cut))
		name, content, _ := strings.Cut(pair, "=")
		kept := (*j)[:0]
		for _, other := range *j {
			if !strings.HasPrefix(other, name+"=") {
				kept = append(kept, other)
			}
		}
		if *j = kept; content != "" {
			*j = append(*j, pair)
		}
	})
}

// line is the header line that sends them; empty where there are none.
func (j jar) line() string {
	if len(j) == 0 {
		return ""
	}
	return "Cookie: " + strings.Join(j, "; ") + "\r\n"
}

// formPage is what a terminal needs of a page with a form.
type formPage struct {
	form   bool // there is one
	asks   bool // for a password
	action string
	values url.Values // what the form sends by itself
}

// readPage reads the first form of a page. To build the page's whole tree would cost more than the exchange; and so would to read the head, which holds no form,
// and what comes behind the form.
func readPage(resp *lean.Response) formPage {
	page, body := formPage{values: url.Values{}}, resp.Body
	if end := bytes.Index(body, []byte("</head>")); end >= 0 {
		body = body[end:]
	}
	for tokens := html.NewTokenizer(bytes.NewReader(body)); ; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return page
		}
		if kind == html.TextToken || kind == html.CommentToken || kind == html.DoctypeToken || !mayMatter(tokens.Raw()) {
			continue
		}
		name, more := tokens.TagName()
		form, input := string(name) == "form", string(name) == "input"
		switch {
		case kind == html.EndTagToken && form && page.form:
			return page
		case kind == html.EndTagToken || !form && !input || input && !page.form:
			continue
		}
		var key, value []byte
		var field struct{ kind, name, value string }
		for more {
			key, value, more = tokens.TagAttr()
			switch string(key) {
			case "action":
				if form && !page.form {
					page.action = string(value)
				}
			case "type":
				field.kind = string(value)
			case "name":
				field.name = string(value)
			case "value":
				field.value = string(value)
			}
		}
		switch {
		case form:
			page.form = true
		case strings.EqualFold(field.kind, "hidden"):
			page.values.Add(field.name, field.value)
		case strings.EqualFold(field.kind, "password"):
			page.asks = true
		}
	}
}

// mayMatter reports whether a tag begins as that of a form or an input does.
func mayMatter(tag []byte) bool {
	first := bytes.TrimLeft(tag, "</")
	return len(first) > 0 && (first[0]|0x20 == 'f' || first[0]|0x20 == 'i')
}

// route is where the form is sent, and with what query, from a page that was asked for by a query. own is how a form is sent to the page's own URL, where most go.
func (p formPage) route(own *lean.Route, query string) (at *lean.Route, rest string, err error) {
	if p.action == "" {
		return own, query, nil
	}
	base, err := url.Parse(own.URL)
	if err != nil {
		return nil, "", err
	}
	to, err := base.Parse(p.action)
	if err != nil {
		return nil, "", err
	}
	at, err = lean.NewRoute(http.MethodPost, to.String(), "Content-Type: "+asForm)
	return at, "", err
}
