package worldlint

import "strings"

// ban says why a name of a package has no place in a world, and what to use
// instead; "" if it may be used. Methods are written Type.Method.
func ban(pkg, name string) string {
	switch pkg {
	case "time":
		switch name {
		case "Now", "Since", "Until":
			return "reads the real clock: use the actor's clock"
		case "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker":
			return "waits in real time: sleep on the actor's clock"
		}
	case "context":
		switch name {
		case "WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause":
			return "counts real time: bound the wait by the actor's clock"
		case "AfterFunc":
			return "starts a goroutine: start a process of the world"
		}
	case "math/rand", "math/rand/v2":
		if !strings.HasPrefix(name, "New") && !strings.Contains(name, ".") && isFunction(name) {
			return "has no seed of the world: draw from the actor's entropy"
		}
	case "crypto/rand":
		return "has no seed of the world: draw from the actor's entropy"
	case "net/http":
		switch name {
		case "Get", "Post", "PostForm", "Head", "DefaultClient", "DefaultTransport":
			return "leaves the world's network: use the actor's client"
		case "ListenAndServe", "ListenAndServeTLS", "Serve", "ServeTLS",
			"Server.ListenAndServe", "Server.ListenAndServeTLS", "Server.Serve", "Server.ServeTLS":
			return "leaves the world's network: return an http.Handler"
		case "TimeoutHandler":
			return "counts real time and starts a goroutine: bound the wait by the actor's clock"
		}
	case "sync":
		switch name {
		case "WaitGroup.Go":
			return "starts a goroutine: start a process of the world"
		case "WaitGroup.Wait", "Cond.Wait":
			return "blocks the whole world: wait at a gate of the world"
		case "Map.Range":
			return "has no fixed order: keep a map and range over its sorted keys"
		}
	}
	return ""
}

// isFunction tells the functions of math/rand from its types, by name: the
// types only hold a stream that somebody seeded.
func isFunction(name string) bool {
	switch name {
	case "Rand", "Source", "Source64", "PCG", "ChaCha8", "Zipf":
		return false
	}
	return true
}
