package engine

import (
	"github.com/whatif-machine/whatif/model"
)

// separation keeps what each request of several slots has been given (semantics 5, gate 8).
//
//	a request's region:  [count] [keys ..]     of as many cells as it has slots, and one; for each copy anew
//
// A key stands for a campaign, an advertiser or a category. Requests of a single slot have no region.
type separation struct {
	on     bool
	key    []int32    // by rank; -1: never clashes
	cells  []uint16   // those of all requests, copy by copy
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
	take(m, &s.cells, e.requestCells*copies)
	s.sets.reserve(m, p.words, len(s.groups), func(k int) []uint32 { return s.groups[k] })
}

// record notes the winner of a slot of the request whose region begins at at.
func (s *separation) record(at uint32, r int) {
	if s.key[r] < 0 {
		return
	}
	region := s.cells[at:]
	region[0]++
	region[region[0]] = uint16(s.key[r])
}
