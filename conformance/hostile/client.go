package hostile

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Client is one way to send a request to a party that the harness plays.
type Client struct {
	// Name completes the sentence "a client that ...".
	Name string
	// Send sends what it sends to an address, host:port, and a path there, and returns when that is done, or ctx is.
	Send func(ctx context.Context, address, path string)
}

// connected has a connection used until it is done with, or ctx is over.
func connected(ctx context.Context, address string, use func(net.Conn)) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	use(c)
}

// post is the head of a request that sends a body, whose length is to follow.
func post(address, path, mediaType string, more ...string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%s", path, address, mediaType, strings.Join(more, ""))
}

// Clients are all of them.
func Clients() []Client {
	return append(slowClients(), quickClients()...)
}

// slowClients keep connections busy for as long as they are let.
func slowClients() []Client {
	lasting := func(name string, use func(c net.Conn, address, path string)) Client {
		return Client{name, func(ctx context.Context, address, path string) {
			connected(ctx, address, func(c net.Conn) { use(c, address, path) })
		}}
	}
	forever := func(c net.Conn, text string, pause time.Duration) {
		for {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
			if pause > 0 {
				timer := time.NewTimer(pause)
				<-timer.C
			}
		}
	}
	return []Client{
		lasting("lets its headers drip", func(c net.Conn, address, path string) {
			_, _ = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nX-Slow: ", path, address)
			forever(c, "x", 10*time.Millisecond)
		}),
		lasting("lets its body drip", func(c net.Conn, address, path string) {
			_, _ = io.WriteString(c, post(address, path, "application/json")+"Content-Length: 100000\r\n\r\n{")
			forever(c, " ", 10*time.Millisecond)
		}),
		lasting("never ends its body", func(c net.Conn, address, path string) {
			_, _ = io.WriteString(c, post(address, path, "application/json")+"Transfer-Encoding: chunked\r\n\r\n")
			forever(c, "8000\r\n"+strings.Repeat("x", 0x8000)+"\r\n", 0)
		}),
		lasting("sends 10 GiB", func(c net.Conn, address, path string) {
			_, _ = io.WriteString(c, post(address, path, "application/x-www-form-urlencoded")+"Content-Length: 10737418240\r\n\r\n")
			forever(c, strings.Repeat("a=b&", 8<<10), 0)
		}),
		lasting("opens a connection and says nothing", func(c net.Conn, _, _ string) { _, _ = io.Copy(io.Discard, c) }),
		lasting("asks again and again and reads no answer", func(c net.Conn, address, path string) {
			forever(c, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, address), 0)
		}),
		{"opens a thousand connections", func(ctx context.Context, address, _ string) {
			var open []net.Conn
			for range 1000 {
				c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
				if err != nil {
					break
				}
				open = append(open, c)
			}
			for _, c := range open {
				_ = c.Close()
			}
		}},
	}
}

// quickClients say what they have to say, and look at the first bytes of what comes back.
func quickClients() []Client {
	once := func(name string, text func(address, path string) string) Client {
		return Client{name, func(ctx context.Context, address, path string) {
			connected(ctx, address, func(c net.Conn) {
				_, _ = io.WriteString(c, text(address, path))
				_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
				_, _ = c.Read(make([]byte, 512))
			})
		}}
	}
	sending := func(name, mediaType, body string, more ...string) Client {
		return once(name, func(address, path string) string {
			return post(address, path, mediaType, more...) + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
		})
	}
	asking := func(name, lines string) Client {
		return once(name, func(address, path string) string {
			return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, address, lines)
		})
	}
	beginning := func(name, line string) Client {
		return once(name, func(address, path string) string {
			return strings.ReplaceAll(line, "PATH", path) + "\r\nHost: " + address + "\r\n\r\n"
		})
	}
	const asJSON, asForm, asCBOR, asFrame, asPicture, asToken = "application/json", "application/x-www-form-urlencoded", "application/cbor", "application/octet-stream", "image/png", "application/jose"
	all := []Client{
		beginning("asks with a method that is none", "G\x00T PATH HTTP/1.1"),
		beginning("asks with a method of its own", "PROPFIND PATH HTTP/1.1"),
		beginning("asks for a path that leads out", "GET PATH/../../../etc/passwd HTTP/1.1"),
		beginning("asks for a path with NUL and broken escapes", "GET PATH/%00%zz HTTP/1.1"),
		beginning("asks for a path of a million bytes", "GET PATH/"+strings.Repeat("a", 1<<20)+" HTTP/1.1"),
		beginning("asks a proxy", "GET http://example.com/ HTTP/1.1"),
		beginning("asks for a tunnel", "CONNECT example.com:443 HTTP/1.1"),
		beginning("asks with a query of broken escapes", "GET PATH?%zz=%&;=;&a=\xff\xfe&&&=== HTTP/1.1"),
		beginning("asks with a hundred thousand parameters", "GET PATH?"+strings.Repeat("a=b&", 10_000)+" HTTP/1.1"),
		beginning("speaks HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n"),
		beginning("speaks TLS", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"),
		asking("asks without a host", "Host:\r\nHost: two\r\n"),
		asking("sends a hundred thousand headers", strings.Repeat("X: y\r\n", 100_000)),
		asking("sends a header of 60000 bytes", "Authorization: OAuth "+strings.Repeat(`oauth_token="%41",`, 3000)+"\r\n"),
		asking("authorizes itself with nothing", "Authorization: \r\nAuthorization: OAuth\r\n"),
		asking("authorizes itself with broken parameters", "Authorization: OAuth oauth_token=%zz, =, ,,=\"\", oauth_nonce=\"\xff\", oauth_timestamp=\"NaN\"\r\n"),
		asking("authorizes itself with a password that is none", "Authorization: Basic \xff===\r\n"),
		asking("authorizes itself with a broken ticket", "Authorization: Ticket user_id=\"\", user_id=, authorization_key=\"\"\"\r\n"),
		asking("proves itself with nothing", "DPoP: ....\r\nAuthorization: DPoP ....\r\n"),
		asking("proves itself twice", "DPoP: e30.e30.AA\r\nDPoP: e30.e30.AA\r\n"),
		asking("proves itself with a key that is none", "DPoP: eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoiQUEiLCJ5IjoiQUEifX0.e30.AA\r\n"),
		asking("sends cookies that are none", "Cookie: ;;=;\xff=\x01; a=\"\r\n"),
		asking("waits to be told to go on", "Expect: 100-continue\r\nContent-Length: 100\r\n"),
		once("resets the connection in the midst of its body", func(address, path string) string {
			return post(address, path, asJSON) + "Content-Length: 1000\r\n\r\n{"
		}),
		once("sends a chunk whose size overflows", func(address, path string) string {
			return post(address, path, asJSON) + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}"
		}),
		once("sends both a length and chunks", func(address, path string) string {
			return post(address, path, asJSON) + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"
		}),
		once("asks a hundred times before it reads", func(address, path string) string {
			return strings.Repeat(fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, address), 100)
		}),
		sending("sends a form of two hundred thousand parameters", asForm, filled("a=b&")),
		sending("sends a form of broken escapes", asForm, filled("%zz=%&;")),
		sending("sends a form in another content type", "multipart/form-data; boundary=b", filled("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n")),
		sending("sends a content type that is none", `;;/="\`, "{}"),
		sending("says that its body is compressed", asJSON, string(zipped(make([]byte, 1<<20))), "Content-Encoding: gzip\r\n"),
	}
	for _, text := range []string{
		"", "null", "[]", `""`, "NaN", "{", "{}}", "{}{}", `{"a":1e999}`, `{"token":1,"user_id":{},"password":[],"client_id":null,"events":[]}`,
		`{"user_name":"\ud800","password":"\u0000","app_id":"` + "\xff" + `"}`, filled("["), filled(`{"a":`), "{" + filled(`"a":1,`) + `"b":2}`,
	} {
		all = append(all, sending(fmt.Sprintf("sends %.40q in %d bytes as JSON", text, len(text)), asJSON, text))
	}
	for _, message := range []string{"", "\xa0", filled("\x81"), "\x9a\xff\xff\xff\xff", "\xbf\x01\x02\xff", "\xa2\x01\x02\x01\x03", "\xd2\x84\x40\xa0\x40\x40", "\xd2\x84\xf6\xa0\x00\x80", "\xa3\x01\xf9\x7e\x00\x02\xf7\x03\xf8\xff"} {
		all = append(all, sending(fmt.Sprintf("sends %.20q in %d bytes as CBOR", message, len(message)), asCBOR, message),
			sending(fmt.Sprintf("sends %.20q in %d bytes as an envelope", message, len(message)), "application/cose", message),
			sending(fmt.Sprintf("sends %.20q in %d bytes as a frame", message, len(message)), asFrame, message))
	}
	for _, token := range []string{"....", "e30.e30.AA", "W10.AA.AA.AA.AA", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AA.AA.AA", "eyJ" + filled("A") + "....", filled(".")} {
		all = append(all, sending(fmt.Sprintf("sends %.20q in %d bytes as a token", token, len(token)), asToken, token),
			sending(fmt.Sprintf("sends %.20q in %d bytes as a logout token", token, len(token)), asForm, "logout_token="+token))
	}
	for name, p := range map[string]string{"white": picture(800, 800), "that breaks off": picture(400, 400)[:200], "of a million pixels in a row": picture(1<<20, 1)} {
		all = append(all, sending("sends a picture "+name, asPicture, p))
	}
	return all
}
