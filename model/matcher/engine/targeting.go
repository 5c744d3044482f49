package engine

import (
	"slices"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// constraint is a condition of one candidate.
type constraint struct {
	rank uint32
	cond *node
}

// table is rows of bits in state.rows, one for each combination of a grouping: the candidates whose conditions
// hold there. In a list of values it is a row for each value instead, of which a slot's is put together.
type table struct {
	group int // of the layout; -1: a list of values
	dim   *inventory.Dimension
	named []uint32 // list: values that have a row, ascending
	rows  int
	at    int // offset of the rows in state.rows
	conds []constraint
}

// column is the union of one or several tables; a slot's row in it is ANDed with those of other columns.
type column struct {
	tables []int // side by side in plan.tables
	union  bool  // a condition that holds in one of its tables is enough; else all must, and there is one table
}

// targeting sorts conditions into columns.
type targeting struct {
	plan  *plan
	last  map[int]int // by column that is a union: the last candidate with a condition; it can have one there
	all   map[int]int // column of a grouping whose conditions must all hold
	lists map[*inventory.Dimension]int
}

// compileColumns turns each candidate's conjuncts into conditions on what one table can tell, and keeps the
// rest to be checked where all columns let the candidate pass.
func (e *Engine) compileColumns(p *plan) {
	p.layout = e.layoutOf(p)
	t := targeting{plan: p, last: map[int]int{}, all: map[int]int{}, lists: map[*inventory.Dimension]int{}}
	var alternatives []constraint
	for r := range p.cands {
		c := &p.cands[r]
		var rest []*node
		had := false
		for _, n := range c.where {
			switch {
			case t.constrain(r, n):
			case !had && t.isAlternatives(n):
				alternatives, had = append(alternatives, constraint{uint32(r), n}), true
			default:
				rest = append(rest, n)
			}
		}
		if len(rest) > 0 {
			c.rest = &node{op: model.OpAll, args: rest}
		}
	}
	t.unite(alternatives)
	p.placeTables()
}

// constrain adds a conjunct to a column; false where none can tell it.
func (t *targeting) constrain(r int, n *node) bool {
	dims := n.dimensions(nil)
	if len(dims) == 0 {
		return true // constant, and true: see satisfiable
	}
	if g, ok := t.plan.layout.groupWith(dims); ok {
		c, ok := t.all[g]
		if !ok {
			c = t.addColumn(false, table{group: g})
			t.all[g] = c
		}
		t.add(c, 0, r, n)
		return true
	}
	if len(dims) > 1 || n.op != model.OpIn {
		return false // neither NOT nor AND can be put together from the rows of values
	}
	c, ok := t.lists[dims[0]]
	if !ok {
		c = t.addColumn(true, t.plan.tablesOf(dims[0])...)
		t.lists[dims[0]], t.last[c] = c, -1
	}
	if t.last[c] == r {
		return false
	}
	t.last[c] = r
	for k := range t.plan.columns[c].tables {
		t.add(c, k, r, n)
	}
	return true
}

// isAlternatives reports whether the conjunct is an {any: ..} of conditions that tables can tell.
func (t *targeting) isAlternatives(n *node) bool {
	if n.op != model.OpAny {
		return false
	}
	for _, a := range n.args {
		dims := a.dimensions(nil)
		if len(dims) == 0 {
			return false
		}
		if _, ok := t.plan.layout.groupWith(dims); !ok && (len(dims) > 1 || a.op != model.OpIn) {
			return false
		}
	}
	return true
}

// unite makes the column of alternatives: a table for each grouping or dimension that they name.
func (t *targeting) unite(alternatives []constraint) {
	if len(alternatives) == 0 {
		return
	}
	p := t.plan
	c := t.addColumn(true)
	byGroup, byDim := map[int]int{}, map[*inventory.Dimension][]int{}
	for _, alt := range alternatives {
		for _, a := range alt.cond.args {
			dims := a.dimensions(nil)
			if g, ok := p.layout.groupWith(dims); ok {
				if _, ok := byGroup[g]; !ok {
					byGroup[g] = t.addTables(c, table{group: g})
				}
				t.add(c, byGroup[g], int(alt.rank), a)
				continue
			}
			if byDim[dims[0]] == nil {
				for _, tab := range p.tablesOf(dims[0]) {
					byDim[dims[0]] = append(byDim[dims[0]], t.addTables(c, tab))
				}
			}
			for _, k := range byDim[dims[0]] {
				t.add(c, k, int(alt.rank), a)
			}
		}
	}
}

// groupWith is the grouping that has all of these dimensions.
func (l *layout) groupWith(dims []*inventory.Dimension) (int, bool) {
	g, ok := l.groupOf[dims[0]]
	for _, d := range dims[1:] {
		other, found := l.groupOf[d]
		ok = ok && found && other == g
	}
	return g, ok
}

// tablesOf are the tables whose union tells lists of values of a dimension with too many sets: one for each chunk, or
// a list.
func (p *plan) tablesOf(dim *inventory.Dimension) []table {
	var out []table
	for _, g := range p.layout.chunks[dim] {
		out = append(out, table{group: g})
	}
	if out == nil {
		out = append(out, table{group: -1, dim: dim, named: p.named[dim]})
	}
	return out
}

func (t *targeting) addColumn(union bool, tables ...table) int {
	c := len(t.plan.columns)
	t.plan.columns = append(t.plan.columns, column{union: union})
	t.addTables(c, tables...)
	return c
}

// addTables adds tables to the last column, and returns the place of the first of them in it.
func (t *targeting) addTables(c int, tables ...table) int {
	p := t.plan
	first := len(p.columns[c].tables)
	for _, tab := range tables {
		p.columns[c].tables = append(p.columns[c].tables, len(p.tables))
		p.tables = append(p.tables, tab)
	}
	return first
}

func (t *targeting) add(c, k, r int, n *node) {
	tab := &t.plan.tables[t.plan.columns[c].tables[k]]
	tab.conds = append(tab.conds, constraint{uint32(r), n})
}

// placeTables lays the tables out in state.rows.
func (p *plan) placeTables() {
	for k := range p.tables {
		t := &p.tables[k]
		t.at = p.rowsEnd
		if t.group >= 0 {
			g := p.layout.groups[t.group]
			t.rows = g.rows
			for _, a := range g.atoms {
				if len(g.atoms) > 1 {
					p.mostClasses = max(p.mostClasses, a.classes())
				}
			}
		} else {
			t.rows = 1 + blockSlots + len(t.named) // no value, a row for each slot of the block, a row for each value
		}
		p.rowsEnd += t.rows * p.words
		p.bytes += 128 + 32*int64(len(t.conds))
	}
	for c := range p.columns {
		p.unions = append(p.unions, uint32(len(p.columns[c].tables)))
	}
	p.unions = append(p.unions, 1) // the floor's row, last
}

// buildTables fills in the rows.
func (s *state) buildTables() {
	p := s.plan
	all := s.candRow // free until the first slot is decided
	for c := range p.columns {
		col := &p.columns[c]
		setFirst(all, len(p.cands))
		if col.union { // those without a condition are in the first table
			for _, k := range col.tables {
				exclude(all, p.tables[k].conds)
			}
		}
		for i, k := range col.tables {
			if i == 1 && col.union {
				clear(all)
			}
			s.buildTable(&p.tables[k], all, col.union)
		}
	}
	clear(s.candRow)
}

// buildTable fills in one table, on top of the row of the candidates that all its rows have.
func (s *state) buildTable(t *table, base []uint64, union bool) {
	words := s.plan.words
	rows := s.rows[t.at : t.at+t.rows*words]
	if t.group < 0 {
		s.buildList(t, rows, base)
		return
	}
	g := s.plan.layout.groups[t.group]
	if len(g.atoms) == 1 {
		g.atoms[0].fill(rows, base, t.conds, words, union)
		return
	}
	spread(rows, base)
	for k, a := range g.atoms {
		own := t.conditionsOn(a.dim)
		if len(own) == 0 {
			continue
		}
		byClass := s.atomRows[:a.classes()*words]
		a.fill(byClass, base, own, words, union)
		for c := range t.rows {
			row, with := rows[c*words:][:words], byClass[int(g.classOf(k, c))*words:][:words]
			for w, x := range with {
				if union {
					row[w] |= x
				} else {
					row[w] &= x
				}
			}
		}
	}
	t.fillAcross(g, rows, words, union)
}

// conditionsOn are the conditions on one dimension alone.
func (t *table) conditionsOn(dim *inventory.Dimension) []constraint {
	var own []constraint
	for _, c := range t.conds {
		if dims := c.cond.dimensions(nil); len(dims) == 1 && dims[0] == dim {
			own = append(own, c)
		}
	}
	return own
}

// fillAcross evaluates the conditions on several dimensions of the grouping, at a slot of each combination.
func (t *table) fillAcross(g *grouping, rows []uint64, words int, union bool) {
	for _, c := range t.conds {
		if len(c.cond.dimensions(nil)) == 1 {
			continue
		}
		bit := uint64(1) << (c.rank & 63)
		for k, slot := range g.slotOf {
			switch at := &rows[k*words+int(c.rank>>6)]; {
			case union && c.cond.holds(slot):
				*at |= bit
			case !union && !c.cond.holds(slot):
				*at &^= bit
			}
		}
	}
}

// buildList makes a row for each named value, of the candidates that ask for it; those that all rows have are
// in that of no value.
func (s *state) buildList(t *table, rows, base []uint64) {
	words := s.plan.words
	clear(rows)
	copy(rows, base)
	for _, c := range t.conds {
		for _, v := range c.cond.values {
			k, _ := slices.BinarySearch(t.named, v) // named has all
			rows[(1+blockSlots+k)*words+int(c.rank>>6)] |= 1 << (c.rank & 63)
		}
	}
}

// fill makes the rows of an atom's classes. Conditions of one candidate must all hold, unless one is enough.
func (a *atom) fill(rows, base []uint64, conds []constraint, words int, union bool) {
	first := rows[:words]
	copy(first, base)
	exclude(first, conds)
	for k := 1; k < a.classes(); k++ {
		copy(rows[k*words:(k+1)*words], first)
	}
	for i := 0; i < len(conds); {
		end := i + 1
		for !union && end < len(conds) && conds[end].rank == conds[i].rank {
			end++
		}
		switch n := conds[i].cond; {
		case end > i+1 || n.op != model.OpIn:
			a.fillByClass(rows, conds[i:end], words)
		case a.masks != nil:
			a.fillByMask(rows, conds[i], words)
		case a.dim.Multi():
			a.fillByClass(rows, conds[i:end], words)
		default:
			for _, v := range n.values {
				rows[int(a.classOf[v+1])*words+int(conds[i].rank>>6)] |= 1 << (conds[i].rank & 63)
			}
		}
		i = end
	}
}

// fillByClass evaluates conditions of one candidate, all of which must hold, at each class.
func (a *atom) fillByClass(rows []uint64, conds []constraint, words int) {
	rank := conds[0].rank
	for k, code := range a.codeOf {
		ok := true
		for _, c := range conds {
			ok = ok && c.cond.holdsCode(code)
		}
		if ok {
			rows[k*words+int(rank>>6)] |= 1 << (rank & 63)
		}
	}
}

// fillByMask looks for a list of values in each class, of which it may be no more than a chunk.
func (a *atom) fillByMask(rows []uint64, c constraint, words int) {
	asked := a.mask(c.cond.values)
	for k, has := range a.masks {
		if has&asked != 0 {
			rows[k*words+int(c.rank>>6)] |= 1 << (c.rank & 63)
		}
	}
}

// spread copies a row into all.
func spread(rows, row []uint64) {
	for at := 0; at < len(rows); at += len(row) {
		copy(rows[at:], row)
	}
}

// setFirst sets the first n bits of a row and clears the others.
func setFirst(row []uint64, n int) {
	clear(row)
	for r := range n {
		row[r>>6] |= 1 << (r & 63)
	}
}

// exclude clears the bits of candidates with a condition.
func exclude(row []uint64, conds []constraint) {
	for _, c := range conds {
		row[c.rank>>6] &^= 1 << (c.rank & 63)
	}
}
