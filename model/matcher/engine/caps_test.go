package engine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/whatif-machine/whatif/model"
)

// TestCells drives the state of one user through windows that come, go and (where the local date goes
// back) come again, and compares with a map of counters by cap and window.
func TestCells(t *testing.T) {
	for _, rewinds := range []bool{false, true} {
		for _, wide := range []bool{false, true} {
			r := rand.New(rand.NewPCG(11, 0))
			for range 300 {
				driveCells(t, r, rewinds, wide)
			}
		}
	}
}

// driveCells simulates one user of 60 slots with caps of random limits on random clocks.
func driveCells(t *testing.T, r *rand.Rand, rewinds, wide bool) {
	t.Helper()
	const slots, cands, clocks = 60, 20, 3
	s, windows := &state{plan: &plan{words: chunkWords}, lostFrequency: make([]int64, cands)}, make([]uint64, clocks)
	s.block.cell[0] = 1
	c := &s.plan.caps
	c.rewinds, c.rulesOf = rewinds, make([][]uint32, clocks)
	for rank := range uint32(cands) {
		c.first = append(c.first, uint32(len(c.list)))
		for range r.IntN(3) {
			clock, k := r.IntN(clocks), uint32(len(c.rules))
			c.list, c.rulesOf[clock] = append(c.list, k), append(c.rulesOf[clock], k)
			c.rules = append(c.rules, rule{limit: 1 + r.Uint64N(4), clock: int32(clock), member: int32(rank)})
		}
	}
	c.first = append(c.first, uint32(len(c.list)))
	c.touch = 2
	lastWindow := uint64(1 << 20)
	if wide {
		lastWindow = 1 << 30
	}
	if err := c.layOut(lastWindow, slots); err != nil {
		t.Fatal(err)
	}
	const guard = 0xfeed
	if c.wide != wide {
		t.Fatalf("words of 64 bits: %v, want %v", c.wide, wide)
	}
	s.current = make([]uint64, len(c.rules))
	s.cells, s.wideCells = make([]uint32, 2+c.cells(slots)+1), make([]uint64, 2+c.cells(slots)+1)
	end := len(s.cells) - 1
	s.cells[end], s.wideCells[end] = guard, guard // a write beyond the region would show

	type key struct {
		rule   uint32
		window uint64
	}
	counts := map[key]uint64{}
	for range slots {
		for k := range windows {
			switch turn := r.IntN(10); {
			case turn == 0:
				windows[k]++
			case turn == 1 && rewinds && windows[k] > 0:
				windows[k]--
			}
			s.setWindow(k, windows[k])
		}
		row := make([]uint64, chunkWords)
		setFirst(row, cands-1) // the last did not come so far
		before := slices.Clone(s.lostFrequency)
		v := visit{}
		s.turnAwayCapped(&v, row, 0, chunkWords)
		var free []int
		some := false
		for rank := range cands {
			capped := rank == cands-1
			for _, k := range c.list[c.first[rank]:c.first[rank+1]] {
				capped = capped || counts[key{k, windows[c.rules[k].clock]}] >= c.rules[k].limit
			}
			if got := row[rank>>6]>>(rank&63)&1 == 0; got != capped {
				t.Fatalf("campaign %d: capped %v, want %v", rank, got, capped)
			}
			lost := capped && rank < cands-1
			if got := s.lostFrequency[rank] - before[rank]; got != 0 != lost || got > 1 {
				t.Fatalf("campaign %d: turned away %d times, want once: %v", rank, got, lost)
			}
			if some = some || lost; !capped {
				free = append(free, rank)
			}
		}
		if (v.lost == lostFrequency) != some {
			t.Fatalf("some campaign is capped: %v, want %v", v.lost, some)
		}
		if len(free) == 0 {
			continue
		}
		winner := free[r.IntN(len(free))]
		s.countCaps(1, winner)
		for _, k := range c.list[c.first[winner]:c.first[winner+1]] {
			counts[key{k, windows[c.rules[k].clock]}]++
		}
	}
	if s.cells[end] != guard || s.wideCells[end] != guard {
		t.Fatal("the user's state grew beyond its region")
	}
}

// TestCellLayout: limits, caps and windows that do not fit in a cell together are refused.
func TestCellLayout(t *testing.T) {
	c := caps{rules: make([]rule, 1000)}
	c.rules[0].limit = 1 << 30
	if err := c.layOut(1<<20, 100); err != nil {
		t.Errorf("30 + 10 + 20 bits: %v", err)
	}
	if err := c.layOut(1<<30, 100); err == nil {
		t.Error("31 + 10 + 31 bits are accepted")
	}
}

// TestCapsThatCannotBind are not counted, but still ask for an identified visitor.
func TestCapsThatCannotBind(t *testing.T) {
	slots := []model.Slot{{ID: "1", UserID: "u"}, {ID: "2", UserID: "u", Time: 1}, {ID: "3", Time: 2}}
	cap2 := []model.FrequencyCap{{Impressions: 2, Per: model.PerLifetime, Units: 1}}
	cap1 := []model.FrequencyCap{{Impressions: 1, Per: model.PerLifetime, Units: 1}}
	sc := &model.Scenario{Policy: model.DefaultPolicy, Campaigns: []model.Campaign{
		{ID: "a", FrequencyCaps: cap2, Enabled: true}, {ID: "b", FrequencyCaps: cap1, Enabled: true}}}
	sc.Written = sc.Campaigns
	s := begun(t, slots, sc)
	if n := len(s.plan.caps.rules); n != 1 {
		t.Errorf("%d caps are counted, want 1: nobody has more than 2 slots", n)
	}
	if s.capped[0] != 0b11 || !s.plan.skipsUnknown {
		t.Errorf("campaigns with caps: %b, want both", s.capped[0])
	}
}
