package engine

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// snapshotAt has one slot at each time.
func snapshotAt(t *testing.T, times []int64) *inventory.Snapshot {
	t.Helper()
	slots := make([]model.Slot, len(times))
	for i := range slots {
		slots[i] = model.Slot{ID: string(rune('a'+i%26)) + string(appendInt(nil, int64(i))), Time: model.Instant(times[i])}
	}
	snap, err := inventory.Build(slots, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// floorOf is floor(a*b/c) by math/big.
func floorOf(a, b, c int64) int64 {
	n := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	return n.Quo(n, big.NewInt(c)).Int64()
}

// TestRelease compares the instant at which a paced campaign is released with asking, at each slot, whether
// what it used is on schedule by the definition (semantics 7).
func TestRelease(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 0))
	for round := range 2_000 {
		times := make([]int64, 1+r.IntN(40))
		for i := range times {
			times[i] = 1_000 + r.Int64N(60)*r.Int64N(4)
		}
		slices.Sort(times)
		e := New(snapshotAt(t, times))
		first, last := times[0], times[len(times)-1]+1
		start := first - 30 + r.Int64N(60)
		c := candidate{campaign: &model.Campaign{Pacing: model.PacingEven}, terms: &terms{horizonStart: first, horizonEnd: last,
			start: start, end: start + 1 + r.Int64N(200), goal: 1 + r.Int64N(50), budget: r.Int64N(5_000)}}
		if round%2 == 0 {
			c.campaign.Pacing = model.PacingTraffic
		}
		switch r.IntN(4) {
		case 0:
			c.terms.goal = unset
		case 1:
			c.terms.budget = unset
		}
		if !c.terms.overlaps() {
			continue
		}
		p := e.newPace(&c)
		delivered, spent := r.Int64N(60), r.Int64N(6_000)
		passes := func(at int64) bool {
			if !p.traffic {
				return at >= p.release(delivered, spent)
			}
			after := p.after(delivered, spent)
			return after < int64(len(times)) && (after < 0 || times[after] < at)
		}
		for _, at := range times {
			if at < c.terms.start || at >= c.terms.end {
				continue
			}
			want := onSchedule(&c, times, c.terms.goal, delivered, at) && onSchedule(&c, times, c.terms.budget, spent, at)
			if got := passes(at); got != want {
				t.Fatalf("%s, %+v, used %d and %d: passes at %d: %v, want %v (slots at %v)", c.campaign.Pacing, c.terms, delivered, spent, at, got, want, times)
			}
		}
	}
}

// onSchedule is the definition.
func onSchedule(c *candidate, times []int64, whole, used, at int64) bool {
	if whole == unset {
		return true
	}
	t := c.terms
	d := t.end - t.start
	if c.campaign.Pacing == model.PacingEven {
		return used <= floorOf(whole, at-t.start, d)
	}
	s, x := max(t.start, t.horizonStart), min(t.end, t.horizonEnd)
	before, total := int64(0), int64(0)
	for _, slot := range times {
		if slot >= s && slot < x {
			total++
			if slot < at {
				before++
			}
		}
	}
	a, b := floorOf(whole, s-t.start, d), floorOf(whole, x-t.start, d)
	return used <= a+floorOf(b-a, before, total)
}

// TestWheel wakes campaigns at random instants and compares with a list of them.
func TestWheel(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	for _, span := range []int64{1, 5, 1 << 15, 1<<15 + 1, 1 << 16, 7 * 86_400 * microsPerSecond} {
		const start, cands = 1_000_000, 50
		var w wheel
		w.reserve(&meter{}, cands)
		w.reset(start, start+span)
		due := map[int]int64{}
		now := int64(start)
		for range 3_000 {
			if now += r.Int64N(1 + span/500); now >= start+span {
				break
			}
			if now >= w.wakeAt {
				w.wake(now, func(rank int) {
					if at, ok := due[rank]; !ok || at > now {
						t.Fatalf("span %d: %d woken at %d, due %d", span, rank, now, at)
					}
					delete(due, rank)
				})
			}
			for rank, at := range due {
				if at <= now {
					t.Fatalf("span %d: %d due %d is asleep at %d", span, rank, at, now)
				}
			}
			rank := r.IntN(cands)
			if _, asleep := due[rank]; !asleep && now+1 < start+span {
				due[rank] = now + 1 + r.Int64N(start+span-now-1)
				w.set(rank, due[rank])
			}
		}
	}
}
