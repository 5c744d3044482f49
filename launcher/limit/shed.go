package limit

import (
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// Class is what a request costs the launcher.
type Class int

// The classes, cheapest first.
const (
	Read    Class = iota // one look into the store
	Receive              // a body on its way here, at its sender's pace
	Submit               // a body that is here: its check, a durable write
	Heavy                // a query over results
	classes
)

// String names a class as metrics do.
func (c Class) String() string {
	return [...]string{"read", "receive", "submit", "heavy"}[c]
}

// pressure is at which share of its memory the launcher refuses a class: what costs most goes first,
// and looking at what runs stays possible longest. It takes the class again when memory has fallen
// below relief times that: one threshold alone would make it flutter.
var pressure = [classes]float64{Read: 1, Receive: 0.95, Submit: 0.95, Heavy: 0.9}

const relief = 0.9

// ease is the share of its memory from which on the launcher has the runtime give back what it does not
// use. It lies below what any class needs to be taken again, so that garbage alone refuses nobody for long.
const ease = 0.75

// ShedderOptions of NewShedder. Zero bounds take the defaults.
type ShedderOptions struct {
	MaxMemory int64            // bytes of this process; 0: no bound
	InFlight  [classes]int     // requests at a time, by Class; default 512, 1024, 512, 32
	Memory    func() int64     // bytes in use; default: InUse
	Collect   func()           // gives memory back; default: debug.FreeOSMemory
	Every     time.Duration    // how old a measurement may be; default 100 ms
	Watch     time.Duration    // between two looks at the memory while nobody asks; default 1 s; negative: none
	Now       func() time.Time // default: time.Now
	Random    func() float64   // in [0, 1); default: rand.Float64
}

// Shedder refuses requests before the launcher runs out of memory or loses itself in too many at once.
// It is safe for concurrent use.
type Shedder struct {
	options ShedderOptions
	work    sync.WaitGroup // the watch, and a collection under way
	end     chan struct{}  // closed: the watch ends

	mu         sync.Mutex
	inFlight   [classes]int
	tenants    map[string]*[classes]int // requests in flight of each tenant that has any
	shed       [classes]int64
	measured   time.Time
	memory     int64
	refusing   [classes]bool // for memory
	collecting bool
	collected  time.Time
	vain       int // collections in a row that did not bring the memory below ease
	stopped    bool
}

// collectEvery is how often memory is given back at most: a launcher with nothing to do allocates nothing,
// so that the runtime's own pace would keep it over a bound for minutes. While nobody is refused the pause
// doubles with each collection that was in vain, up to collectSeldom: the memory is in use then.
const (
	collectEvery  = time.Second
	collectSeldom = time.Minute
)

// defaultInFlight bounds requests at a time. Two cores answer several thousand cheap requests a second:
// more than this waiting means that they come faster than they go. A body on its way costs a connection
// and what Bytes counts.
var defaultInFlight = [classes]int{Read: 512, Receive: 1024, Submit: 512, Heavy: 32}

// NewShedder returns a shedder that has nothing in flight.
func NewShedder(o ShedderOptions) *Shedder {
	for c, n := range o.InFlight {
		if n <= 0 {
			o.InFlight[c] = defaultInFlight[c]
		}
	}
	if o.Memory == nil {
		o.Memory = InUse
	}
	if o.Collect == nil {
		o.Collect = debug.FreeOSMemory
	}
	if o.Every <= 0 {
		o.Every = 100 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Watch == 0 {
		o.Watch = time.Second
	}
	s := &Shedder{options: o, end: make(chan struct{}), tenants: map[string]*[classes]int{}}
	if o.MaxMemory > 0 && o.Watch > 0 {
		s.work.Go(s.watch)
	}
	return s
}

// watch looks at the memory while nobody asks, so that an idle launcher is normal again by itself.
func (s *Shedder) watch() {
	tick := time.NewTicker(s.options.Watch)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.mu.Lock()
			s.measure()
			s.mu.Unlock()
		case <-s.end:
			return
		}
	}
}

// Stop ends what runs beside requests and waits for it. It may be called twice.
func (s *Shedder) Stop() {
	s.mu.Lock()
	if !s.stopped {
		s.stopped = true
		close(s.end)
	}
	s.mu.Unlock()
	s.work.Wait()
}

// ShedderStats is where a shedder stands.
type ShedderStats struct {
	Memory   int64           // bytes in use, as last measured
	InFlight map[Class]int   // requests admitted and not done
	Shed     map[Class]int64 // requests refused, ever
	Refusing bool            // it refuses some class for want of memory
}

// Stats measures and returns where the shedder stands.
func (s *Shedder) Stats() ShedderStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.measure()
	stats := ShedderStats{Memory: s.memory, InFlight: map[Class]int{}, Shed: map[Class]int64{}}
	for c := range classes {
		stats.InFlight[c], stats.Shed[c] = s.inFlight[c], s.shed[c]
		stats.Refusing = stats.Refusing || s.refusing[c]
	}
	return stats
}

// measure looks at the memory in use if the last look is too old, and decides what to refuse. It is
// called with the lock held: a look takes microseconds.
func (s *Shedder) measure() {
	now := s.options.Now()
	if s.options.MaxMemory <= 0 || !s.measured.IsZero() && now.Sub(s.measured) < s.options.Every {
		return
	}
	s.measured, s.memory = now, s.options.Memory()
	share := float64(s.memory) / float64(s.options.MaxMemory)
	short := share >= ease
	for c := range classes {
		bound := pressure[c]
		if s.refusing[c] {
			bound *= relief
		}
		s.refusing[c] = share >= bound
	}
	if !short {
		s.vain = 0
		return
	}
	s.collect(now)
}

// pause is how long after a collection the next one may begin. Called with the lock held.
func (s *Shedder) pause() time.Duration {
	if s.refusing[Heavy] || s.vain == 0 { // the first class to be refused is the last to be taken again
		return collectEvery
	}
	return min(collectEvery<<min(s.vain-1, 10), collectSeldom)
}

// collect has memory given back beside the requests. Called with the lock held.
func (s *Shedder) collect(now time.Time) {
	if s.collecting || s.stopped || !s.collected.IsZero() && now.Sub(s.collected) < s.pause() {
		return
	}
	s.collecting = true
	s.vain++
	s.work.Go(func() {
		s.options.Collect()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.collecting, s.collected, s.measured = false, s.options.Now(), time.Time{}
	})
}
