package engine

import (
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// truthMost is the most codes of a dimension by which predicates are tabulated.
const truthMost = 4096

// predicate is an expression over slots that is evaluated one by one.
type predicate struct {
	*node
	dim   *inventory.Dimension
	truth []bool // by code, where the expression is over one dimension of few codes
}

// truthTable is, by code of a dimension, which predicates over it are true: bit p for predicate p.
type truthTable struct {
	dim  *inventory.Dimension
	bits []uint64
}

// predicate numbers an expression over slots; equal ones share a number.
func (e *Engine) predicate(p *plan, expr *model.Expr) (uint32, error) {
	p.key = appendKey(p.key[:0], expr)
	if at, ok := p.predicateIDs[string(p.key)]; ok {
		return uint32(at), nil
	}
	n, err := bind(expr, e.snap)
	if err != nil {
		return 0, err
	}
	return p.addPredicate(string(p.key), n), nil
}

func (p *plan) addPredicate(key string, n *node) uint32 {
	at := len(p.predicates)
	q := predicate{node: n}
	if n != nil {
		if dims := n.dimensions(nil); len(dims) == 1 && dims[0].Cardinality() <= truthMost {
			q.dim, q.truth = dims[0], make([]bool, dims[0].Cardinality())
			for code := range q.truth {
				q.truth[code] = n.holdsCode(uint32(code))
			}
		}
	}
	p.predicates = append(p.predicates, q)
	p.predicateIDs[key] = int32(at)
	p.bytes += n.size() + int64(len(key)+len(q.truth)) + 96
	return uint32(at)
}

// tabulateTruths makes the tables by which all predicates of a slot are known at once, where there are few of
// them and each is over one dimension.
func (p *plan) tabulateTruths() {
	if len(p.predicates) > 64 {
		return
	}
	var tables []truthTable
	tableOf := map[*inventory.Dimension]int{}
	for at, q := range p.predicates {
		if q.node == nil {
			p.always |= 1 << at
			continue
		}
		if q.truth == nil {
			return
		}
		k, ok := tableOf[q.dim]
		if !ok {
			k = len(tables)
			tableOf[q.dim] = k
			tables = append(tables, truthTable{q.dim, make([]uint64, len(q.truth))})
			p.bytes += 8*int64(len(q.truth)) + 64
		}
		for code, truth := range q.truth {
			if truth {
				tables[k].bits[code] |= 1 << at
			}
		}
	}
	p.truths = tables
}

// readTruths finds which predicates are true at each of the block's visits.
func (s *state) readTruths() {
	b := &s.block
	for k, t := range s.plan.truths {
		if k == 0 {
			for j := range b.n {
				b.truth[j] = s.plan.always
			}
		}
		switch d := t.dim; {
		case d.U8() != nil:
			addTruths(&b.truth, b.slot[:b.n], d.U8(), t.bits)
		case d.U16() != nil:
			addTruths(&b.truth, b.slot[:b.n], d.U16(), t.bits)
		default:
			addTruths(&b.truth, b.slot[:b.n], d.U32(), t.bits)
		}
	}
}

func addTruths[T uint8 | uint16 | uint32](truth *[blockSlots]uint64, slots []uint32, codes []T, bits []uint64) {
	codes = codes[slots[0]:]
	for j, i := range slots {
		truth[j&(blockSlots-1)] |= bits[codes[i-slots[0]]]
	}
}

// predicate is the truth of a numbered expression at a slot.
func (s *state) predicate(at, slot uint32) bool {
	p := &s.plan.predicates[at]
	if p.truth != nil {
		return p.truth[p.dim.Code(int(slot))]
	}
	memo := &s.memo[at] // it is evaluated once per slot
	if *memo>>1 == uint64(slot)+1 {
		return *memo&1 == 1
	}
	truth := p.holds(slot)
	*memo = (uint64(slot) + 1) << 1
	if truth {
		*memo |= 1
	}
	return truth
}
