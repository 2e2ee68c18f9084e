package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"countersign/conformance"
	"countersign/conformance/config"
)

// addresses examines where the harness plays parties: whether each address is one, and can be had on this machine now.
func (e *examination) addresses(ctx context.Context, flow conformance.Flow) {
	e.stageNames(flow)
	var elsewhere []announcement
	holder := map[string]string{}  // host and port -> party
	listens := map[string]string{} // where it is listened -> party
	seen := map[string]int{}       // origin -> how often
	for _, a := range e.setup(flow).Addresses() {
		origin := *a.Origin
		at := config.Place{}
		if places := e.config.Places(origin, "setup"); len(places) > 0 {
			at = places[min(seen[origin], len(places)-1)]
		}
		seen[origin]++
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
			e.wrong(at, "address-no-origin", fmt.Sprintf("%q is no address at which the harness can play %s", origin, a.Party), "write it as http://127.0.0.1:port")
			continue
		}
		if u.Path != "" || u.RawQuery != "" {
			e.wrong(at, "address-path", fmt.Sprintf("the address of %s, %s, has a path or a slash at its end, below which the harness does not play", a.Party, origin), "write "+u.Scheme+"://"+u.Host)
			continue
		}
		address, apart := e.config.Stage.At(a.Party, origin)
		if u.Port() == "" && !apart {
			e.wrong(at, "address-no-port", fmt.Sprintf("the address of %s, %s, has no port", a.Party, origin), "write it as "+origin+":8791")
			continue
		}
		if other, taken := holder[u.Host]; taken && u.Port() != "0" {
			e.wrong(at, "address-twice", fmt.Sprintf("the harness is to play %s and %s at the same address %s", other, a.Party, origin), "give one of them another port")
			continue
		}
		holder[u.Host] = a.Party
		if e.base != nil && u.Host == e.base.Host {
			e.wrong(at, "address-of-target", fmt.Sprintf("the harness is to play %s at %s, where the target is", a.Party, origin), "give the harness another port")
			continue
		}
		if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
			e.wrong(at, "address-unspecified", fmt.Sprintf("%s, the address of %s, is none that the target can call", origin, a.Party), "write the address by which the target reaches this machine")
			continue
		}
		if u.Scheme == "https" {
			e.shown(at, a.Party, u)
		}
		if apart {
			at = e.config.Place("stage", "listen", a.Party)
			if at.File == "" {
				at = e.config.Place("stage", "listen", origin)
			}
			if other, taken := listens[address]; taken {
				e.wrong(at, "listen-twice", fmt.Sprintf("the harness is to listen for %s and %s at the same address %s", other, a.Party, address), "give one of them another port")
				continue
			}
			elsewhere = append(elsewhere, announcement{a.Party, origin, at})
		}
		listens[address] = a.Party
		e.bind(at, a.Party, address)
	}
	e.follow(ctx, elsewhere)
}

// bind opens the address and gives it back.
func (e *examination) bind(at config.Place, party, address string) {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		_ = listener.Close()
		return
	}
	var dns *net.DNSError
	what := fmt.Sprintf("the harness cannot listen as %s at %s: ", party, address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		e.wrong(at, "address-taken", what+"the port is taken", "end the program that listens there, or write another port")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		e.wrong(at, "address-not-local", what+"the address is not one of this machine", "write one of this machine's, as http://127.0.0.1:port")
	case errors.Is(err, syscall.EACCES):
		e.wrong(at, "address-privileged", what+"the port is only for privileged programs", "write a port from 1024 on")
	case errors.As(err, &dns):
		e.wrong(at, "address-unknown-host", what+"the name of the host is unknown", "write an address of this machine's, as http://127.0.0.1:port")
	default:
		e.wrong(at, "address-unusable", what+"it cannot be listened at", "write a port from 1024 to 65535 of an address of this machine's")
	}
}

// reachOf warns of addresses that the target cannot reach, since they mean the target's own machine there.
func (e *examination) reachOf(doc *document) {
	if doc.local || e.config.Drive.Document != nil {
		return
	}
	var far []string
	at := config.Place{}
	for _, a := range e.setup(doc.flow).Addresses() {
		u, err := url.Parse(*a.Origin)
		if err == nil && loopback(u.Hostname()) {
			far = append(far, a.Party)
			if at.File == "" {
				at = e.config.PlaceOf(*a.Origin, "setup")
			}
		}
	}
	if len(far) > 0 {
		e.warn(at, "address-loopback", fmt.Sprintf("the target is not on this machine, and cannot reach what the harness plays on loopback: %s", strings.Join(far, ", ")),
			"write addresses by which the target reaches this machine, or let only roles be tested that call nobody")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// plays reports whether the harness is to play a party at that origin.
func (e *examination) plays(flow conformance.Flow, u *url.URL) bool {
	return slices.ContainsFunc(e.setup(flow).Addresses(), func(a conformance.Address) bool {
		o, err := url.Parse(*a.Origin)
		return err == nil && o.Host == u.Host
	})
}
