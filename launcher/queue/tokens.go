package queue

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"
)

// tokens shares the CPU among the simulations that run here: each variant takes one token while it is
// simulated, and there are as many as variants may run at a time.
//
// A token that is free goes to whoever has attained least service, first among the tenants with a claim,
// then among that tenant's simulations. Service decays (account), so a study of ten seconds behind one of
// an hour gets every token until it has caught up, and two long ones get equal shares. Who has wanted
// a token for long and held none comes first whatever it has had (account.patienceOf), so that a stream
// of short studies can't starve a long one. A token once given is not taken back.
//
// Fairness needs claims to choose between at the moment a token comes free: a simulation should ask for
// its next one while it still holds all the others.
//
// Two steps of priority double a simulation's share: its token-seconds count by weightOf, for itself
// and for its tenant, whose tier bounds the priority.
type tokens struct {
	now func() time.Time

	mu      sync.Mutex
	total   int
	free    int
	waiting int
	created int64
	tenants map[string]*tenant
}

// tenant is those shares that belong together.
type tenant struct {
	account
	shares []*share
}

// share is a simulation's part in the tokens, from join to leave.
type share struct {
	account
	tokens *tokens
	tenant *tenant
	weight float64
	claims []*tokenClaim // waiting, the oldest first
	turns  map[*turn]bool
	left   bool
}

// tokenClaim waits for one token.
type tokenClaim struct {
	granted chan struct{} // closed when it got its turn, or none because the simulation has left
	turn    *turn
}

// turn is one token held.
type turn struct{ since time.Time }

// errLeft is what a simulation hears that asks for tokens after its end.
var errLeft = errors.New("queue: the simulation takes no part in the tokens any more")

func newTokens(total int, now func() time.Time) *tokens {
	return &tokens{now: now, total: total, free: total, tenants: map[string]*tenant{}}
}

// weightOf is how much more than the default a simulation of a priority (0 .. 9) gets.
func weightOf(priority int) float64 { return math.Exp2(float64(priority-defaultPriority) / 2) }

const defaultPriority = 5

// join takes a simulation in.
func (t *tokens) join(tenantName string, priority int) *share {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
	group := t.tenants[tenantName]
	if group == nil {
		group = &tenant{account: t.account()}
		t.tenants[tenantName] = group
	}
	s := &share{account: t.account(), tokens: t, tenant: group, weight: weightOf(priority), turns: map[*turn]bool{}}
	group.shares = append(group.shares, s)
	return s
}

func (t *tokens) account() account {
	t.created++
	return account{order: t.created, at: t.now()}
}

// negligible is the service below which a tenant is as good as new.
const negligible = 0.01

// forget drops the tenants whose past no longer matters.
func (t *tokens) forget() {
	for name, group := range t.tenants {
		if group.settle(t.now()); len(group.shares) == 0 && group.service < negligible {
			delete(t.tenants, name)
		}
	}
}

// inUse counts the tokens held and the claims that wait for one.
func (t *tokens) inUse() (held, waiting int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total - t.free, t.waiting
}

// Acquire waits for a token. It is the caller's until release, which may be called twice.
func (s *share) Acquire(ctx context.Context) (release func(), err error) {
	claim, err := s.claim()
	if err != nil {
		return nil, err
	}
	select {
	case <-claim.granted:
	case <-ctx.Done():
		s.withdraw(claim)
		return nil, ctx.Err()
	}
	if claim.turn == nil {
		return nil, errLeft
	}
	return func() { s.release(claim.turn) }, nil
}

func (s *share) claim() (*tokenClaim, error) {
	t := s.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.left {
		return nil, errLeft
	}
	c := &tokenClaim{granted: make(chan struct{})}
	s.claims = append(s.claims, c)
	s.book(0, 1)
	t.grant()
	return c, nil
}

// withdraw gives a claim up, and its token if it has just got one.
func (s *share) withdraw(c *tokenClaim) {
	t := s.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.turn != nil {
		s.giveBack(c.turn)
		return
	}
	for i := range s.claims {
		if s.claims[i] == c {
			s.claims = append(s.claims[:i], s.claims[i+1:]...)
			s.book(0, -1)
			return
		}
	}
}

func (s *share) release(r *turn) {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.giveBack(r)
}

// giveBack ends a turn, if it has not ended.
func (s *share) giveBack(r *turn) {
	if !s.turns[r] {
		return
	}
	t := s.tokens
	delete(s.turns, r)
	took := t.now().Sub(r.since)
	s.lastTurn, s.tenant.lastTurn = took, took
	s.book(-1, 0)
	t.free++
	t.grant()
}

// leave ends the simulation's part: nobody waits for a token of it any more, and none stays with it.
func (s *share) leave() {
	t := s.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.left {
		return
	}
	s.left = true
	for _, c := range s.claims {
		s.book(0, -1)
		close(c.granted)
	}
	s.claims = nil
	for r := range s.turns {
		s.giveBack(r)
	}
	group := s.tenant
	for i := range group.shares {
		if group.shares[i] == s {
			group.shares = append(group.shares[:i], group.shares[i+1:]...)
			return
		}
	}
}

// book changes the accounts of the simulation and its tenant alike.
func (s *share) book(tokens, claims int) {
	now := s.tokens.now()
	s.change(now, tokens, claims, s.weight)
	s.tenant.change(now, tokens, claims, s.weight)
	s.tokens.waiting += claims
}

// grant gives out what is free.
func (t *tokens) grant() {
	for t.free > 0 && t.waiting > 0 {
		s := t.next()
		c := s.claims[0]
		s.claims = s.claims[1:]
		c.turn = &turn{since: t.now()}
		s.turns[c.turn] = true
		t.free--
		s.book(1, -1)
		close(c.granted)
	}
}

// next picks the simulation that gets a token; somebody waits.
func (t *tokens) next() *share {
	now := t.now()
	var tenants []*tenant
	for _, group := range t.tenants {
		if group.settle(now); group.waiting > 0 {
			tenants = append(tenants, group)
		}
	}
	group := first(tenants, now, t.total)
	var shares []*share
	for _, s := range group.shares {
		if s.settle(now); s.waiting > 0 {
			shares = append(shares, s)
		}
	}
	return first(shares, now, t.total)
}
