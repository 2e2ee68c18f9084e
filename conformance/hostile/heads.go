package hostile

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
)

func statuses() []Behaviour {
	status := func(name, line string) Behaviour {
		return saying(name, func(e *Exchange) string {
			_, rest, _ := strings.Cut(e.Honest.text(), "\r\n")
			return line + "\r\n" + rest
		})
	}
	return []Behaviour{
		status("has the status 99", "HTTP/1.1 099 Low"),
		status("has the status 999", "HTTP/1.1 999 High"),
		status("has a status of four digits", "HTTP/1.1 2000 OK"),
		status("has a negative status", "HTTP/1.1 -20 OK"),
		status("has a status in words", "HTTP/1.1 OK 200"),
		status("has a status line without status", "HTTP/1.1"),
		harmless(status("gives a reason with control characters", "HTTP/1.1 200 \x1b[31mred\x07")),
		status("gives a reason without end", "HTTP/1.1 200 "+strings.Repeat("O", 1<<20)),
		status("switches to a protocol that nobody asked for", "HTTP/1.1 101 Switching Protocols"),
		{Name: "sends interim answers for ever", Answer: func(e *Exchange) { e.forever("HTTP/1.1 100 Continue\r\n\r\n") }},
		{Name: "sends large interim answers for ever", Answer: func(e *Exchange) {
			e.forever("HTTP/1.1 103 Early Hints\r\nLink: <" + strings.Repeat("x", 1000) + ">\r\n\r\n")
		}},
		saying("answers 204 with a body", func(e *Exchange) string {
			return "HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n\r\n" + string(e.Honest.Body)
		}),
		saying("answers 304 to a request without conditions", func(*Exchange) string { return "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n" }),
	}
}

// line is a behaviour that adds header lines to the honest answer.
func line(name, lines string) Behaviour {
	return saying(name, func(e *Exchange) string {
		return e.Honest.head("Content-Length") + lines + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(e.Honest.Body), e.Honest.Body)
	})
}

func headers() []Behaviour {
	var many strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&many, "X-%d: y\r\n", i)
	}
	return []Behaviour{
		line("sends a header line without a colon", "this is no header\r\n"),
		line("sends a header without a name", ": nameless\r\n"),
		harmless(line("sends a header with a space in its name", "X Y: z\r\n")),
		harmless(line("folds a header over two lines", "X-Folded: one\r\n two\r\n")),
		saying("begins its headers with a folded line", func(e *Exchange) string {
			first, rest, _ := strings.Cut(e.Honest.text(), "\r\n")
			return first + "\r\n folded: yes\r\n" + rest
		}),
		line("sends a NUL in a header", "X-Nul: a\x00b\r\n"),
		line("sends a carriage return in a header", "X-Return: a\rSet-Cookie: b=c\r\n"),
		harmless(line("sends bytes that are no UTF-8 in a header", "X-Bytes: \xff\xfe\xc0\xaf\r\n")),
		harmless(line("sends terminal escapes in a header", "X-Escape: \x1b]0;owned\x07\r\n")),
		line("sends a header of 1 MiB", "X-Long: "+strings.Repeat("x", 1<<20)+"\r\n"),
		line("sends 100000 headers", many.String()),
		{Name: "never ends its headers", Answer: func(e *Exchange) {
			e.say("HTTP/1.1 200 OK\r\n")
			e.forever("X-Filler: " + strings.Repeat("x", 1000) + "\r\n")
		}},
		{Name: "never ends one header", Answer: func(e *Exchange) {
			e.say("HTTP/1.1 200 OK\r\nX-Filler: ")
			e.forever(strings.Repeat("x", 64<<10))
		}},
		beside(saying("has a content type that is none", func(e *Exchange) string {
			return e.Honest.with(string(e.Honest.Body), "Content-Type", `;;=/"\`+"\t").text()
		})),
		harmless(saying("has a date and an age in the far future", func(e *Exchange) string {
			return e.Honest.with(string(e.Honest.Body), "Date", "Fri, 31 Dec 99999 23:59:59 GMT", "Age", "99999999999999999999", "Expires", "never").text()
		})),
		harmless(saying("asks to come back after a time that is none", func(e *Exchange) string {
			return e.Honest.with(string(e.Honest.Body), "Retry-After", "-9223372036854775809").text()
		})),
		harmless(saying("challenges without end", func(e *Exchange) string {
			return e.Honest.with(string(e.Honest.Body), "WWW-Authenticate", strings.Repeat(`Bearer realm="a\"`, 3000)).text()
		})),
	}
}

func codings() []Behaviour {
	coded := func(name, coding string, encode func([]byte) []byte) Behaviour {
		return beside(saying(name, func(e *Exchange) string {
			return e.Honest.with(string(encode(e.Honest.Body)), "Content-Encoding", coding).text()
		}))
	}
	asIs := func(b []byte) []byte { return b }
	bomb := strings.Repeat(string(zipped(bytes.Repeat([]byte("0"), 16<<20))), 60) // 960 MiB in less than 1 MiB
	return []Behaviour{
		coded("compresses with gzip without being asked", "gzip", zipped),
		coded("sends a bomb of 960 MiB in gzip", "gzip", func([]byte) []byte { return []byte(bomb) }),
		{Name: "sends a bomb of 10 GiB in gzip", Answer: func(e *Exchange) {
			e.say(e.Honest.head("Content-Length", "Content-Encoding") + "Content-Encoding: gzip\r\nConnection: close\r\n\r\n")
			for range 11 {
				if !e.say(bomb) {
					return
				}
			}
		}},
		harmless(coded("calls a plain body gzip", "gzip", asIs)),
		harmless(coded("calls a plain body deflate", "deflate", asIs)),
		harmless(coded("calls a plain body br, zstd and gzip", "br, zstd, gzip", asIs)),
	}
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b) // a buffer takes all
	_ = w.Close()
	return out.Bytes()
}

func redirects() []Behaviour {
	to := func(name string, location func(*Exchange) string) Behaviour {
		return saying(name, func(e *Exchange) string {
			return "HTTP/1.1 302 Found\r\nLocation: " + location(e) + "\r\nContent-Length: 0\r\n\r\n"
		})
	}
	at := func(name, location string) Behaviour { return to(name, func(*Exchange) string { return location }) }
	return []Behaviour{
		to("redirects to itself", func(e *Exchange) string { return "http://" + e.Request.Host + e.Request.URL.RequestURI() }),
		to("redirects in circles that grow", func(e *Exchange) string { return e.Request.URL.RequestURI() + "/x" }),
		at("redirects to a host that is not there", "http://nowhere.invalid/"),
		at("redirects to a port at which nobody listens", "http://127.0.0.1:1/"),
		at("redirects to another scheme of the machine: file", "file:///etc/passwd"),
		at("redirects to a server of files: ftp", "ftp://127.0.0.1/x"),
		at("redirects to a script", "javascript:alert(1)"),
		at("redirects to data", "data:text/html,<script>alert(1)</script>"),
		at("redirects to a URL with a password", "http://user:password@127.0.0.1:1/"),
		at("redirects without a scheme", "//127.0.0.1:1/x"),
		at("redirects to a URL that is none", "http://[::1%zz]:port\\\\/%zz%"),
		at("redirects to a URL in other bytes than ASCII", "http://\xff\xfe/\xc0\xaf?\u202e"),
		at("redirects to a URL of 60000 bytes", "http://127.0.0.1:1/"+strings.Repeat("a", 60000)),
		at("redirects to a URL of 1 MiB", "http://127.0.0.1:1/"+strings.Repeat("a", 1<<20)),
		saying("redirects without saying where to", func(*Exchange) string { return "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n" }),
	}
}

func cookies() []Behaviour {
	var flood strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&flood, "Set-Cookie: c%d=v%d\r\n", i, i)
	}
	return []Behaviour{
		harmless(line("sets 2000 cookies", flood.String())),
		harmless(line("sets a cookie of 60000 bytes", "Set-Cookie: long="+strings.Repeat("c", 60000)+"\r\n")),
		harmless(line("sets cookies for other domains", "Set-Cookie: a=b; Domain=example.com\r\nSet-Cookie: c=d; Domain=.0.0.1\r\nSet-Cookie: e=f; Domain=com\r\n")),
		harmless(line("sets cookies that are none", "Set-Cookie: \r\nSet-Cookie: =\r\nSet-Cookie: a b=c d\xff; Max-Age=99999999999999999999; Expires=never\r\nSet-Cookie: ;;;;=\r\n")),
	}
}
