package lean_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"countersign/bench/load/lean"
)

// saying is a connection whose other side sends some bytes, in pieces of a size, and then closes; or goes silent.
type saying struct {
	net.Conn
	text   *bytes.Reader
	piece  int
	silent bool
	late   time.Time
}

func (s *saying) Write(p []byte) (int, error)     { return len(p), nil }
func (s *saying) Close() error                    { return nil }
func (s *saying) SetDeadline(t time.Time) error   { s.late = t; return nil }
func (s *saying) SetReadDeadline(time.Time) error { return nil }
func (s *saying) Read(p []byte) (int, error) {
	if s.text.Len() == 0 && s.silent {
		return 0, context.DeadlineExceeded
	}
	return s.text.Read(p[:min(len(p), s.piece)])
}

// exchange asks a server that says so.
func exchange(text string, piece int, silent bool) (*lean.Response, error) {
	route, err := lean.NewRoute(http.MethodGet, "http://127.0.0.1:1/")
	if err != nil {
		return nil, err
	}
	c := &lean.Conn{Limit: time.Second, Dial: func(context.Context, string, string) (net.Conn, error) {
		return &saying{text: bytes.NewReader([]byte(text)), piece: piece, silent: silent}, nil
	}}
	return c.Exchange(route, route.Append(nil, "", "", nil))
}

var _ = Describe("An answer", func() {
	DescribeTable("is read, in whatever pieces it comes",
		func(text string, status int, body string, closing bool) {
			for _, piece := range []int{1, 2, 3, 7, 1 << 20} {
				resp, err := exchange(text, piece, true)
				Expect(err).NotTo(HaveOccurred(), "in pieces of %d", piece)
				Expect(resp.Status).To(Equal(status))
				Expect(string(resp.Body)).To(Equal(body))
				Expect(resp.Closing).To(Equal(closing))
			}
		},
		Entry("with a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", false),
		Entry("without a reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", false),
		Entry("with bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", 200, "hi", false),
		Entry("without a body by its status", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", false),
		Entry("in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n, you!\r\n0\r\nTrailer: x\r\n\r\n", 200, "hello, you!", false),
		Entry("behind others of status 1xx", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false),
		Entry("of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", true),
		Entry("of HTTP/1.0 that goes on", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", false),
		Entry("that closes", "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", true),
		Entry("with the same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", false),
		Entry("with an empty header", "HTTP/1.1 200 OK\r\nX:\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", false),
	)

	It("may end with the connection", func() {
		resp, err := exchange("HTTP/1.1 200 OK\r\n\r\nto the end", 4, false)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(resp.Body)).To(Equal("to the end"))
		Expect(resp.Closing).To(BeTrue())
	})

	DescribeTable("that is hostile is refused, and nothing is read without bound",
		func(text, kind string) {
			_, err := exchange(text, 1<<20, false)
			var wrong *lean.Error
			Expect(errors.As(err, &wrong)).To(BeTrue(), "%v", err)
			Expect(wrong.Kind).To(Equal(kind), wrong.Error())
		},
		Entry("nothing", "", lean.Broken),
		Entry("half a status line", "HTTP/1.1 2", lean.Broken),
		Entry("half a body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", lean.Broken),
		Entry("half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhello", lean.Broken),
		Entry("another protocol", "SSH-2.0-OpenSSH_9.9\r\n\r\n", lean.Malformed),
		Entry("HTTP/2", "HTTP/2 200 OK\r\n\r\n", lean.Malformed),
		Entry("HTTP/1.7", "HTTP/1.7 200 OK\r\n\r\n", lean.Malformed),
		Entry("a status that is no number", "HTTP/1.1 2x0 OK\r\n\r\n", lean.Malformed),
		Entry("a status below 100", "HTTP/1.1 099 OK\r\n\r\n", lean.Malformed),
		Entry("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", lean.Malformed),
		Entry("a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello", lean.Malformed),
		Entry("a length below nothing", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", lean.Malformed),
		Entry("a length beyond counting", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", lean.Malformed),
		Entry("a length beyond the bound", "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", lean.Malformed),
		Entry("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi", lean.Malformed),
		Entry("two lengths in a line", "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi", lean.Malformed),
		Entry("a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", lean.Malformed),
		Entry("an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", lean.Malformed),
		Entry("a chunk of a size that is no number", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", lean.Malformed),
		Entry("a chunk beyond counting", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n", lean.Malformed),
		Entry("a chunk beyond the bound", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n", lean.Malformed),
		Entry("a chunk that goes on", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", lean.Malformed),
		Entry("bytes behind the answer", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n", lean.Malformed),
		Entry("bytes behind an answer without a body", "HTTP/1.1 204 No Content\r\n\r\nx", lean.Malformed),
		Entry("a folded header", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", lean.Malformed),
		Entry("a header without a name", "HTTP/1.1 200 OK\r\n: a\r\n\r\n", lean.Malformed),
		Entry("a header with a space in its name", "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi", lean.Malformed),
		Entry("a header without a colon", "HTTP/1.1 200 OK\r\nhello\r\n\r\n", lean.Malformed),
		Entry("a head without end", "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20), lean.Malformed),
		Entry("a body without end", "HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", 2<<20), lean.Malformed),
		Entry("chunks without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("8000\r\n"+strings.Repeat("x", 0x8000)+"\r\n", 64), lean.Malformed),
		Entry("a chunk's line without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"+strings.Repeat("x", 1<<16), lean.Malformed),
		Entry("trailers without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"+strings.Repeat("X: y\r\n", 1<<16), lean.Malformed),
		Entry("early answers without end", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100), lean.Malformed),
	)

	It("that does not come in time is waited for no longer", func() {
		_, err := exchange("HTTP/1.1 200 OK\r\n", 10, true)
		Expect(err).To(MatchError(ContainSubstring("timed out: no complete answer within 1s")))
	})
})

var _ = Describe("A connection", func() {
	serve := func(h http.HandlerFunc) (*httptest.Server, *lean.Route) {
		GinkgoHelper()
		s := httptest.NewServer(h)
		DeferCleanup(s.Close)
		route, err := lean.NewRoute(http.MethodPost, s.URL+"/path?a=b", "X-Own: own")
		Expect(err).NotTo(HaveOccurred())
		return s, route
	}

	It("carries one exchange after the other, as net/http understands them", func() {
		_, route := serve(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.URL, r.Header.Get("X-Own"), r.Header.Get("X-More"), body)
		})
		c := &lean.Conn{}
		defer c.Close()
		for i := range 3 {
			resp, err := c.Exchange(route, route.Append(nil, fmt.Sprintf("n=%d", i), "X-More: more\r\n", []byte("body")))
			Expect(err).NotTo(HaveOccurred())
			Expect(string(resp.Body)).To(Equal(fmt.Sprintf("POST /path?a=b&n=%d own more body", i)))
		}
		Expect(c.Opened).To(Equal(1))
	})

	It("is opened again where the server ends it", func() {
		_, route := serve(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
		c := &lean.Conn{}
		defer c.Close()
		for range 3 {
			resp, err := c.Exchange(route, route.Append(nil, "", "", nil))
			Expect(err).NotTo(HaveOccurred())
			Expect(resp.Status).To(Equal(200))
		}
		Expect(c.Opened).To(Equal(3))
	})

	It("speaks TLS, and trusts nobody whom it need not", func() {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "sealed") }))
		DeferCleanup(s.Close)
		s.Config.ErrorLog = nil
		route, err := lean.NewRoute(http.MethodGet, s.URL)
		Expect(err).NotTo(HaveOccurred())
		_, err = (&lean.Conn{}).Exchange(route, route.Append(nil, "", "", nil))
		Expect(err).To(MatchError(ContainSubstring("connection refused: ")))
		trusting := s.Client().Transport.(*http.Transport).TLSClientConfig
		c := &lean.Conn{TLS: &tls.Config{RootCAs: trusting.RootCAs, ServerName: "example.com", MinVersion: tls.VersionTLS12}}
		defer c.Close()
		resp, err := c.Exchange(route, route.Append(nil, "", "", nil))
		Expect(err).NotTo(HaveOccurred())
		Expect(string(resp.Body)).To(Equal("sealed"))
	})

	It("says that nobody is there", func() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		Expect(err).NotTo(HaveOccurred())
		Expect(l.Close()).To(Succeed())
		route, err := lean.NewRoute(http.MethodGet, "http://"+l.Addr().String())
		Expect(err).NotTo(HaveOccurred())
		_, err = (&lean.Conn{}).Exchange(route, nil)
		var none *lean.Error
		Expect(errors.As(err, &none)).To(BeTrue())
		Expect(none.Kind).To(Equal(lean.Refused))
	})

	DescribeTable("is not opened to a URL that cannot be asked",
		func(url string, headers ...string) {
			_, err := lean.NewRoute(http.MethodGet, url, headers...)
			var wrong *lean.URLError
			Expect(errors.As(err, &wrong)).To(BeTrue())
		},
		Entry("malformed", "http://[::1"), Entry("of another scheme", "ftp://host/"), Entry("without a host", "http:///path"), Entry("with a password", "http://me:secret@host/"),
		Entry("with a line break in a header", "http://host/", "X: y\r\nZ: z"),
	)
})

// FuzzExchange reads any bytes: nothing breaks, nothing is beyond the bounds, and what is read does not depend on the pieces in which it came. What comes behind
// an answer is seen only where it is there already; in pieces, it is still to come.
func FuzzExchange(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nx",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 200 OK\nA:b\n\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/1.1 200 \nContent-Length:01 \n\r\n000000",
	} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, piece int) {
		resp, err := exchange(text, 1+(piece&0xff), false)
		if err != nil {
			return
		}
		again, err := exchange(text, 1<<20, false)
		if err != nil && strings.HasSuffix(err.Error(), "came behind it") {
			return
		}
		if err != nil || again.Status != resp.Status || !bytes.Equal(again.Body, resp.Body) {
			t.Fatalf("%q in pieces is %d %q, and whole %+v, %v", text, resp.Status, resp.Body, again, err)
		}
		if len(resp.Body) > lean.MaxBody || len(resp.Head) > lean.MaxHead+4096 {
			t.Fatalf("a body of %d bytes, a head of %d", len(resp.Body), len(resp.Head))
		}
	})
}
