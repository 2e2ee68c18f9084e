package mobile

import (
	"fmt"
	"net/http"
	"time"

	"countersign/conformance"
	"countersign/conformance/jose"
)

// readingPause is more than the second for which a system need not read its keys again because of a kid that it does not know: section 5.2.
const readingPause = 1200 * time.Millisecond

// longKept is a cache_lifetime of sealing keys that does not pass within a check.
const longKept = 300

// newKey is a sealing key of a name that was never used.
func (t *systemTest) newKey() jose.Key { return t.newSealingKey(t.Fresh("key", 9)) }

// MO-BS-28
func (t *systemTest) newKeyFetchedWhenNamed() {
	t.server.offer(longKept, t.key)
	t.opens(t.sharedPass(t.alice()), control)
	keys := []jose.Key{t.key}
	for _, when := range []string{"a first", "a second"} {
		t.Advance(readingPause)
		key := t.newKey()
		keys = append([]jose.Key{key}, keys...)
		t.server.offer(longKept, keys...)
		t.opens(t.under(t.sharedPass(t.alice()), key), "a token under a new key, after "+when+" rotation")
	}
}

// MO-BS-29
func (t *systemTest) oldAndNewKeyOpen() {
	first, second := t.newKey(), t.newKey()
	t.Advance(readingPause)
	for _, set := range [][]jose.Key{{first, t.key}, {second, first, t.key}} {
		t.server.offer(0, set...)
		for range 2 {
			for i, key := range set {
				t.opens(t.under(t.sharedPass(t.alice()), key), fmt.Sprintf("a token under the key %d of a set of %d", i+1, len(set)))
			}
		}
		t.Advance(readingPause)
	}
}

// MO-BS-30
func (t *systemTest) withdrawnKeyOpensNothing() {
	t.withdrawn("a set with a cache_lifetime of 2", 2, 4*time.Second)
	t.withdrawn("a set without cache_lifetime", -1, 0)

	t.server.offer(0, t.key)
	t.opens(t.sharedPass(t.alice()), "a token under a key of a set with a cache_lifetime of 0")
	t.server.behave(atSealingKeys, conduct{status: http.StatusInternalServerError, raw: "{}"})
	t.outage(t.show(t.sharedPass(t.alice())), "a resource request with a token under a key whose cache_lifetime has passed, while the keys cannot be read")
	t.server.behave(atSealingKeys, conduct{})

	t.withdrawn("a set with a cache_lifetime of 3000, which counts as 300", 3000, 302*time.Second)
}

// withdrawn wants a key to open nothing when it was withdrawn from a set and the set's cache_lifetime has passed. Where so much time cannot pass, nothing is wanted.
func (t *systemTest) withdrawn(from string, lifetime int64, wait time.Duration) {
	t.Advance(readingPause)
	key := t.newKey()
	t.server.offer(lifetime, key, t.key)
	t.opens(t.under(t.sharedPass(t.alice()), key), "a token under a key of "+from)
	t.server.offer(0, t.key)
	if t.Passes(wait) {
		t.tokenRefused(t.show(t.under(t.sharedPass(t.alice()), key)), "a token under a key that was withdrawn from "+from+", when that has passed")
		t.opens(t.sharedPass(t.alice()), "a token under the key that was not withdrawn")
	}
}

// MO-BS-31
func (t *systemTest) unknownKeysCauseNoStorm() {
	t.Advance(readingPause)
	key := t.newKey()
	t.server.offer(longKept, key, t.key)
	t.opens(t.under(t.sharedPass(t.alice()), key), "a token under a key that is new in the set, as a control")
	t.madeUpKeys("", t.tokenRefused)
	t.opens(t.under(t.sharedPass(t.alice()), key), "a token under a key of the set, after that")

	t.madeUpKeysUnread(", while the keys cannot be read")

	t.Advance(readingPause)
	key = t.newKey()
	t.server.offer(0, key, t.key)
	t.opens(t.under(t.sharedPass(t.alice()), key), "a token under a key that is new in a set with a cache_lifetime of 0")
	t.madeUpKeys(", after a set with a cache_lifetime of 0", t.tokenRefused)
	t.opens(t.under(t.sharedPass(t.alice()), key), "a token under a key of that set, after that")
	t.madeUpKeysUnread(", after a set with a cache_lifetime of 0, while the keys cannot be read")
	t.opens(t.under(t.sharedPass(t.alice()), key), "a token under a key of that set, when the keys can be read again")
}

// madeUpKeysUnread is madeUpKeys while the keys cannot be read.
func (t *systemTest) madeUpKeysUnread(when string) {
	t.server.behave(atSealingKeys, conduct{status: http.StatusInternalServerError, raw: "{}"})
	t.madeUpKeys(when, func(resp *conformance.Response, what string) { t.outage(resp, "a resource request with "+what) })
	t.server.behave(atSealingKeys, conduct{})
}

// madeUpKeys shows tokens under keys that there are not, one by one and at once, and counts the readings of keys that they cause.
func (t *systemTest) madeUpKeys(when string, refused func(*conformance.Response, string)) {
	t.Advance(readingPause)
	mark, begun := t.server.Mark(), t.Env.Now()
	made := func() pass { return t.under(t.sharedPass(t.alice()), t.newKey()) }
	for range 8 {
		refused(t.show(made()), "a token under a made-up kid"+when)
	}
	var together []*http.Request
	for range 8 {
		together = append(together, t.resourceRequest(http.MethodGet, made()))
	}
	for _, resp := range t.TryTogether("app", together...) {
		if resp == nil {
			t.Fail("a complete answer to each of eight requests at once with tokens under made-up kids"+when, "none to one of them")
		}
		refused(resp, "a token under a made-up kid"+when)
	}
	took := t.Env.Now().Sub(begun)
	readings, most := t.server.asked(atSealingKeys, mark), 1+int((took+time.Second-1)/time.Second)
	if len(readings) > most {
		t.FailAt(readings[most].exchange, fmt.Sprintf("%d readings of keys at most for sixteen tokens under made-up kids in %.1f s%s, which is one a second", most, took.Seconds(), when), fmt.Sprint(len(readings)))
	}
}
