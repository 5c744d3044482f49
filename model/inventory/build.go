package inventory

import (
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"github.com/whatif-machine/whatif/model"
)

// ErrEmpty is the error of a snapshot without slots.
var ErrEmpty = errors.New("the snapshot has no slots")

// Build makes a snapshot of slots in any order. A repeated slot_id, a reserved dimension name, a negative
// floor, text that is not UTF-8 or a time outside of the years 1 to 9999 is an error that names the slot.
func Build(slots []model.Slot, o Options) (*Snapshot, error) {
	if len(slots) > maxSlots {
		return nil, fmt.Errorf("%d slots are more than the %d a snapshot can hold", len(slots), maxSlots)
	}
	var b builder
	for i := range slots {
		if err := b.add(&slots[i]); err != nil {
			return nil, fmt.Errorf("slot %d (%q): %w", i, slots[i].ID, err)
		}
	}
	return b.finish(o)
}

// add appends one row.
func (b *builder) add(s *model.Slot) error {
	row := len(b.times)
	if err := b.addID([]byte(s.ID)); err != nil {
		return err
	}
	b.times = append(b.times, s.Time)
	user, err := b.users.code([]byte(s.UserID))
	if err != nil {
		return fmt.Errorf("user_id: %w", err)
	}
	request, err := b.requests.code([]byte(s.RequestID))
	if err != nil {
		return fmt.Errorf("request_id: %w", err)
	}
	floor, err := b.floors.code(s.FloorCPM)
	if err != nil {
		return err
	}
	b.users.codes = append(b.users.codes, user)
	b.requests.codes = append(b.requests.codes, request)
	b.floors.codes = append(b.floors.codes, floor)
	return b.addDimensions(s, row)
}

// addID enters the id of the next row.
func (b *builder) addID(id []byte) error { return b.addHashedID(id, xxhash.Sum64(id), false) }

// addHashedID is addID of an id whose XXH64 is known and that may be known to be UTF-8.
func (b *builder) addHashedID(id []byte, hash uint64, isUTF8 bool) error {
	if len(id) == 0 {
		return errors.New("slot_id is empty: every slot needs an id")
	}
	first, isNew := b.ids.put(id, hash)
	if !isNew {
		return &duplicateID{id: string(id), first: first}
	}
	if isUTF8 && len(id) <= maxText {
		return nil
	}
	if err := checkText(id); err != nil {
		return fmt.Errorf("slot_id: %w", err)
	}
	return nil
}

func (b *builder) addDimensions(s *model.Slot, row int) error {
	for name, value := range s.Scalars {
		d, err := b.dimension(name, false)
		if err != nil {
			return err
		}
		number, err := d.text([]byte(value))
		if err != nil {
			return err
		}
		d.codes.pad(row)
		d.codes.add(number + 1)
	}
	for name, values := range s.Sets {
		d, err := b.dimension(name, true)
		if err != nil {
			return err
		}
		d.numbers = d.numbers[:0]
		for _, value := range values {
			number, err := d.text([]byte(value))
			if err != nil {
				return err
			}
			d.numbers = append(d.numbers, number)
		}
		code, err := d.set(d.numbers)
		if err != nil {
			return err
		}
		d.codes.pad(row)
		d.codes.add(code)
	}
	return nil
}

// duplicateID is the error of a slot_id that was seen before, in row first.
type duplicateID struct {
	id    string
	first uint32
}

func (e *duplicateID) Error() string {
	return fmt.Sprintf("slot_id %q is not unique: it was already the id of slot %d; remove one of them, or let `whatif import` do it", e.id, e.first)
}
