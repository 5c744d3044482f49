package inventory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/whatif-machine/whatif/model"
)

// prepare checks a slot of a log, so that add can't fail on it, and brings it into the form in which slots are
// compared: sets sorted and without repetitions, none empty, and a single value of a multi-valued dimension
// as a set of one.
func (b *builder) prepare(s *model.Slot) error {
	if s.ID == "" {
		return errors.New("slot_id is empty: every slot needs an id")
	}
	for name, text := range map[string]string{slotIDColumn: s.ID, userIDColumn: s.UserID, requestIDColumn: s.RequestID} {
		if err := checkText(unsafeBytes(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if s.Time < minInstant || s.Time > maxInstant {
		return errors.New("time is outside of the years 1 to 9999")
	}
	if _, err := checkCPM(int64(s.FloorCPM)); err != nil {
		return err
	}
	if err := b.prepareScalars(s); err != nil {
		return err
	}
	return b.prepareSets(s)
}

func (b *builder) prepareScalars(s *model.Slot) error {
	for _, name := range slices.Sorted(maps.Keys(s.Scalars)) {
		if err := b.checkDimension(name, s.Scalars[name]); err != nil {
			return err
		}
		if d := b.dims[name]; d != nil && d.multi {
			if s.Sets == nil {
				s.Sets = map[string][]string{}
			}
			s.Sets[name] = []string{s.Scalars[name]}
			delete(s.Scalars, name)
		}
	}
	return nil
}

func (b *builder) prepareSets(s *model.Slot) error {
	for _, name := range slices.Sorted(maps.Keys(s.Sets)) {
		values := slices.Compact(slices.Sorted(slices.Values(s.Sets[name])))
		if err := b.checkDimension(name, values...); err != nil {
			return err
		}
		if d := b.dims[name]; d != nil && !d.multi {
			d.widen()
		}
		if len(values) > maxSetValues {
			return fmt.Errorf("%s has %d values, more than the %d allowed", name, len(values), maxSetValues)
		}
		if s.Sets[name] = values; len(values) == 0 {
			delete(s.Sets, name)
		}
	}
	return nil
}

func (b *builder) checkDimension(name string, values ...string) error {
	if b.dims[name] == nil {
		if err := checkDimensionName(name); err != nil {
			return err
		}
		if len(b.dims) >= maxColumns {
			return fmt.Errorf("%.40q would be dimension number %d: at most %d are allowed; name the columns to take in a map", name, maxColumns+1, maxColumns)
		}
	}
	for _, v := range values {
		if err := checkText(unsafeBytes(v)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// widen makes a scalar dimension multi-valued: its values become sets of one. The sets are numbered as the
// values are, so that the codes stay.
func (d *dimColumn) widen() {
	d.multi = true
	for number := range uint32(d.texts.len()) {
		d.sets.intern(binary.LittleEndian.AppendUint32(nil, number))
	}
}

// sameSlot reports whether two slots in prepared form are equal.
func sameSlot(a, b *model.Slot) bool {
	return a.ID == b.ID && a.Time == b.Time && a.UserID == b.UserID && a.RequestID == b.RequestID && a.FloorCPM == b.FloorCPM &&
		maps.Equal(a.Scalars, b.Scalars) && maps.EqualFunc(a.Sets, b.Sets, slices.Equal[[]string])
}
