package limit

import (
	"context"
	"sync"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// DefaultBuckets is how many buckets a Local keeps unless told otherwise.
const DefaultBuckets = 100_000

// Local keeps the buckets in this process.
type Local struct {
	now   func() time.Time
	start time.Time
	most  int

	mu      sync.Mutex
	buckets map[string]bucket
}

// bucket is what is kept of a key.
type bucket struct {
	deficit int64
	at      int64 // microseconds since the limiter's start
	rate    int64 // of its tier then: when it is full may be told without the tier
}

// NewLocal returns a limiter that keeps at most so many buckets (0: DefaultBuckets). now is time.Now if
// nil.
func NewLocal(now func() time.Time, most int) *Local {
	if now == nil {
		now = time.Now
	}
	if most <= 0 {
		most = DefaultBuckets
	}
	return &Local{now: now, start: now(), most: most, buckets: map[string]bucket{}}
}

// Take implements Limiter.
func (l *Local) Take(_ context.Context, key string, t store.Tier) Decision {
	p, ok := paceOf(t)
	if !ok {
		return blocked(t)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().Sub(l.start).Microseconds()
	b, known := l.buckets[key]
	if !known && len(l.buckets) >= l.most {
		l.forgetOne(now)
	}
	deficit, allowed := p.take(p.refill(b.deficit, now-b.at))
	l.buckets[key] = bucket{deficit: deficit, at: max(now, b.at), rate: p.rate}
	return p.decide(t, deficit, allowed, now)
}

// Failures implements Limiter: a Local can always decide.
func (l *Local) Failures() int64 { return 0 }

// forgetOne makes room. Of a few buckets (a map is ranged over from a random place) it drops a full one,
// which loses nothing, else the one that will be full first.
func (l *Local) forgetOne(now int64) {
	var victim string
	var first int64
	looked := 0
	for key, b := range l.buckets {
		full := b.at + b.deficit/b.rate
		if looked == 0 || full < first {
			victim, first = key, full
		}
		if looked++; looked == 32 || first < now {
			break
		}
	}
	delete(l.buckets, victim)
}
