package hostile

import (
	"fmt"
	"strings"
)

// saying is a behaviour that sends what it makes of the honest answer, and closes the connection.
func saying(name string, text func(*Exchange) string) Behaviour {
	return Behaviour{Name: name, Answer: func(e *Exchange) { e.say(text(e)) }}
}

// constant is a behaviour that says the same whatever it is asked.
func constant(name, text string) Behaviour {
	return saying(name, func(*Exchange) string { return text })
}

// harmless marks a behaviour.
func harmless(b Behaviour) Behaviour {
	b.Harmless = true
	return b
}

// beside marks a behaviour.
func beside(b Behaviour) Behaviour {
	b.Beside = true
	return b
}

// Behaviours are all of them, each with a name of its own.
func Behaviours() []Behaviour {
	var all []Behaviour
	for _, some := range [][]Behaviour{ends(), lengths(), chunks(), drips(), protocols(), answersOfOthers(), statuses(), headers(), codings(), redirects(), cookies(), documents(), pages(), binaries()} {
		all = append(all, some...)
	}
	return all
}

// CutAt ends the connection behind that many bytes of the honest answer: with a reset, or as one that is content.
func CutAt(offset int, reset bool) Behaviour {
	how := "hangs up"
	if reset {
		how = "resets the connection"
	}
	return Behaviour{Name: fmt.Sprintf("%s behind byte %d", how, offset), Answer: func(e *Exchange) {
		text := e.Honest.text()
		e.say(text[:min(offset, len(text)-1)])
		if reset {
			e.reset()
		}
	}}
}

func ends() []Behaviour {
	anywhere := func(name string, reset bool) Behaviour {
		return Behaviour{Name: name, Answer: func(e *Exchange) { CutAt(e.Random.IntN(len(e.Honest.text())), reset).Answer(e) }}
	}
	return []Behaviour{
		{Name: "says nothing", Answer: (*Exchange).hold},
		{Name: "resets the connection", Answer: (*Exchange).reset},
		{Name: "hangs up", Answer: func(*Exchange) {}},
		anywhere("hangs up at some byte of its answer", false),
		anywhere("resets the connection at some byte of its answer", true),
	}
}

func lengths() []Behaviour {
	length := func(name, said string) Behaviour {
		return saying(name, func(e *Exchange) string {
			return e.Honest.head("Content-Length") + "Content-Length: " + said + "\r\n\r\n" + string(e.Honest.Body)
		})
	}
	return []Behaviour{
		saying("promises one byte more than it sends", func(e *Exchange) string {
			return e.Honest.head("Content-Length") + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(e.Honest.Body)+1, e.Honest.Body)
		}),
		{Name: "promises one byte more and keeps the connection open", Answer: func(e *Exchange) {
			e.say(e.Honest.head("Content-Length") + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(e.Honest.Body)+1, e.Honest.Body))
			e.hold()
		}},
		saying("promises half of what it sends", func(e *Exchange) string {
			return e.Honest.head("Content-Length") + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(e.Honest.Body)/2, e.Honest.Body)
		}),
		length("promises a negative number of bytes", "-1"),
		length("promises a number of bytes that is no number", "many"),
		length("promises more bytes than a number can hold", "99999999999999999999999"),
		{Name: "sends 10 GiB", Answer: func(e *Exchange) {
			e.say(e.Honest.head("Content-Length") + fmt.Sprintf("Content-Length: %d\r\n\r\n", 10<<30))
			e.forever(strings.Repeat("x", 64<<10))
		}},
		{Name: "never ends its body", Answer: func(e *Exchange) {
			e.say(e.Honest.head("Content-Length") + "\r\n")
			e.forever(strings.Repeat(" ", 64<<10))
		}},
		saying("promises two different lengths", func(e *Exchange) string {
			return e.Honest.head("Content-Length") + fmt.Sprintf("Content-Length: %d\r\nContent-Length: 7\r\n\r\n%s", len(e.Honest.Body), e.Honest.Body)
		}),
	}
}

func chunks() []Behaviour {
	chunked := func(e *Exchange) string {
		return e.Honest.head("Content-Length") + "Transfer-Encoding: chunked\r\n\r\n"
	}
	chunk := func(name, text string) Behaviour {
		return saying(name, func(e *Exchange) string { return chunked(e) + text })
	}
	return []Behaviour{
		chunk("sends a chunk whose size is no number", "zz\r\n{}\r\n0\r\n\r\n"),
		chunk("sends a chunk whose size overflows", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
		chunk("sends a chunk of nine exabytes that breaks off", "7fffffffffffffff\r\n{}"),
		chunk("sends a chunk that is longer than it says", "1\r\n{}{}{}\r\n0\r\n\r\n"),
		chunk("never sends the last chunk", "2\r\n{}\r\n"),
		{Name: "never ends its chunks", Answer: func(e *Exchange) {
			e.say(chunked(e))
			e.forever("8000\r\n" + strings.Repeat("x", 0x8000) + "\r\n")
		}},
		{Name: "sends chunks of one byte with long extensions, without end", Answer: func(e *Exchange) {
			e.say(chunked(e))
			e.forever("1;" + strings.Repeat("e", 2000) + "\r\nx\r\n")
		}},
		{Name: "never ends its trailer", Answer: func(e *Exchange) {
			e.say(chunked(e) + "2\r\n{}\r\n0\r\n")
			e.forever("X-Trailer: " + strings.Repeat("x", 1000) + "\r\n")
		}},
		saying("sends both a length and chunks", func(e *Exchange) string {
			return e.Honest.head("Content-Length") + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nzz"
		}),
		saying("encodes the transfer in a way that nobody knows", func(e *Exchange) string {
			return e.Honest.head("Content-Length") + "Transfer-Encoding: rot13\r\n\r\n" + string(e.Honest.Body)
		}),
	}
}

func drips() []Behaviour {
	return []Behaviour{
		{Name: "lets its status line drip", Answer: func(e *Exchange) { e.drip("HTTP/1.1 200 " + strings.Repeat("O", 10000)) }},
		{Name: "lets its headers drip", Answer: func(e *Exchange) {
			e.say("HTTP/1.1 200 OK\r\n")
			e.drip(strings.Repeat("X-A: b\r\n", 10000))
		}},
		{Name: "lets its body drip", Answer: func(e *Exchange) {
			e.say(e.Honest.head("Content-Length") + "\r\n")
			e.drip(strings.Repeat(" ", 100000))
		}},
		{Name: "lets its chunks drip", Answer: func(e *Exchange) {
			e.say(e.Honest.head("Content-Length") + "Transfer-Encoding: chunked\r\n\r\n")
			e.drip(strings.Repeat("1\r\n \r\n", 20000))
		}},
		{Name: "sends interim answers for ever, slowly", Answer: func(e *Exchange) { e.drip(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 5000)) }},
	}
}

func protocols() []Behaviour {
	return []Behaviour{
		saying("speaks HTTP/0.9", func(e *Exchange) string { return string(e.Honest.Body) }),
		constant("speaks HTTP/2 where nobody asked for it", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"),
		harmless(saying("speaks HTTP/7.3", func(e *Exchange) string { return strings.Replace(e.Honest.text(), "HTTP/1.1", "HTTP/7.3", 1) })),
		constant("speaks another protocol", "SSH-2.0-OpenSSH_9.9\r\n"),
		constant("speaks TLS where plain HTTP was asked", "\x15\x03\x01\x00\x02\x02\x46"),
		constant("answers with random bytes", "\x8d\x00\xff\xfe\x01\x9b\x7f\x80\x00\x00\r\n\r\n\x00"),
		constant("sends nothing but line feeds", strings.Repeat("\r\n", 100)),
		harmless(saying("ends its lines with bare line feeds", func(e *Exchange) string {
			return strings.ReplaceAll(e.Honest.head("Content-Length"), "\r\n", "\n") + fmt.Sprintf("Content-Length: %d\n\n%s", len(e.Honest.Body), e.Honest.Body)
		})),
		saying("ends its lines with bare carriage returns", func(e *Exchange) string {
			return strings.ReplaceAll(e.Honest.head("Content-Length"), "\r\n", "\r") + "\r" + string(e.Honest.Body)
		}),
	}
}

func answersOfOthers() []Behaviour {
	return []Behaviour{
		harmless(Behaviour{Name: "answers one request twice", Answer: func(e *Exchange) {
			e.say(e.Honest.text() + e.Honest.text())
			e.hold()
		}}),
		harmless(Behaviour{Name: "sends an answer that nobody has asked for behind its own", Answer: func(e *Exchange) {
			e.say(e.Honest.text() + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
			e.hold()
		}}),
		harmless(saying("sends junk behind its answer", func(e *Exchange) string { return e.Honest.text() + strings.Repeat("junk", 1000) })),
		beside(saying("gives the answer of the request before", func(e *Exchange) string {
			if e.Before == nil {
				return (&Answer{Status: 200, Body: []byte("of another")}).text()
			}
			return e.Before.text()
		})),
	}
}
