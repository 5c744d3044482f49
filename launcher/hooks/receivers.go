package hooks

import (
	"sync"
	"time"
)

// When a receiver counts as away, and for how long it is spared.
const (
	awayAfter    = 3 // tries in a row without any answer
	awayFor      = 30 * time.Second
	maxReceivers = 1_000 // that are remembered
)

// receivers remembers who does not answer. Each try at one that is away takes its whole time, so that a
// thousand deliveries to it would keep all others waiting for an hour: while it is away one try at a
// time finds out whether it is back, and the other deliveries to it are put off.
type receivers struct {
	now func() time.Time

	mu  sync.Mutex
	all map[string]*receiver
}

type receiver struct {
	silent int       // tries in a row without an answer
	until  time.Time // away until then
	trying bool      // somebody finds out whether it is back
}

// ask says whether to try a receiver now; if not, how long to put the delivery off. Who may try tells
// report what came of it.
func (rs *receivers) ask(host string) (putOff time.Duration) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.all[host]
	switch {
	case r == nil || r.silent < awayAfter:
		return 0
	case r.trying:
		return awayFor
	case rs.now().Before(r.until):
		return r.until.Sub(rs.now())
	}
	r.trying = true
	return 0
}

// report tells whether a receiver answered, be it with a refusal.
func (rs *receivers) report(host string, answered bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r := rs.all[host]
	if answered {
		delete(rs.all, host)
		return
	}
	if r == nil {
		rs.forgetOne()
		r = &receiver{}
		rs.all[host] = r
	}
	r.silent++
	r.trying, r.until = false, rs.now().Add(awayFor)
}

// forgetOne makes room: a receiver that is forgotten is tried again.
func (rs *receivers) forgetOne() {
	for host := range rs.all {
		if len(rs.all) < maxReceivers {
			return
		}
		delete(rs.all, host)
	}
}
