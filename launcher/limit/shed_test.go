package limit

import (
	"os"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// shedding is a shedder with a clock, a memory and a dice of ours.
type shedding struct {
	*Shedder
	now       time.Time
	memory    int64
	random    float64
	collected chan struct{}
}

func newShedding(t *testing.T, o ShedderOptions) *shedding {
	s := &shedding{now: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), collected: make(chan struct{}, 1000)}
	o.Now = func() time.Time { return s.now }
	o.Memory = func() int64 { return s.memory }
	o.Random = func() float64 { return s.random }
	o.Watch = -1
	o.Collect = func() { s.collected <- struct{}{} }
	s.Shedder = NewShedder(o)
	t.Cleanup(s.Stop)
	return s
}

// admits lets 0.1 s pass and returns which classes are taken: of read, submit and heavy.
func (s *shedding) admits() string {
	s.work.Wait() // a collection under way reads the clock
	s.now = s.now.Add(100 * time.Millisecond)
	taken := ""
	for _, c := range []Class{Read, Submit, Heavy} {
		if place, _, ok := s.Admit(c); ok {
			taken += c.String()[:1]
			place.Leave()
		}
	}
	return taken
}

// Heavy requests go at 90 % of the memory, submissions at 95 %, reads at 100 %, and each is taken again
// below 90 % of that: 81, 85.5 and 90 %.
func TestSheddingByMemory(t *testing.T) {
	s := newShedding(t, ShedderOptions{MaxMemory: 1000})
	for _, step := range []struct {
		memory int64
		taken  string
	}{
		{0, "rsh"}, {899, "rsh"}, {900, "rs"}, {899, "rs"}, {949, "rs"}, {950, "r"}, {999, "r"}, {1000, ""}, {5000, ""},
		{999, ""}, {900, ""}, {899, "r"}, {855, "r"}, {854, "rs"}, {810, "rs"}, {809, "rsh"}, {899, "rsh"},
	} {
		s.memory = step.memory
		if taken := s.admits(); taken != step.taken {
			t.Errorf("%d of 1000 bytes: takes %q, not %q", step.memory, taken, step.taken)
		}
		if stats := s.Stats(); stats.Memory != step.memory || stats.Refusing != (step.taken != "rsh") {
			t.Errorf("%d of 1000 bytes: %+v", step.memory, stats)
		}
	}
}

// The memory is looked at every 0.1 s at most, whatever comes.
func TestMemoryIsLookedAtSometimes(t *testing.T) {
	var looks atomic.Int64
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	s := NewShedder(ShedderOptions{MaxMemory: 1000, Now: func() time.Time { return now }, Memory: func() int64 { looks.Add(1); return 0 }})
	defer s.Stop()
	for range 1000 { // a second
		place, _, ok := s.Admit(Read)
		if !ok {
			t.Fatal("refused")
		}
		place.Leave()
		now = now.Add(time.Millisecond)
	}
	if n := looks.Load(); n != 10 {
		t.Errorf("looked %d times in a second", n)
	}
}

// While it refuses for want of memory, memory is given back, once a second at most.
func TestMemoryIsGivenBack(t *testing.T) {
	s := newShedding(t, ShedderOptions{MaxMemory: 1000})
	s.memory = 999
	for range 50 { // 5 s
		s.admits()
	}
	s.work.Wait()
	if n := len(s.collected); n != 5 {
		t.Errorf("given back %d times in 5 s", n)
	}
	s.memory = 0
	for range 50 {
		s.admits()
	}
	if n := len(s.collected); n > 6 {
		t.Errorf("given back %d times with all memory free", n)
	}
}

// Each class has its own bound of requests at a time; a request that is done makes room for one.
func TestSheddingByRequestsInFlight(t *testing.T) {
	s := newShedding(t, ShedderOptions{InFlight: [classes]int{Read: 3, Submit: 2, Heavy: 1}})
	var open []*Place
	for c, most := range map[Class]int{Read: 3, Submit: 2, Heavy: 1} {
		for i := range most + 2 {
			place, retry, ok := s.Admit(c)
			if ok != (i < most) || ok != (place != nil) || ok != (retry == 0) {
				t.Errorf("%v %d: %v, %v", c, i+1, ok, retry)
			}
			if ok {
				open = append(open, place)
			}
		}
	}
	stats := s.Stats()
	if stats.InFlight[Read] != 3 || stats.InFlight[Submit] != 2 || stats.InFlight[Heavy] != 1 ||
		stats.Shed[Read] != 2 || stats.Shed[Submit] != 2 || stats.Shed[Heavy] != 2 || stats.Refusing {
		t.Errorf("%+v", stats)
	}
	for _, place := range open {
		place.Leave()
		place.Leave() // does nothing more
	}
	for c, n := range s.Stats().InFlight {
		if n != 0 {
			t.Errorf("%v: %d in flight after all are done", c, n)
		}
	}
}

// Who is refused comes back after 1 to 5 s.
func TestRetryAfterHasJitter(t *testing.T) {
	s := newShedding(t, ShedderOptions{InFlight: [classes]int{1, 1, 1, 1}})
	place, _, _ := s.Admit(Read)
	defer place.Leave()
	for random, want := range map[float64]time.Duration{0: time.Second, 0.5: 3 * time.Second, 0.75: 4 * time.Second} {
		s.random = random
		if _, retry, ok := s.Admit(Read); ok || retry != want {
			t.Errorf("for %v: %v", random, retry)
		}
	}
}

// Never more at a time than allowed, however many come (for the race detector too).
func TestShedderManyAtOnce(t *testing.T) {
	s := NewShedder(ShedderOptions{MaxMemory: 1 << 50, InFlight: [classes]int{Submit: 5}})
	defer s.Stop()
	var inside, most atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 200 {
				place, _, ok := s.Admit(Submit)
				if !ok {
					continue
				}
				if n := inside.Add(1); n > most.Load() {
					most.Store(n)
				}
				inside.Add(-1)
				place.Leave()
			}
		})
	}
	all.Wait()
	if most.Load() > 5 || s.Stats().InFlight[Submit] != 0 {
		t.Errorf("%d at a time, %+v afterwards", most.Load(), s.Stats())
	}
}

// Memory that is really taken is seen and shed for; once it is dropped, the shedder's own collection
// makes everything normal again within 10 s, with no other work that would start one.
func TestOverloadPasses(t *testing.T) {
	const bytes = 64 << 20
	// What the runtime holds: the resident memory of a test under the race detector has its records in it.
	base, resident := held(), InUse()
	s := NewShedder(ShedderOptions{MaxMemory: base + bytes/2, Every: time.Millisecond, Memory: held})
	defer s.Stop()
	hoard := make([]byte, bytes)
	for i := 0; i < len(hoard); i += 4096 {
		hoard[i] = 1
	}
	if _, _, ok := s.Admit(Heavy); ok {
		t.Errorf("a heavy request was taken at %d of %d bytes", held(), base+bytes/2)
	}
	if grown := InUse() - resident; grown < bytes*3/4 {
		t.Errorf("with %d bytes more the resident memory is only %d larger", bytes, grown)
	}
	runtime.KeepAlive(hoard)
	poll, deadline := time.NewTicker(5*time.Millisecond), time.After(10*time.Second)
	defer poll.Stop()
	for {
		if place, _, ok := s.Admit(Heavy); ok {
			place.Leave()
			return
		}
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("10 s later %d bytes are held, %d at the start", held(), base)
		}
	}
}

// What we measure is what the system's own summary for people says, within 4 MiB.
func TestInUseIsResidentMemory(t *testing.T) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		if held() < 1<<20 {
			t.Errorf("without /proc: %d bytes", held())
		}
		return
	}
	kilobytes, err := strconv.ParseInt(string(regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if off := InUse() - kilobytes<<10; off < -4<<20 || off > 4<<20 {
		t.Errorf("%d bytes in use, %d kB resident", InUse(), kilobytes)
	}
}

func TestResidentPages(t *testing.T) {
	for text, want := range map[string]int64{"1000 250 30 4 0 50 0\n": 250, "": 0, "7": 0, "1 x": 0, "1 -2": 0} {
		if pages, ok := residentPages([]byte(text)); ok != (want > 0) || ok && pages != want {
			t.Errorf("%q: %d, %v", text, pages, ok)
		}
	}
}

func BenchmarkAdmit(b *testing.B) {
	s := NewShedder(ShedderOptions{MaxMemory: 1 << 50})
	defer s.Stop()
	for b.Loop() {
		place, _, ok := s.Admit(Read)
		if !ok {
			b.Fatal("refused")
		}
		place.Leave()
	}
}
