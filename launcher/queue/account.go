package queue

import (
	"math"
	"time"
)

// account is what a tenant or a simulation has had of the CPU tokens lately. A token-second counts
// less the longer ago it was:
//
//	d service/dt = rate - service * ln 2 / halfLife
//
// so that what somebody did an hour ago is forgotten, and whoever comes new starts with nothing.
type account struct {
	order    int64         // of its creation: breaks ties
	service  float64       // token-seconds attained, by weight and decayed to `at`
	rate     float64       // grows by so much a second: 1/weight for each token held
	at       time.Time     // of service
	held     int           // tokens
	waiting  int           // claims to one
	idle     time.Time     // since when it wants a token and holds none; zero: it does not
	lastTurn time.Duration // how long it held a token the last time
}

// Constants of the allocation.
const (
	halfLife = 60 * time.Second // of attained service
	patience = 5 * time.Second  // how long somebody may want a token and hold none, see patienceOf
)

func (a *account) standing() *account { return a }

// settle brings the service up to a time.
func (a *account) settle(now time.Time) {
	dt := now.Sub(a.at).Seconds()
	if dt <= 0 {
		return
	}
	lambda := math.Ln2 / halfLife.Seconds()
	left := math.Exp(-lambda * dt)
	a.service = a.service*left + a.rate*(1-left)/lambda
	a.at = now
}

// change books tokens taken (1) or given back (-1) with a weight, and claims made (1) or ended (-1).
func (a *account) change(now time.Time, tokens, claims int, weight float64) {
	a.settle(now)
	a.held += tokens
	a.waiting += claims
	a.rate += float64(tokens) / weight
	if a.held == 0 {
		a.rate = 0 // no dust of rounding
	}
	switch {
	case a.held > 0 || a.waiting == 0:
		a.idle = time.Time{}
	case a.idle.IsZero():
		a.idle = now
	}
}

// starves reports whether it has wanted a token for longer than it should have to.
func (a *account) starves(now time.Time, claimants, tokens int) bool {
	return !a.idle.IsZero() && now.Sub(a.idle) >= a.patienceOf(claimants, tokens)
}

// patienceOf is how long it may have to do without. One whose turns are long waits for as long as the
// others would need to have such a turn each: else coming late to its turn would be rewarded with most of
// the machine.
func (a *account) patienceOf(claimants, tokens int) time.Duration {
	return max(patience, a.lastTurn*time.Duration(claimants-1)/time.Duration(tokens))
}

// first picks who gets the next token: who starves, the longest first, else who has had least.
func first[T interface{ standing() *account }](claimants []T, now time.Time, tokens int) T {
	best := claimants[0]
	for _, c := range claimants[1:] {
		if c.standing().before(best.standing(), now, len(claimants), tokens) {
			best = c
		}
	}
	return best
}

func (a *account) before(b *account, now time.Time, claimants, tokens int) bool {
	hungry, also := a.starves(now, claimants, tokens), b.starves(now, claimants, tokens)
	switch {
	case hungry != also:
		return hungry
	case hungry && !a.idle.Equal(b.idle):
		return a.idle.Before(b.idle)
	case a.service != b.service:
		return a.service < b.service
	}
	return a.order < b.order
}
