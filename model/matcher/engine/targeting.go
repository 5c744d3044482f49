package engine

import (
	"cmp"
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

// spec is a targeted dimension: which rows of bits its codes need. Codes that no candidate tells apart share a row.
type spec struct {
	dim         *inventory.Dimension
	constraints []constraint
	byValue     bool     // many distinct sets: a row per value, and a slot's is put together from its values'
	either      bool     // its conditions are alternatives to ones on other dimensions
	mentioned   []uint32 // values that a condition names, ascending
	rows        int
	at          int // united: offset of its rows in state.rows
}

func newSpec(dim *inventory.Dimension, either bool) *spec {
	return &spec{dim: dim, either: either, byValue: dim.Multi() && dim.Cardinality() > tableRows}
}

func (s *spec) size() int64 { return 256 + 40*int64(len(s.constraints)) + 12*int64(len(s.mentioned)) }

// united reports whether a slot's row is the union of several.
func (s *spec) united() bool { return s.byValue || s.either }

// column is rows of bits in state.rows, one of which each slot has. It is made of one or several specs:
//
//	table:  specs fused, one row for each combination of their rows
//	united: a slot's row is put together from its codes' or values' rows, those of candidates without condition added
type column struct {
	parts  []int // indices into plan.specs
	united bool
	rows   int
	at     int // offset of its rows in state.rows
}

// targeting sorts conditions by dimension.
type targeting struct {
	plan   *plan
	byDim  map[*inventory.Dimension]*spec
	either map[*inventory.Dimension]*spec
	last   int // the last candidate with alternatives; it can have them once
}

// compileColumns turns each candidate's conjuncts into conditions on single dimensions, and keeps the rest
// to be checked where all columns let the candidate pass.
func (e *Engine) compileColumns(p *plan) {
	t := targeting{p, map[*inventory.Dimension]*spec{}, map[*inventory.Dimension]*spec{}, -1}
	for r := range p.cands {
		c := &p.cands[r]
		var rest []*node
		for _, n := range c.where {
			if !t.constrain(r, n) {
				rest = append(rest, n)
			}
		}
		if len(rest) > 0 {
			c.rest = &node{op: model.OpAll, args: rest}
		}
	}
	for _, s := range p.specs {
		s.finish()
	}
	p.fuse()
}

// constrain adds a conjunct to its dimension's spec; false where it can't be one.
func (t *targeting) constrain(r int, n *node) bool {
	dims := n.dimensions(nil)
	if len(dims) == 0 {
		return true // constant, and true: see satisfiable
	}
	if len(dims) > 1 {
		return t.alternatives(r, n)
	}
	s := t.byDim[dims[0]]
	if s == nil {
		s = newSpec(dims[0], false)
	}
	if s.byValue {
		last := len(s.constraints) - 1
		if n.op != model.OpIn || last >= 0 && s.constraints[last].rank == uint32(r) {
			return false // neither NOT nor AND can be put together from the rows of values
		}
	}
	t.add(t.byDim, s, r, n)
	return true
}

// alternatives adds an {any: ..} of conditions on single dimensions, one for a candidate.
func (t *targeting) alternatives(r int, n *node) bool {
	if n.op != model.OpAny || t.last == r {
		return false
	}
	for _, a := range n.args {
		dims := a.dimensions(nil)
		if len(dims) != 1 || a.op != model.OpIn && newSpec(dims[0], true).byValue {
			return false
		}
	}
	t.last = r
	for _, a := range n.args {
		dim := a.dimensions(nil)[0]
		s := t.either[dim]
		if s == nil {
			s = newSpec(dim, true)
		}
		t.add(t.either, s, r, a)
	}
	return true
}

func (t *targeting) add(to map[*inventory.Dimension]*spec, s *spec, r int, n *node) {
	if to[s.dim] == nil {
		to[s.dim] = s
		t.plan.specs = append(t.plan.specs, s)
	}
	s.constraints = append(s.constraints, constraint{uint32(r), n})
}

// finish counts the spec's rows.
func (s *spec) finish() {
	if s.dim.Multi() && !s.byValue {
		s.rows = s.dim.Cardinality()
		return
	}
	for _, c := range s.constraints {
		s.mentioned = c.cond.mentions(s.mentioned)
	}
	slices.Sort(s.mentioned)
	s.mentioned = slices.Compact(s.mentioned)
	if s.byValue {
		s.rows = 1 + len(s.mentioned) // not mentioned, then by value
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

// fuse makes the columns. Those with few rows are joined: a slot then reads one row for several dimensions.
func (p *plan) fuse() {
	order := make([]int, len(p.specs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.specs[a].rows, p.specs[b].rows) })
	either := column{united: true, rows: 1}
	for _, at := range order {
		s := p.specs[at]
		if s.either {
			either.parts = append(either.parts, at)
			continue
		}
		last := len(p.columns) - 1
		if last >= 0 && !s.byValue && !p.columns[last].united && p.columns[last].rows*s.rows*p.words*8 <= fuseBytes {
			p.columns[last].parts = append(p.columns[last].parts, at)
			p.columns[last].rows *= s.rows
			continue
		}
		c := column{parts: []int{at}, united: s.byValue, rows: s.rows}
		if s.byValue {
			c.rows = 1
		}
		p.columns = append(p.columns, c)
	}
	if len(either.parts) > 0 {
		p.columns = append(p.columns, either)
	}
	for i := range p.columns {
		c := &p.columns[i]
		c.at = p.rowsEnd
		if c.united {
			c.rows += blockSlots // a row for each slot of the block, put together when it is due
		}
		p.rowsEnd += c.rows * p.words
		for _, at := range c.parts {
			if c.united {
				p.specs[at].at = p.rowsEnd
				p.rowsEnd += p.specs[at].rows * p.words
			}
		}
	}
}

// part is a spec at work: its rows, and by code (by value + 1 where byValue) the row's number. Once columns are
// made, rowOf has offsets: in state.rows where united (0: no row), else what it adds to that of the slot's row.
type part struct {
	dim     *inventory.Dimension
	byValue bool
	rowOf   []uint32
	rows    []uint64
	own     []uint64 // memory of the rows of a table before they are fused; united ones are in state.rows
}

// reserveColumns takes the memory of the specs' rows.
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
		if sp.byValue {
			n = len(sp.dim.Values()) + 1
		}
		take(m, &at.rowOf, n)
		at.dim, at.byValue = sp.dim, sp.byValue
		if !sp.united() {
			takeRaw(m, &at.own, sp.rows*p.words)
		}
	}
}

// buildColumns fills in the rows.
func (s *state) buildColumns() {
	p := s.plan
	for i, sp := range p.specs {
		t := &s.parts[i]
		if t.rows = t.own; sp.united() {
			t.rows = s.rows[sp.at : sp.at+sp.rows*p.words]
		}
		t.number(sp)
		t.fill(sp, len(p.cands), p.words)
		if sp.united() {
			t.offset(sp, p.words)
		}
	}
	for i := range p.columns {
		c := &p.columns[i]
		if !c.united {
			s.fuseRows(c)
			continue
		}
		base := s.rows[c.at : c.at+p.words]
		p.unconstrained(base, len(p.cands), c.parts...)
	}
}

// offset turns row numbers into offsets. A value that no candidate asks for has none.
func (t *part) offset(sp *spec, words int) {
	for k, row := range t.rowOf {
		if row != 0 || !sp.byValue {
			t.rowOf[k] = uint32(sp.at + int(row)*words)
		}
	}
}

// unconstrained sets the bits of the candidates without condition in these specs.
func (p *plan) unconstrained(row []uint64, cands int, specs ...int) {
	setFirst(row, cands)
	for _, at := range specs {
		p.specs[at].exclude(row)
	}
}

// setFirst sets the first n bits of a row and clears the others.
func setFirst(row []uint64, n int) {
	clear(row)
	for r := range n {
		row[r>>6] |= 1 << (r & 63)
	}
}

func (s *spec) exclude(row []uint64) {
	for _, c := range s.constraints {
		row[c.rank>>6] &^= 1 << (c.rank & 63)
	}
}

// number gives each code (or value) its row.
func (t *part) number(sp *spec) {
	switch {
	case sp.byValue:
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

// fill sets, in each row, the bits of the candidates that its codes let pass; those without condition only
// in a table, for a united row has them from its column.
func (t *part) fill(sp *spec, cands, words int) {
	clear(t.rows)
	if !sp.united() {
		first := t.rows[:words]
		setFirst(first, cands)
		sp.exclude(first)
		for k := 1; k < sp.rows; k++ {
			copy(t.rows[k*words:(k+1)*words], first)
		}
	}
	for i := 0; i < len(sp.constraints); {
		end := i + 1
		for !sp.united() && end < len(sp.constraints) && sp.constraints[end].rank == sp.constraints[i].rank {
			end++ // conditions of one candidate must hold together, unless they are alternatives
		}
		if c := sp.constraints[i]; end == i+1 && c.cond.op == model.OpIn && (sp.byValue || !sp.dim.Multi()) {
			for _, v := range c.cond.values {
				t.rows[int(t.rowOf[v+1])*words+int(c.rank>>6)] |= 1 << (c.rank & 63)
			}
		} else {
			t.fillByCode(sp, sp.constraints[i:end], words)
		}
		i = end
	}
}

// fillByCode evaluates conditions of one candidate, all of which must hold, at a code of each row.
func (t *part) fillByCode(sp *spec, conditions []constraint, words int) {
	rank := conditions[0].rank
	for k := range sp.rows {
		code, ok := t.codeOf(sp, k)
		for _, c := range conditions {
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

// fuseRows computes the rows of a table, and turns its parts' row numbers into offsets that add up.
func (s *state) fuseRows(c *column) {
	words := s.plan.words
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
