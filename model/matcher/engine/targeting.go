package engine

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

const (
	tableRows = 512       // most sets of a multi-valued dimension that get a row each
	fuseBytes = 128 << 10 // most memory of rows of columns fused into one
)

// constraint is a condition of one candidate on one dimension.
type constraint struct {
	rank uint32
	cond *node
}

// spec is a targeted dimension: which rows of bits its codes need.
//
// Codes that no candidate tells apart share a row. A dimension with few distinct sets has a row for each
// set; with many (union), there is one per value, and a slot's row is put together from its values'.
type spec struct {
	dim         *inventory.Dimension
	constraints []constraint
	union       bool
	mentioned   []uint32 // values that a condition names, ascending
	rows        int
	bytes       int64
}

func (s *spec) size() int64 { return 256 + 40*int64(len(s.constraints)) + 12*int64(len(s.mentioned)) }

// column is one or several specs fused: rows of bits in state.rows, one of which each slot has.
type column struct {
	parts []int // indices into plan.specs
	union bool
	rows  int
	at    int // offset of its rows in state.rows
}

// compileColumns turns each candidate's conjuncts into conditions on single dimensions, and the rest into a
// predicate of its own: what is left to be checked where all columns let the candidate pass.
func (e *Engine) compileColumns(p *plan) {
	byDim := map[*inventory.Dimension]*spec{}
	for r := range p.cands {
		c := &p.cands[r]
		var rest []*node
		for _, n := range c.where {
			if !p.constrain(byDim, uint32(r), n) {
				rest = append(rest, n)
			}
		}
		if len(rest) > 0 {
			c.residual = int32(p.addResidual(rest))
		}
	}
	for _, s := range p.specs {
		s.finish()
	}
	p.fuse()
}

// constrain adds a conjunct to its dimension's spec; false where it can't be one.
func (p *plan) constrain(byDim map[*inventory.Dimension]*spec, rank uint32, n *node) bool {
	dims := n.dimensions(nil)
	if len(dims) == 0 {
		return true // constant, and true: see satisfiable
	}
	if len(dims) > 1 {
		return false
	}
	s := byDim[dims[0]]
	if s == nil {
		s = &spec{dim: dims[0]}
		s.union = s.dim.Multi() && s.dim.Cardinality() > tableRows
	}
	if s.union {
		last := len(s.constraints) - 1
		if n.op != model.OpIn || last >= 0 && s.constraints[last].rank == rank {
			return false // neither NOT nor AND can be put together from the rows of values
		}
	}
	if byDim[s.dim] == nil {
		byDim[s.dim] = s
		p.specs = append(p.specs, s)
	}
	s.constraints = append(s.constraints, constraint{rank, n})
	return true
}

func (p *plan) addResidual(rest []*node) uint32 {
	all := &node{op: model.OpAll, args: rest}
	p.key = fmt.Appendf(p.key[:0], "residual %d", len(p.predicates))
	return p.addPredicate(string(p.key), all)
}

// finish counts the spec's rows.
func (s *spec) finish() {
	if s.dim.Multi() && !s.union {
		s.rows = s.dim.Cardinality()
		return
	}
	for _, c := range s.constraints {
		s.mentioned = c.cond.mentions(s.mentioned)
	}
	slices.Sort(s.mentioned)
	s.mentioned = slices.Compact(s.mentioned)
	if s.union {
		s.rows = 1 + len(s.mentioned) // no condition, then by value
		return
	}
	s.rows = 2 + len(s.mentioned) // missing, not mentioned, then by value
}

// mentions adds the values that the expression names.
func (n *node) mentions(out []uint32) []uint32 {
	out = append(out, n.values...)
	for _, a := range n.args {
		out = a.mentions(out)
	}
	return out
}

// fuse joins columns with few rows: a slot then reads one row for several dimensions.
func (p *plan) fuse() {
	order := make([]int, len(p.specs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.specs[a].rows, p.specs[b].rows) })
	for _, at := range order {
		s := p.specs[at]
		last := len(p.columns) - 1
		if last >= 0 && !s.union && !p.columns[last].union && p.columns[last].rows*s.rows*p.words*8 <= fuseBytes {
			p.columns[last].parts = append(p.columns[last].parts, at)
			p.columns[last].rows *= s.rows
			continue
		}
		p.columns = append(p.columns, column{parts: []int{at}, union: s.union, rows: s.rows})
	}
	for i := range p.columns {
		c := &p.columns[i]
		c.at = p.rowsEnd
		p.rowsEnd += c.rows * p.words
		if c.union {
			p.rowsEnd += blockSlots * p.words // a row for each slot of the block, put together when it is due
		}
	}
}

// part is a fused dimension at work: by code (by value where union) the offset of its row.
type part struct {
	dim   *inventory.Dimension
	rowOf []uint32
	rows  []uint64 // its own rows, before fusing
}

// reserve takes the memory of the columns' rows.
func (s *state) reserveColumns(m *meter) {
	p := s.plan
	if !m.dry {
		s.parts = slices.Grow(s.parts[:0], len(p.specs))[:len(p.specs)]
	}
	for i, sp := range p.specs {
		at := &part{}
		if !m.dry {
			at = &s.parts[i]
		}
		n := sp.dim.Cardinality()
		if sp.union {
			n = len(sp.dim.Values()) + 1
		}
		take(m, &at.rowOf, n)
		takeRaw(m, &at.rows, sp.rows*p.words)
		at.dim = sp.dim
	}
}

// buildColumns fills in the rows.
func (s *state) buildColumns() {
	p := s.plan
	for i, sp := range p.specs {
		s.parts[i].number(sp)
		s.parts[i].fill(sp, len(p.cands), p.words)
	}
	for i := range p.columns {
		s.fuseRows(&p.columns[i])
	}
}

// number gives each code (or value) its row.
func (t *part) number(sp *spec) {
	switch {
	case sp.union:
		for k, v := range sp.mentioned {
			t.rowOf[v+1] = uint32(k + 1)
		}
	case sp.dim.Multi():
		for code := range t.rowOf {
			t.rowOf[code] = uint32(code)
		}
	default:
		for code := 1; code < len(t.rowOf); code++ {
			t.rowOf[code] = 1
		}
		for k, v := range sp.mentioned {
			t.rowOf[v+1] = uint32(k + 2)
		}
	}
}

// fill sets, in each row, the bits of the candidates that its codes let pass.
func (t *part) fill(sp *spec, cands, words int) {
	first := t.rows[:words]
	clear(first)
	for r := range cands {
		first[r>>6] |= 1 << (r & 63)
	}
	for _, c := range sp.constraints {
		first[c.rank>>6] &^= 1 << (c.rank & 63)
	}
	for k := 1; k < sp.rows; k++ {
		row := t.rows[k*words : (k+1)*words]
		if copy(row, first); sp.union {
			clear(row) // its values' rows are added to the first
		}
	}
	for i, c := range sp.constraints {
		switch next := i + 1; {
		case i > 0 && sp.constraints[i-1].rank == c.rank: // done with the first of them
		case c.cond.op == model.OpIn && !sp.dim.Multi() && (next == len(sp.constraints) || sp.constraints[next].rank != c.rank), sp.union:
			for _, v := range c.cond.values {
				t.rows[int(t.rowOf[v+1])*words+int(c.rank>>6)] |= 1 << (c.rank & 63)
			}
		default:
			t.fillByCode(sp, i, words)
		}
	}
}

// fillByCode evaluates all conditions of a candidate, from the i-th on, at a code of each row.
func (t *part) fillByCode(sp *spec, i, words int) {
	rank := sp.constraints[i].rank
	end := i
	for end < len(sp.constraints) && sp.constraints[end].rank == rank {
		end++
	}
	for k := range sp.rows {
		code, ok := t.codeOf(sp, k)
		for _, c := range sp.constraints[i:end] {
			ok = ok && c.cond.holdsCode(code)
		}
		if ok {
			t.rows[k*words+int(rank>>6)] |= 1 << (rank & 63)
		}
	}
}

// codeOf is a code with row k; false if there is none.
func (t *part) codeOf(sp *spec, k int) (uint32, bool) {
	switch {
	case k == 0 || sp.dim.Multi():
		return uint32(k), true
	case k >= 2:
		return sp.mentioned[k-2] + 1, true
	}
	for v := range len(sp.dim.Values()) { // the first value that no condition mentions
		if v >= len(sp.mentioned) || sp.mentioned[v] != uint32(v) {
			return uint32(v) + 1, true
		}
	}
	return 0, false
}

// fuseRows computes the rows of a column, and turns its parts' row numbers into offsets that add up.
func (s *state) fuseRows(c *column) {
	words := s.plan.words
	if c.union {
		copy(s.rows[c.at:], s.parts[c.parts[0]].rows)
		return
	}
	for row := range c.rows {
		out := s.rows[c.at+row*words : c.at+(row+1)*words]
		rest := row
		for k := len(c.parts) - 1; k >= 0; k-- {
			n := s.plan.specs[c.parts[k]].rows
			own := s.parts[c.parts[k]].rows[rest%n*words:][:words]
			rest /= n
			if k == len(c.parts)-1 {
				copy(out, own)
				continue
			}
			for w, x := range own {
				out[w] &= x
			}
		}
	}
	stride := words
	for k := len(c.parts) - 1; k >= 0; k-- {
		rowOf := s.parts[c.parts[k]].rowOf
		for code := range rowOf {
			rowOf[code] *= uint32(stride)
			if k == 0 {
				rowOf[code] += uint32(c.at)
			}
		}
		stride *= s.plan.specs[c.parts[k]].rows
	}
}
