package inventory

import (
	"errors"
	"fmt"
	"slices"

	"github.com/whatif-machine/whatif/model/inventory/columns"
)

// maxGivenValues is how many values of a slot are looked at: those allowed, and repetitions of them.
const maxGivenValues = 16 * maxSetValues

// setReader collects the rows of a multi-valued dimension in one row group. A row may go on in the next page, so
// the last of a page stays open until the next row begins.
type setReader struct {
	*columnReader
	column    *columns.Column
	dimension *dimColumn
	row       int      // the row that was begun last
	isOpen    bool     // it may go on
	pending   []uint32 // codes of its values
	last      []uint32 // codes of the values of some row, and the code of their set: the slots of a page or of a
	lastSet   uint32   // user have the same and often come one after the other
	codes     []uint32 // of rows that are whole
}

// sets appends the codes of a multi-valued dimension.
func (r *columnReader) sets(c *columns.Column, d *dimColumn, code coder) error {
	s := setReader{columnReader: r, column: c, dimension: d, row: r.start - 1, codes: r.loader.entries}
	r.loader.translation.begin(code)
	err := r.pages(c, func(p *columns.Page, _ int) error {
		s.codes = s.codes[:0]
		values, fault := r.loader.translation.page(p)
		if err := s.page(p, values, fault); err != nil {
			return err
		}
		d.codes.addAll(s.codes)
		return nil
	})
	if err != nil {
		return err
	}
	s.codes = s.codes[:0]
	if err := s.close(); err != nil {
		return err
	}
	d.codes.addAll(s.codes)
	r.loader.entries = s.codes
	if s.row != r.start+r.rows-1 {
		return r.at(max(s.row, r.start), c, fmt.Errorf("the list column has %d rows in a row group of %d", s.row-r.start+1, r.rows))
	}
	return nil
}

// page takes the entries of a page. values are the codes of its values; after the last of them comes the one at
// fault, if one is.
func (s *setReader) page(p *columns.Page, values []uint32, fault error) error {
	for entry := 0; entry < p.Len; {
		begins := p.Rep[entry] == 0
		if begins {
			if err := s.close(); err != nil {
				return err
			}
			s.row++
		}
		end, present := rowEnd(p, entry)
		if present > 0 && (present > len(values) || len(s.pending)+present > maxGivenValues || s.row < s.start || s.row >= s.start+s.rows) {
			return s.refuse(present, len(values), fault)
		}
		if begins && end < p.Len {
			if err := s.set(values[:present]); err != nil {
				return err
			}
		} else {
			s.pending, s.isOpen = append(s.pending, values[:present]...), true
		}
		entry, values = end, values[present:]
	}
	return nil
}

// rowEnd is the entry after those of the row that has this one, and how many values they have.
func rowEnd(p *columns.Page, entry int) (end, present int) {
	for end = entry; end == entry || end < p.Len && p.Rep[end] != 0; end++ {
		if p.Def[end] == p.MaxDef {
			present++
		}
	}
	return end, present
}

// refuse says why values of a row can't be taken: of those of the page so many are left.
func (s *setReader) refuse(present, left int, fault error) error {
	var errs []error
	if len(s.pending)+present > maxGivenValues {
		errs = append(errs, fmt.Errorf("more than the %d values allowed", maxSetValues))
	} else if present > left {
		errs = append(errs, fault)
	}
	if s.row < s.start || s.row >= s.start+s.rows {
		errs = append(errs, fmt.Errorf("the list column has values outside of the row group's %d rows", s.rows))
	}
	return s.at(max(s.row, s.start), s.column, errors.Join(errs...))
}

// close ends the row that is open.
func (s *setReader) close() error {
	if !s.isOpen || s.row < s.start {
		return nil
	}
	err := s.set(s.pending)
	s.pending, s.isOpen = s.pending[:0], false
	return err
}

// set adds a row with these values.
func (s *setReader) set(values []uint32) error {
	if !slices.Equal(values, s.last) {
		d := s.dimension
		d.numbers = d.numbers[:0]
		for _, code := range values {
			if code > 0 {
				d.numbers = append(d.numbers, code-1)
			}
		}
		code, err := d.set(d.numbers)
		if err != nil {
			return s.at(s.row, s.column, err)
		}
		s.last, s.lastSet = append(s.last[:0], values...), code
	}
	s.codes = append(s.codes, s.lastSet)
	return nil
}
