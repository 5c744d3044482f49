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
	Read   Class = iota // one look into the store
	Submit              // a body, its check, a durable write
	Heavy               // a query over results
	classes
)

// String names a class as metrics do.
func (c Class) String() string {
	return [...]string{"read", "submit", "heavy"}[c]
}

// pressure is at which share of its memory the launcher refuses a class: what costs most goes first,
// and looking at what runs stays possible longest. It takes the class again when memory has fallen
// below relief times that: one threshold alone would make it flutter.
var pressure = [classes]float64{Read: 1, Submit: 0.95, Heavy: 0.9}

const relief = 0.9

// ShedderOptions of NewShedder. Zero bounds take the defaults.
type ShedderOptions struct {
	MaxMemory int64            // bytes of this process; 0: no bound
	InFlight  [3]int           // requests at a time, by Class; default 512, 256, 32
	Memory    func() int64     // bytes in use; default: InUse
	Collect   func()           // gives memory back; default: debug.FreeOSMemory
	Every     time.Duration    // how old a measurement may be; default 100 ms
	Now       func() time.Time // default: time.Now
	Random    func() float64   // in [0, 1); default: rand.Float64
}

// Shedder refuses requests before the launcher runs out of memory or loses itself in too many at once.
// It is safe for concurrent use.
type Shedder struct {
	options ShedderOptions
	work    sync.WaitGroup // a collection under way

	mu         sync.Mutex
	inFlight   [classes]int
	shed       [classes]int64
	measured   time.Time
	memory     int64
	refusing   [classes]bool // for memory
	collecting bool
	collected  time.Time
	stopped    bool
}

// collectEvery is how often the memory of refused work is given back while the launcher sheds load: it
// then allocates little, so that the runtime's own pace would keep it over the bound for minutes.
const collectEvery = time.Second

// defaultInFlight bounds requests at a time. Two cores answer several thousand cheap requests a second:
// more than this waiting means that they come faster than they go.
var defaultInFlight = [3]int{Read: 512, Submit: 256, Heavy: 32}

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
	return &Shedder{options: o}
}

// Stop waits for what runs beside requests. It may be called twice.
func (s *Shedder) Stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.work.Wait()
}

// Admit asks whether the launcher can take a request. If so, release must be called when it is done
// (more calls do nothing); if not, its sender should come back after retryAfter, 1 to 5 s with jitter,
// lest all come back at once.
func (s *Shedder) Admit(c Class) (release func(), retryAfter time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.measure()
	if s.refusing[c] || s.inFlight[c] >= s.options.InFlight[c] {
		s.shed[c]++
		return nil, time.Second + time.Duration(s.options.Random()*float64(4*time.Second)), false
	}
	s.inFlight[c]++
	return sync.OnceFunc(func() { s.release(c) }), 0, true
}

func (s *Shedder) release(c Class) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight[c]--
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
	short := false
	for c := range classes {
		bound := pressure[c]
		if s.refusing[c] {
			bound *= relief
		}
		s.refusing[c] = share >= bound
		short = short || s.refusing[c]
	}
	if short {
		s.collect(now)
	}
}

// collect has memory given back beside the requests. Called with the lock held.
func (s *Shedder) collect(now time.Time) {
	if s.collecting || s.stopped || !s.collected.IsZero() && now.Sub(s.collected) < collectEvery {
		return
	}
	s.collecting = true
	s.work.Go(func() {
		s.options.Collect()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.collecting, s.collected, s.measured = false, s.options.Now(), time.Time{}
	})
}
