package engine

import (
	"github.com/whatif-machine/whatif/model"
)

// separation keeps what each request of several slots has been given (semantics 5, gate 8).
//
//	a request's region:  [count] [keys ..]     one per copy of the request
//
// A key stands for a campaign, an advertiser or a category. Requests of a single slot have no region.
type separation struct {
	on     bool
	key    []int32  // by rank; -1: never clashes
	base   []uint32 // by request: its region in cells, 0 for none
	cells  []uint32
	sets   memberSets // the ranks of each key
	groups [][]uint32
}

// separate numbers the keys.
func (p *plan) separate() (keys []int32, groups [][]uint32) {
	name := func(c *model.Campaign) string { return c.ID }
	switch p.sc.Policy.OnePerRequest {
	case model.SeparateAdvertiser:
		name = func(c *model.Campaign) string { return c.Advertiser }
	case model.SeparateCategory:
		name = func(c *model.Campaign) string { return c.Category }
	case model.SeparateCampaign:
	default:
		return nil, nil
	}
	numbers := map[string]int32{}
	for r := range p.cands {
		text := name(p.cands[r].campaign)
		if text == "" {
			keys = append(keys, -1)
			continue
		}
		k, ok := numbers[text]
		if !ok {
			k = int32(len(groups))
			numbers[text] = k
			groups = append(groups, nil)
		}
		keys = append(keys, k)
		groups[k] = append(groups[k], uint32(r))
	}
	return keys, groups
}

// reserve takes the regions; copies is the most copies that a slot has.
func (s *separation) reserve(m *meter, p *plan, e *Engine, copies int) {
	s.key, s.groups = p.separate()
	s.on = len(s.groups) > 0
	m.count(int64(len(p.cands)), 16)
	if !s.on {
		return
	}
	cells := 1
	takeRaw(m, &s.base, len(e.requestSlots))
	for q, n := range e.requestSlots {
		if !m.dry {
			s.base[q] = 0
			if n > 1 {
				s.base[q] = uint32(cells)
			}
		}
		if n > 1 {
			cells += s.stride(n) * copies
		}
	}
	take(m, &s.cells, cells)
	s.sets.reserve(m, p.words, len(s.groups), func(k int) []uint32 { return s.groups[k] })
}

// stride is the region of one copy of a request of n slots.
func (s *separation) stride(n uint32) int { return 1 + min(int(n), len(s.groups)) }

// region is the state of copy j of a request; nil if it can't clash.
func (s *separation) region(e *Engine, request, j uint32) []uint32 {
	at := s.base[request]
	if at == 0 {
		return nil
	}
	n := s.stride(e.requestSlots[request])
	return s.cells[int(at)+int(j)*n:][:n]
}

// read sets the bits of the campaigns that would clash; false if there are none.
func (s *separation) read(region []uint32, clash []uint64) bool {
	if region == nil || region[0] == 0 {
		return false
	}
	clear(clash)
	for _, k := range region[1 : 1+region[0]] {
		s.sets.mark(int(k), clash)
	}
	return true
}

// record notes the winner of a slot of the request.
func (s *separation) record(region []uint32, r int) {
	if region == nil || s.key[r] < 0 {
		return
	}
	region[0]++
	region[region[0]] = uint32(s.key[r])
}
