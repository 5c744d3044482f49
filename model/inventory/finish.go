package inventory

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// maxShiftDays keeps a shifted time within 64 bits; whether it is a date is checked after.
const maxShiftDays = 4_000_000

// finish shifts, sorts, renumbers and narrows what was collected. A column that is done leaves its memory to the
// next, so that at no time more than one of a width is held twice.
func (b *builder) finish(o Options) (*Snapshot, error) {
	rows := len(b.times)
	if rows == 0 {
		return nil, ErrEmpty
	}
	if err := b.shift(o.ShiftDays); err != nil {
		return nil, err
	}
	b.requests.texts = interner{}
	order, words := sortRows(b.times, &b.ids, b.ids.table)
	s := &Snapshot{times: fitted(b.times), slotHashes: b.ids.hashes(words, order)}
	b.times, b.ids = nil, interner{}
	var spare spares
	s.users, s.userHashes = b.users.finishUsers(order, &spare)
	b.users = textColumn{}
	s.requests, s.requestCount = finishRequests(permute(&spare.u32, b.requests.codes, order))
	b.requests = textColumn{}
	s.floorCodes, s.floorValues = b.floors.finish(order, &spare)
	b.floors = floorColumn{}
	for _, name := range slices.Sorted(maps.Keys(b.dims)) {
		d := b.dims[name]
		d.codes.pad(rows)
		s.dimensions = append(s.dimensions, d.finish(order, &spare))
		delete(b.dims, name)
	}
	s.dimensions = append(s.dimensions, derive(s.times, o.location())...)
	s.byName = make(map[string]*Dimension, len(s.dimensions))
	for _, d := range s.dimensions {
		s.byName[d.name] = d
	}
	return s, nil
}

// shift moves all times and checks that they are dates.
func (b *builder) shift(days int64) error {
	if days < -maxShiftDays || days > maxShiftDays {
		return fmt.Errorf("shift of %d days: at most %d either way", days, maxShiftDays)
	}
	for i, t := range b.times {
		if t < minInstant || t > maxInstant {
			return fmt.Errorf("slot %q: its time, %d us since 1970, is outside of the years 1 to 9999", b.ids.bytes(uint32(i)), t)
		}
		t += model.Instant(days * microsPerDay)
		if t < minInstant || t > maxInstant {
			return fmt.Errorf("slot %q: its time shifted by %d days is outside of the years 1 to 9999", b.ids.bytes(uint32(i)), days)
		}
		b.times[i] = t
	}
	return nil
}

// order lists the rows by (time, slot_id by bytes) and leaves them as they are; nil if that is how they came.
func (b *builder) order() []uint32 {
	order, _ := sortRows(slices.Clone(b.times), &b.ids, nil)
	return order
}

// finishUsers numbers the users from 1 in order of their first visit.
func (c *textColumn) finishUsers(order []uint32, spare *spares) (users []uint32, hashes []uint64) {
	users = permute(&spare.u32, c.codes, order)
	hashes = make([]uint64, 1, c.texts.len()+1)
	numbers := make([]uint32, c.texts.len()+1)
	for i, code := range users {
		if code == 0 {
			continue
		}
		if numbers[code] == 0 {
			numbers[code] = uint32(len(hashes))
			hashes = append(hashes, c.texts.hash(code-1))
		}
		users[i] = numbers[code]
	}
	return users, hashes
}

// finishRequests numbers the requests from 0 in order of first visit; code 0 is one of its own.
func finishRequests(codes []uint32) (requests []uint32, count int) {
	numbers := make([]uint32, slices.Max(codes)+1)
	for i, code := range codes {
		if code > 0 && numbers[code] > 0 {
			codes[i] = numbers[code] - 1
			continue
		}
		codes[i] = uint32(count)
		count++
		numbers[code] = uint32(count)
	}
	return codes, count
}

// finish numbers the floors in ascending order.
func (c *floorColumn) finish(order []uint32, spare *spares) (codes []uint32, values []model.CPM) {
	values = slices.Sorted(slices.Values(c.values))
	rank := make([]uint32, len(values))
	for place, v := range values {
		rank[c.numbers[v]] = uint32(place)
	}
	return recode(&spare.u32, c.codes, order, rank), values
}

// finish sorts values and sets, and puts the codes in order.
func (d *dimColumn) finish(order []uint32, spare *spares) *Dimension {
	out := &Dimension{name: d.name, multi: d.multi}
	var rank []uint32
	out.values, rank = sortRanked(d.texts.strings(), strings.Compare)
	if d.multi {
		out.sets, rank = sortRanked(d.decodeSets(rank), slices.Compare[[]uint32])
	}
	byCode := make([]uint32, len(rank)+1) // 0, missing, stays
	for i, r := range rank {
		byCode[i+1] = r + 1
	}
	d.codes.finish(out, byCode, order, spare)
	return out
}

// decodeSets gives every set as ascending places of its values.
func (d *dimColumn) decodeSets(rank []uint32) [][]uint32 {
	sets := make([][]uint32, d.sets.len())
	for i := range sets {
		key := d.sets.bytes(uint32(i))
		sets[i] = make([]uint32, 0, len(key)/4)
		for ; len(key) > 0; key = key[4:] {
			sets[i] = append(sets[i], rank[binary.LittleEndian.Uint32(key)])
		}
		slices.Sort(sets[i])
	}
	return sets
}

// sortRanked sorts items and tells for each, by its former place, the place it has now.
func sortRanked[T any](items []T, compare func(a, b T) int) (sorted []T, rank []uint32) {
	places := make([]uint32, len(items))
	for i := range places {
		places[i] = uint32(i)
	}
	slices.SortFunc(places, func(a, b uint32) int { return compare(items[a], items[b]) })
	rank = make([]uint32, len(items))
	sorted = make([]T, len(items))
	for place, former := range places {
		rank[former], sorted[place] = uint32(place), items[former]
	}
	return sorted, rank
}
