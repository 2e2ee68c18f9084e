package office

import (
	"net/http"
	"time"

	"countersign/sim"
)

// curtain ends a play in which the authorization server would go on for ever: with a file that it watches, or with a device that is never wiped.
type curtain struct {
	*Stage
	host *sim.Host
	at   time.Duration // zero: only when a wipe is in vain
	// open are the wipes that are not acknowledged, by deviceid, and reports those that are on their way, by message.
	open    map[string]bool
	reports map[int]string
	waiting bool
}

// inVain is for how many minutes a wipe is watched.
const inVain = 6 * 60

func (st *Stage) newCurtain() *curtain {
	c := &curtain{Stage: st, open: map[string]bool{}, reports: map[int]string{}}
	c.host = st.Host("curtain", func(h *sim.Host) http.Handler {
		if c.at > 0 {
			h.Go("end of the play", func() {
				h.Clock().Sleep(c.at)
				c.fall()
			})
		}
		return nil
	})
	st.World.Tap(sim.TapFunc(func(_ *sim.World, m sim.Message) sim.Verdict {
		c.see(m)
		return sim.Verdict{}
	}))
	return c
}

// Curtain ends the play at a time.
func (st *Stage) Curtain(at time.Duration) { st.curtain.at = at }

// see keeps count of wipes.
func (c *curtain) see(m sim.Message) {
	leg := c.Leg(&m)
	switch {
	case m.Kind == sim.Request && leg == LegAcknowledgement:
		c.reports[m.ID] = read(m.Body).DeviceID
	case m.Kind == sim.Request:
	case leg == LegAcknowledgement && m.Status == http.StatusNoContent:
		delete(c.open, c.reports[m.InReplyTo])
	case leg == LegRegistration && m.Status == http.StatusOK:
		delete(c.open, read(m.Body).DeviceID)
	case leg == LegDeregistration && m.Status == http.StatusOK && members(m.Body)["wipe"] == "pending":
		c.open[read(m.Body).DeviceID] = true
		if !c.waiting {
			c.waiting = true
			c.host.Go("end of a wipe", c.wait)
		}
	}
}

// wait waits until all wipes are done, and no longer than six hours.
func (c *curtain) wait() {
	for range inVain {
		c.host.Clock().Sleep(time.Minute)
		if len(c.open) == 0 {
			c.waiting = false
			return
		}
	}
	c.fall()
}

func (c *curtain) fall() {
	c.Note(c.Server.Host, "is switched off, as the story ends here")
	c.Server.Host.Crash(-1)
}
