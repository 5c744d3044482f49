package inventory

import (
	"encoding/binary"
	"slices"

	"github.com/whatif-machine/whatif/model"
)

// slot is row i in its plain form, as it was added; sets are sorted and without repetitions.
func (b *builder) slot(i uint32) model.Slot {
	s := model.Slot{
		ID: string(b.ids.bytes(i)), Time: b.times[i], FloorCPM: b.floors.values[b.floors.codes[i]],
		UserID: b.users.text(i), RequestID: b.requests.text(i),
	}
	for name, d := range b.dims {
		if int(i) >= d.codes.len() || d.codes.at(i) == 0 {
			continue
		}
		code := d.codes.at(i) - 1
		if d.multi {
			if s.Sets == nil {
				s.Sets = map[string][]string{}
			}
			s.Sets[name] = d.setTexts(code)
			continue
		}
		if s.Scalars == nil {
			s.Scalars = map[string]string{}
		}
		s.Scalars[name] = string(d.texts.bytes(code))
	}
	return s
}

// text is the text of row i, empty if it is missing.
func (c *textColumn) text(i uint32) string {
	if c.codes[i] == 0 {
		return ""
	}
	return string(c.texts.bytes(c.codes[i] - 1))
}

// setTexts are the values of a set, sorted.
func (d *dimColumn) setTexts(set uint32) []string {
	key := d.sets.bytes(set)
	values := make([]string, 0, len(key)/4)
	for ; len(key) > 0; key = key[4:] {
		values = append(values, string(d.texts.bytes(binary.LittleEndian.Uint32(key))))
	}
	slices.Sort(values)
	return values
}
