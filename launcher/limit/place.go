package limit

import "time"

// Place is a request among those in flight. It is of no class's business any more once it has left. One
// goroutine at a time may use it.
type Place struct {
	shedder *Shedder
	class   Class
	tenant  string // "": not known yet
	left    bool
}

// Admit asks whether the launcher can take a request. If so, Leave must be called when it is done; if not,
// its sender should come back after retryAfter, 1 to 5 s with jitter, lest all come back at once.
func (s *Shedder) Admit(c Class) (p *Place, retryAfter time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p = &Place{shedder: s, class: c}
	if !s.enter(p, c) {
		return nil, s.refused(c), false
	}
	return p, 0, true
}

// Of says whose request it is. No tenant has more than half of the places of a class: who asks much, or
// sends bodies that never end, shuts nobody else out. Not ok: leave.
func (p *Place) Of(tenant string) (retryAfter time.Duration, ok bool) {
	s := p.shedder
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ofTenant(tenant, p.class) >= s.half(p.class) {
		return s.refused(p.class), false
	}
	p.tenant = tenant
	s.count(tenant, p.class, 1)
	return 0, true
}

// Move goes on to a class of which the request is from now on. Not ok: it has stayed where it was.
func (p *Place) Move(c Class) (retryAfter time.Duration, ok bool) {
	s := p.shedder
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.left || p.tenant != "" && s.ofTenant(p.tenant, c) >= s.half(c) {
		return s.refused(c), false
	}
	next := &Place{shedder: s, tenant: p.tenant}
	if !s.enter(next, c) {
		return s.refused(c), false
	}
	s.leave(p)
	p.class, p.left = c, false
	return 0, true
}

// Leave gives the place back; more calls do nothing.
func (p *Place) Leave() {
	s := p.shedder
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(p)
}

// enter counts a request in a class if there is room. Called with the lock held, as are those below.
func (s *Shedder) enter(p *Place, c Class) bool {
	s.measure()
	if s.refusing[c] || s.inFlight[c] >= s.options.InFlight[c] {
		return false
	}
	p.class = c
	s.inFlight[c]++
	s.count(p.tenant, c, 1)
	return true
}

func (s *Shedder) leave(p *Place) {
	if p.left {
		return
	}
	p.left = true
	s.inFlight[p.class]--
	s.count(p.tenant, p.class, -1)
}

// refused counts a refusal and says how long its sender should stay away.
func (s *Shedder) refused(c Class) time.Duration {
	s.shed[c]++
	return time.Second + time.Duration(s.options.Random()*float64(4*time.Second))
}

// half of a class's places, rounded up: one tenant's share.
func (s *Shedder) half(c Class) int { return (s.options.InFlight[c] + 1) / 2 }

func (s *Shedder) ofTenant(tenant string, c Class) int {
	if n := s.tenants[tenant]; n != nil {
		return n[c]
	}
	return 0
}

// count changes how many requests a tenant has in flight. Those without any are not kept.
func (s *Shedder) count(tenant string, c Class, by int) {
	if tenant == "" {
		return
	}
	n := s.tenants[tenant]
	if n == nil {
		n = &[classes]int{}
		s.tenants[tenant] = n
	}
	if n[c] += by; *n == [classes]int{} {
		delete(s.tenants, tenant)
	}
}
