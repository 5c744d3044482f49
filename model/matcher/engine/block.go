package engine

import (
	"slices"
	"unsafe"
)

// blockSlots is how many visits are prepared together.
const blockSlots = 64

// block is the next visits with all that can be known of them before any is decided: columns are read one
// after the other, each in one go, and the users' state is touched, so that its cache misses overlap. No flight
// starts or ends between them.
type block struct {
	n      int
	slot   [blockSlots]uint32
	copy   [blockSlots]uint32
	hash   [blockSlots]uint64
	user   [blockSlots]uint32
	cell   [blockSlots]uint32 // offset of the user's region; 0 for none
	floor  [blockSlots]int64
	low    [blockSlots]uint32 // offset of the row of candidates whose least bid reaches the floor
	lost   [blockSlots]uint8  // gates before the goal's that turned a campaign away: lostIdentity
	unsure [blockSlots]uint64 // words of the row that have a candidate whose bid may or may not reach the floor
	price  [blockSlots]int64  // -1: not sold
	truth  [blockSlots]uint64 // which predicates are true: see truthTable
	// Where the request's region begins in separation.cells; 0 for none.
	request [blockSlots]uint32
	offs    []uint32 // offsets of each visit's rows, by table (the floor's last) and then by visit
	united  []uint32 // rows that the present visit's row is put together from
	warm    uint64   // what was touched, so that touching is not optimised away

	matched int // words of each visit's row of state.reached that are known

	nextSlot, nextCopy uint32
}

func (b *block) reserve(m *meter, p *plan) {
	takeRaw(m, &b.offs, (len(p.tables)+1)*blockSlots)
	m.count(64, 16) // united
	b.n, b.nextSlot, b.nextCopy = 0, 0, 0
	b.cell, b.request = [blockSlots]uint32{}, [blockSlots]uint32{}
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
	for k := range s.plan.tables {
		s.readTable(k)
	}
	if err := s.readFloors(); err != nil {
		return false, err
	}
	s.readTruths()
	s.findUsers()
	s.findRequests()
	s.matchBlock()
	return true, nil
}

// chooseVisits lists the next slots and copies, up to the next start or end of a flight.
func (s *state) chooseVisits() {
	b, slots := &s.block, uint32(len(s.engine.hashes))
	b.n = 0
	if !s.plan.visits.edited {
		b.n = int(min(blockSlots, slots-b.nextSlot))
		for j := range b.n {
			b.slot[j], b.copy[j] = b.nextSlot+uint32(j), 0
		}
		b.n = s.flyUntil(b.n)
		b.nextSlot += uint32(b.n)
		return
	}
	at, copy := b.nextSlot, b.nextCopy
	for at < slots && b.n < blockSlots {
		if copy >= uint32(s.copies[at]) {
			at++
			copy = 0
			continue
		}
		b.slot[b.n], b.copy[b.n] = at, copy
		b.n++
		copy++
	}
	all := b.n
	if b.n = s.flyUntil(b.n); b.n < all {
		at, copy = b.slot[b.n], b.copy[b.n]
	}
	b.nextSlot, b.nextCopy = at, copy
}

// flyUntil brings the flights up to the first of n visits, and returns how many of them come before the next start
// or end.
func (s *state) flyUntil(n int) int {
	if n == 0 {
		return 0
	}
	b, times := &s.block, s.engine.snap.Times()
	next := s.clock.fly(s, int64(times[b.slot[0]]))
	if int64(times[b.slot[n-1]]) < next {
		return n
	}
	for j, i := range b.slot[:n] {
		if int64(times[i]) >= next {
			return j
		}
	}
	return n
}

// readTable finds the row of each visit in a table.
func (s *state) readTable(k int) {
	t, b := &s.plan.tables[k], &s.block
	offs := b.offs[k*blockSlots:][:b.n]
	if t.group < 0 {
		for j, i := range b.slot[:b.n] {
			offs[j] = s.unite(t, i, j)
		}
		return
	}
	s.plan.layout.groups[t.group].read(offs, b.slot[:b.n], uint32(t.at), uint32(s.plan.words))
}

// unite puts the row of slot i together from the rows of its values, for place j of the block.
func (s *state) unite(t *table, i uint32, j int) uint32 {
	words := s.plan.words
	list := append(s.block.united[:0], uint32(t.at))
	if code := t.dim.Code(int(i)); code > 0 {
		for _, v := range t.dim.Sets()[code-1] {
			if k, ok := slices.BinarySearch(t.named, v); ok {
				list = append(list, uint32(t.at+(1+blockSlots+k)*words))
			}
		}
	}
	s.block.united = list
	if len(list) == 1 {
		return list[0]
	}
	at := t.at + (1+j)*words
	row := s.rows[at : at+words]
	copy(row, s.rows[t.at:])
	for _, from := range list[1:] {
		for w, x := range s.rows[from:][:words] {
			row[w] |= x
		}
	}
	return uint32(at)
}

// readFloors finds each visit's floor and the rows of candidates that reach it. The table is looked up only where
// the edits that match change: an edit without `where` matches always, so that the table of no edits isn't made.
func (s *state) readFloors() error {
	b, codes := &s.block, s.engine.snap.FloorCodes()
	var t *floorTable
	last := uint64(0)
	offs := b.offs[len(s.plan.tables)*blockSlots:][:b.n]
	for j, i := range b.slot[:b.n] {
		if mask := s.floorMask(i); t == nil || mask != last {
			var err error
			if t, err = s.floorTableFor(mask); err != nil {
				return err
			}
			last = mask
		}
		code := codes[i]
		b.floor[j], b.low[j], offs[j] = t.value[code], t.low[code], t.high[code]
	}
	return nil
}

// findUsers finds each visit's user state, and has that of the next block's fetched: its cache misses then take no
// time here. Where that cannot be, it touches its own block's: independent loads overlap at least.
func (s *state) findUsers() {
	b := &s.block
	if len(s.plan.caps.rules) == 0 {
		return
	}
	ahead := useAssembly && !s.plan.visits.edited
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
		switch {
		case ahead:
		case s.plan.caps.wide:
			warm += s.wideCells[at]
		default:
			warm += uint64(s.cells[at])
		}
	}
	b.warm += warm
	if next := s.engine.users[b.nextSlot:]; ahead && len(next) > 0 {
		next = next[:min(blockSlots, len(next))]
		if s.plan.caps.wide {
			prefetchAVX2(unsafe.Pointer(&s.wideCells[0]), &s.userAt[0], &next[0], len(next), 3)
		} else {
			prefetchAVX2(unsafe.Pointer(&s.cells[0]), &s.userAt[0], &next[0], len(next), 2)
		}
	}
}

// findRequests finds what each visit's request has been given.
func (s *state) findRequests() {
	b, e := &s.block, s.engine
	if !s.sep.on {
		return
	}
	requests, warm := e.snap.Requests(), uint64(0)
	for j, i := range b.slot[:b.n] {
		at := e.regionOf(requests[i])
		if at != 0 {
			at += b.copy[j] * uint32(e.requestCells)
			warm += uint64(s.sep.cells[at])
		}
		b.request[j] = at
	}
	b.warm += warm
}

// matched is what match reads of the block: all columns, or all but the floor's.
func (s *state) matched(floor bool) rowSet {
	set := rowSet{rows: s.rows, offs: s.block.offs, stride: blockSlots, unions: s.plan.unions}
	if !floor {
		set.unions = set.unions[:len(set.unions)-1]
	}
	return set
}

// matchBlock finds which candidates reach the goal gate at each of the block's visits: all of them, or the first by
// rank where later ones seldom matter (see matchRest).
func (s *state) matchBlock() {
	b, words := &s.block, s.plan.words
	s.reached.absorb()
	b.matched = words
	if !s.plan.whole {
		b.matched = min(words, lazyWords)
	}
	set := s.matched(true)
	match(s.reached.ring, s.live, &set, 0, b.n, 0, b.matched)
	b.lost = [blockSlots]uint8{}
	s.settleRows(0, b.n, 0, b.matched)
}

// lazyWords is how much of a row is matched for all visits of a block where the rest is seldom asked for.
const lazyWords = 2 * chunkWords

// matchRest completes the row of visit j.
func (s *state) matchRest(j int) {
	set := s.matched(true)
	match(s.reached.row(j), s.live, &set, j, 1, s.block.matched, s.plan.words)
	s.settleRows(j, j+1, s.block.matched, s.plan.words)
}

// settleRows settles, for the visits first..last and the words from..to, what rows of bits cannot, and turns campaigns
// with caps away from visitors who are not identified.
func (s *state) settleRows(first, last, from, to int) {
	b := &s.block
	if s.plan.residuals {
		for j := first; j < last; j++ {
			s.checkResiduals(s.reached.row(j), b.slot[j], from, to)
		}
	}
	if s.plan.floors.lows != nil {
		for w := from; w < to; w += 64 {
			s.checkFloors(first, last, w, min(w+64, to))
		}
	}
	if s.plan.skipsUnknown {
		for j := first; j < last; j++ {
			if b.user[j] == 0 {
				s.skipCapped(j, s.reached.row(j), from, to)
			}
		}
	}
}
