package stage

import (
	"net/http"

	"countersign/conformance/catalog"
)

// wrongs are what is wrong with honest hosts, by their names.
type wrongs struct {
	handlers map[string][]func(http.Handler) http.Handler
	lifted   map[string][]catalog.ID
}

// Alter puts something around the program of a host, which makes mistakes by it and remains honest: the oracles go on to protect it, and to hold it to
// its promises. A panic of it ends the connection, as it does with net/http; that of an actor whom nobody has altered ends the world, as it is a mistake of ours.
// It has to be done before the world runs.
func (st *Stage) Alter(host string, around func(http.Handler) http.Handler) {
	if st.wrong.handlers == nil {
		st.wrong.handlers = map[string][]func(http.Handler) http.Handler{}
	}
	st.wrong.handlers[host] = append(st.wrong.handlers[host], around)
}

// Altered reports whether something was put around the program of a host, which may remember what no store shows.
func (st *Stage) Altered(host string) bool { return len(st.wrong.handlers[host]) > 0 }

// Lift lifts guards of the actor on one host alone. It has to be done before the world runs.
func (st *Stage) Lift(host string, ids ...catalog.ID) {
	if st.wrong.lifted == nil {
		st.wrong.lifted = map[string][]catalog.ID{}
	}
	st.wrong.lifted[host] = append(st.wrong.lifted[host], ids...)
}

func (w wrongs) around(host string, handler http.Handler) http.Handler {
	if len(w.handlers[host]) == 0 {
		return handler
	}
	for _, around := range w.handlers[host] {
		handler = around(handler)
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				panic(http.ErrAbortHandler)
			}
		}()
		handler.ServeHTTP(rw, r)
	})
}
