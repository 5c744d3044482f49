package inventory

import (
	"errors"
	"fmt"

	"github.com/whatif-machine/whatif/model/inventory/columns"
)

// setReader collects the rows of a multi-valued dimension in one row group. A row may go on in the next page.
type setReader struct {
	*columnReader
	column    *columns.Column
	dimension *dimColumn
	row       int      // the row being collected
	codes     []uint32 // of rows that are whole
}

// sets appends the codes of a multi-valued dimension.
func (r *columnReader) sets(c *columns.Column, d *dimColumn, code coder) error {
	s := setReader{columnReader: r, column: c, dimension: d, row: r.start - 1, codes: r.loader.entries[:0]}
	d.numbers = d.numbers[:0]
	r.loader.translation.begin(code)
	err := r.pages(c, func(p *columns.Page, _ int) error {
		values, fault := r.loader.translation.page(p)
		if err := s.page(p, values, fault); err != nil {
			return err
		}
		d.codes.addAll(s.codes)
		s.codes = s.codes[:0]
		return nil
	})
	if err == nil && s.row >= r.start {
		err = s.flush()
		d.codes.addAll(s.codes)
	}
	if err == nil && s.row != r.start+r.rows-1 {
		err = r.at(max(s.row, r.start), c, fmt.Errorf("the list column has %d rows in a row group of %d", s.row-r.start+1, r.rows))
	}
	r.loader.entries = s.codes[:0]
	return err
}

// page takes the entries of a page. values are the codes of its values; after the last of them comes the one at fault, if one is.
func (s *setReader) page(p *columns.Page, values []uint32, fault error) error {
	d, end := s.dimension, s.start+s.rows
	for entry, level := range p.Def {
		if p.Rep[entry] == 0 {
			if s.row >= s.start {
				if err := s.flush(); err != nil {
					return err
				}
			}
			s.row++
		}
		if level != p.MaxDef {
			continue
		}
		if len(values) == 0 || len(d.numbers) > 16*maxSetValues || s.row < s.start || s.row >= end {
			return s.refuse(len(values) == 0, fault)
		}
		if code := values[0]; code > 0 {
			d.numbers = append(d.numbers, code-1)
		}
		values = values[1:]
	}
	return nil
}

// refuse is the error of a value that can't be taken.
func (s *setReader) refuse(faulty bool, fault error) error {
	var errs []error
	if faulty {
		errs = append(errs, fault)
	} else if len(s.dimension.numbers) > 16*maxSetValues {
		errs = append(errs, fmt.Errorf("more than the %d values allowed", maxSetValues))
	}
	if s.row < s.start || s.row >= s.start+s.rows {
		errs = append(errs, fmt.Errorf("the list column has values outside of the row group's %d rows", s.rows))
	}
	return s.at(max(s.row, s.start), s.column, errors.Join(errs...))
}

// flush makes the code of the row that is whole.
func (s *setReader) flush() error {
	code, err := s.dimension.set(s.dimension.numbers)
	if err != nil {
		return s.at(s.row, s.column, err)
	}
	s.codes = append(s.codes, code)
	s.dimension.numbers = s.dimension.numbers[:0]
	return nil
}
