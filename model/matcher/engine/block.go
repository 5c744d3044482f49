package engine

// blockSlots is how many visits are prepared together.
const blockSlots = 64

// block is the next visits with all that can be known of them before any is decided: columns are read one
// after the other, each in one go, and the users' state is touched, so that its cache misses overlap.
type block struct {
	n      int
	slot   [blockSlots]uint32
	copy   [blockSlots]uint32
	hash   [blockSlots]uint64
	user   [blockSlots]uint32
	cell   [blockSlots]uint32 // offset of the user's region; 0 for none
	floor  [blockSlots]int64
	low    [blockSlots]uint32 // offset of the row of candidates whose least bid reaches the floor
	stride int
	offs   []uint32 // offsets of each visit's rows: stride of them, a visit's together
	united []uint32 // rows that the present visit's row is put together from
	warm   uint64   // what was touched, so that touching is not optimised away

	nextSlot, nextCopy uint32
}

func (b *block) reserve(m *meter, p *plan) {
	b.stride = len(p.columns) + 1
	takeRaw(m, &b.offs, b.stride*blockSlots)
	m.count(64, 16) // united
	b.n, b.nextSlot, b.nextCopy = 0, 0, 0
}

// fillBlock prepares the next visits; it reports false when there are none left.
func (s *state) fillBlock() (bool, error) {
	b := &s.block
	s.chooseVisits()
	if b.n == 0 {
		return false, nil
	}
	first := int(b.slot[0])
	hashes, users := s.engine.hashes[first:], s.engine.users[first:]
	for j, i := range b.slot[:b.n] {
		b.hash[j] = copyHash(hashes[int(i)-first], b.copy[j])
		b.user[j] = users[int(i)-first]
	}
	for c := range s.plan.columns {
		s.readColumn(c)
	}
	if err := s.readFloors(); err != nil {
		return false, err
	}
	s.touchUsers()
	return true, nil
}

// chooseVisits lists the next slots and copies.
func (s *state) chooseVisits() {
	b, slots := &s.block, uint32(len(s.engine.hashes))
	if !s.plan.visits.edited {
		b.n = int(min(blockSlots, slots-b.nextSlot))
		for j := range b.n {
			b.slot[j], b.copy[j] = b.nextSlot+uint32(j), 0
		}
		b.nextSlot += uint32(b.n)
		return
	}
	b.n = 0
	for b.nextSlot < slots && b.n < blockSlots {
		if b.nextCopy >= uint32(s.copies[b.nextSlot]) {
			b.nextSlot++
			b.nextCopy = 0
			continue
		}
		b.slot[b.n], b.copy[b.n] = b.nextSlot, b.nextCopy
		b.n++
		b.nextCopy++
	}
}

// readColumn finds the row of each visit in a column.
func (s *state) readColumn(c int) {
	col, b := &s.plan.columns[c], &s.block
	if col.united {
		for j, i := range b.slot[:b.n] {
			b.offs[j*b.stride+c] = s.unite(col, i, j)
		}
		return
	}
	for k, at := range col.parts {
		p := &s.parts[at]
		switch d := p.dim; {
		case d.U8() != nil:
			addRows(s, c, k == 0, d.U8(), p.rowOf)
		case d.U16() != nil:
			addRows(s, c, k == 0, d.U16(), p.rowOf)
		default:
			addRows(s, c, k == 0, d.U32(), p.rowOf)
		}
	}
}

// addRows adds one dimension's part of the offset of each visit's row.
func addRows[T uint8 | uint16 | uint32](s *state, c int, first bool, codes []T, rowOf []uint32) {
	b := &s.block
	if first {
		for j := range b.n {
			b.offs[j*b.stride+c] = 0
		}
	}
	at := c
	if !s.plan.visits.edited { // the block's slots stand side by side
		for _, code := range codes[b.slot[0]:][:b.n] {
			b.offs[at] += rowOf[code]
			at += b.stride
		}
		return
	}
	for _, i := range b.slot[:b.n] {
		b.offs[at] += rowOf[codes[i]]
		at += b.stride
	}
}

// unite puts the row of slot i together from the rows of its codes and values, for place j of the block.
func (s *state) unite(col *column, i uint32, j int) uint32 {
	list := append(s.block.united[:0], uint32(col.at))
	for _, k := range col.parts {
		p := &s.parts[k]
		code := p.dim.Code(int(i))
		if !p.byValue {
			list = append(list, p.rowOf[code])
			continue
		}
		if code == 0 {
			continue
		}
		for _, v := range p.dim.Sets()[code-1] {
			if row := p.rowOf[v+1]; row != 0 {
				list = append(list, row)
			}
		}
	}
	s.block.united = list
	if len(list) == 1 {
		return list[0]
	}
	at := col.at + (1+j)*s.plan.words
	for w := 0; w < s.plan.words; w += chunkWords {
		orRows((*[chunkWords]uint64)(s.rows[at+w:]), s.rows, list, w)
	}
	return uint32(at)
}

// orRows is a chunk of the union of rows.
func orRows(out *[chunkWords]uint64, rows []uint64, offs []uint32, w int) {
	var x0, x1, x2, x3, x4, x5, x6, x7 uint64
	for _, at := range offs {
		r := (*[chunkWords]uint64)(rows[int(at)+w:])
		x0, x1, x2, x3 = x0|r[0], x1|r[1], x2|r[2], x3|r[3]
		x4, x5, x6, x7 = x4|r[4], x5|r[5], x6|r[6], x7|r[7]
	}
	out[0], out[1], out[2], out[3] = x0, x1, x2, x3
	out[4], out[5], out[6], out[7] = x4, x5, x6, x7
}

// readFloors finds each visit's floor and the rows of candidates that reach it. The table is looked up only where
// the edits that match change: an edit without `where` matches always, so that the table of no edits isn't made.
func (s *state) readFloors() error {
	b, codes := &s.block, s.engine.snap.FloorCodes()
	var t *floorTable
	last := uint64(0)
	at := b.stride - 1
	for j, i := range b.slot[:b.n] {
		if mask := s.floorMask(i); t == nil || mask != last {
			var err error
			if t, err = s.floorTableFor(mask); err != nil {
				return err
			}
			last = mask
		}
		code := codes[i]
		b.floor[j], b.low[j], b.offs[at] = t.value[code], t.low[code], t.high[code]
		at += b.stride
	}
	return nil
}

// touchUsers finds each visit's user state and reads a word of it: independent loads overlap here, where
// one after another they would each take the time of a cache miss.
func (s *state) touchUsers() {
	b := &s.block
	if len(s.plan.caps.rules) == 0 {
		return
	}
	warm := uint64(0)
	for j, u := range b.user[:b.n] {
		b.cell[j] = 0
		if u == 0 {
			continue
		}
		at := s.userAt[u]
		if k := b.copy[j]; k > 0 {
			at += k * uint32(1+s.plan.caps.cells(len(s.engine.slotsOf(u))))
		}
		b.cell[j] = at
		warm += s.cells[at]
	}
	b.warm += warm
}
