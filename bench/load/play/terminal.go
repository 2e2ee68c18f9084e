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

// readPage reads the first form of a page. To build the page's whole tree would cost more than the exchange.
func readPage(resp *lean.Response) formPage {
	page, inside := formPage{values: url.Values{}}, false
	for tokens := html.NewTokenizer(bytes.NewReader(resp.Body)); ; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return page
		}
		name, more := tokens.TagName()
		tag := string(name)
		if kind == html.EndTagToken && tag == "form" {
			inside = false
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken || tag != "form" && tag != "input" {
			continue
		}
		attributes := map[string]string{}
		for more {
			var key, value []byte
			key, value, more = tokens.TagAttr()
			attributes[string(key)] = string(value)
		}
		switch {
		case tag == "form" && !page.form:
			page.action, page.form, inside = attributes["action"], true, true
		case inside && strings.EqualFold(attributes["type"], "hidden"):
			page.values.Add(attributes["name"], attributes["value"])
		case inside && strings.EqualFold(attributes["type"], "password"):
			page.asks = true
		}
	}
}

// route is where the form is sent, from a page that was asked for by a URL and a query.
func (p formPage) route(page, query string) (*lean.Route, error) {
	base, err := url.Parse(page)
	if err != nil {
		return nil, err
	}
	if base.RawQuery != "" && query != "" {
		query = base.RawQuery + "&" + query
	}
	if query != "" {
		base.RawQuery = query
	}
	to, err := base.Parse(p.action)
	if err != nil {
		return nil, err
	}
	return lean.NewRoute(http.MethodPost, to.String(), "Content-Type: "+asForm)
}
