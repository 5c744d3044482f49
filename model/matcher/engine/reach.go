package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// frequencies is the number of users by impressions: 1..19, and 20 or more last.
type frequencies [model.FrequencyTopBucket]int64

func (f *frequencies) add(impressions uint32) {
	f[min(impressions, model.FrequencyTopBucket)-1]++
}

func (f *frequencies) reach() int64 {
	n := int64(0)
	for _, users := range f {
		n += users
	}
	return n
}

// list is the distribution as reported.
func (f *frequencies) list() []model.FrequencyUsers {
	var out []model.FrequencyUsers
	for k, users := range f {
		if users > 0 {
			out = append(out, model.FrequencyUsers{Frequency: int64(k + 1), Users: users})
		}
	}
	return out
}

// reach is what is counted user by user once all visits are decided: the log has the winner of each.
type reach struct {
	users      int64
	all        frequencies
	impressed  int64         // identified impressions
	campaigns  []frequencies // by rank
	identified []int64       // by rank
	counts     []uint32      // by rank: the present user's impressions
	touched    []uint32      // ranks with counts
	served     []uint32      // the present user's slots that were sold
	groups     []groupReach
}

// groupReach is a report group: a value number for each rank.
type groupReach struct {
	key        string
	values     []*string // ascending, missing first
	of         []int32   // by entry of the plan
	valueOf    []int32   // by rank
	dist       []frequencies
	identified []int64
	counts     []uint32
	touched    []uint32
}

func (h *reach) reserve(m *meter, s *state) {
	p := s.plan
	n := len(p.cands)
	h.users, h.impressed, h.all = 0, 0, frequencies{}
	take(m, &h.campaigns, n)
	take(m, &h.identified, n)
	take(m, &h.counts, n)
	takeRaw(m, &h.touched, n)
	takeRaw(m, &h.served, s.engine.mostSlots)
	keys := p.sc.Report.Groups
	m.count(int64(len(keys)*len(p.entries)), 2048) // at worst every campaign has a value of its own
	if m.dry {
		return
	}
	h.groups = h.groups[:0]
	for _, key := range keys {
		h.groups = append(h.groups, p.newGroup(key))
	}
}

// newGroup numbers the values of a report group.
func (p *plan) newGroup(key string) groupReach {
	g := groupReach{key: key, of: make([]int32, len(p.entries)), valueOf: make([]int32, len(p.cands))}
	each := make([]*string, len(p.entries))
	for i := range p.entries {
		each[i] = model.GroupValue(key, &p.sc.Campaigns[p.entries[i].index])
	}
	g.values = slices.Clone(each)
	slices.SortFunc(g.values, compareValues)
	g.values = slices.CompactFunc(g.values, func(a, b *string) bool { return compareValues(a, b) == 0 })
	for i := range p.entries {
		at, _ := slices.BinarySearchFunc(g.values, each[i], compareValues)
		g.of[i] = int32(at)
		if r := p.entries[i].rank; r >= 0 {
			g.valueOf[r] = int32(at)
		}
	}
	g.dist, g.identified = make([]frequencies, len(g.values)), make([]int64, len(g.values))
	g.counts, g.touched = make([]uint32, len(g.values)), make([]uint32, 0, len(g.values))
	return g
}

// compareValues orders values by their bytes, missing first.
func compareValues(a, b *string) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return strings.Compare(*a, *b)
}

// countReach goes through the log user by user.
func (s *state) countReach(ctx context.Context) error {
	who, done := uint32(0), 0
	if !s.plan.visits.edited {
		for k := range s.breakdowns {
			copy(s.breakdowns[k].users, s.engine.audience(s.breakdowns[k].dim))
		}
	}
	for u := 1; u < len(s.engine.userFirst)-1; u++ {
		slots := s.engine.slotsOf(uint32(u))
		if done += len(slots); done >= checkEvery {
			if done = 0; ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if !s.plan.visits.edited {
			who++
			s.countUserOnce(slots, who)
			continue
		}
		for j := range s.userCopies(slots) {
			who++
			s.countUser(slots, who, j)
		}
	}
	return nil
}

// countUser counts copy j of a user, the who-th of all.
func (s *state) countUser(slots []uint32, who, j uint32) {
	h := &s.reach
	h.touched = h.touched[:0]
	visited, total := false, uint32(0)
	for _, i := range slots {
		if s.copiesOf(i) <= j {
			continue
		}
		visited = true
		won := s.won[s.visitAt(i, j)]
		for k := range s.breakdowns {
			s.breakdowns[k].countUser(i, who, won != 0)
		}
		if won == 0 {
			continue
		}
		total++
		r := uint32(won - 1)
		if h.counts[r]++; h.counts[r] == 1 {
			h.touched = append(h.touched, r)
		}
	}
	if visited {
		h.users++
	}
	s.addUser(total)
}

// countUserOnce is countUser where every slot is visited once: what does not depend on winners is known.
func (s *state) countUserOnce(slots []uint32, who uint32) {
	h := &s.reach
	h.touched, h.served = h.touched[:0], h.served[:0]
	for _, i := range slots {
		won := s.won[i]
		if won == 0 {
			continue
		}
		h.served = append(h.served, i)
		r := uint32(won - 1)
		if h.counts[r]++; h.counts[r] == 1 {
			h.touched = append(h.touched, r)
		}
	}
	h.users++
	if len(h.served) == 0 {
		return
	}
	for k := range s.breakdowns {
		s.breakdowns[k].countReached(h.served, who)
	}
	s.addUser(uint32(len(h.served)))
}

// addUser adds the present user's impressions, total in all.
func (s *state) addUser(total uint32) {
	h := &s.reach
	if total > 0 {
		h.all.add(total)
		h.impressed += int64(total)
	}
	for k := range h.groups {
		h.groups[k].countUser(h)
	}
	for _, r := range h.touched {
		h.campaigns[r].add(h.counts[r])
		h.identified[r] += int64(h.counts[r])
		h.counts[r] = 0
	}
}

// countUser adds the present user's impressions by value.
func (g *groupReach) countUser(h *reach) {
	for _, r := range h.touched {
		v := g.valueOf[r]
		if g.counts[v] == 0 {
			g.touched = append(g.touched, uint32(v))
		}
		g.counts[v] += h.counts[r]
	}
	for _, v := range g.touched {
		g.dist[v].add(g.counts[v])
		g.identified[v] += int64(g.counts[v])
		g.counts[v] = 0
	}
	g.touched = g.touched[:0]
}
