package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory/columns"
)

// layout is which column of a snapshot file is what.
type layout struct {
	id, time, user, request, floor *columns.Column // user, request and floor may be nil
	dimensions                     []*columns.Column
}

// layoutOf sorts out a file's columns by name and refuses what can't be one.
func layoutOf(f *columns.File) (*layout, error) {
	var l layout
	places := map[string]**columns.Column{
		slotIDColumn: &l.id, timeColumn: &l.time, userIDColumn: &l.user, requestIDColumn: &l.request, floorColumnName: &l.floor,
	}
	for _, c := range f.Columns() {
		if c.Err != nil {
			return nil, fmt.Errorf("column %q %w", c.Name, c.Err)
		}
		place, ok := places[c.Name]
		if !ok {
			if err := checkDimensionName(c.Name); err != nil {
				return nil, err
			}
			l.dimensions = append(l.dimensions, c)
			continue
		}
		if c.List {
			return nil, fmt.Errorf("column %q is a list: a slot has one", c.Name)
		}
		*place = c
	}
	if len(l.dimensions) > maxColumns {
		return nil, fmt.Errorf("%d dimensions are more than the %d allowed: drop columns that no study uses", len(l.dimensions), maxColumns)
	}
	return &l, l.check()
}

// check refuses a layout in which columns are missing or can't be what they are named.
func (l *layout) check() error {
	switch {
	case l.id == nil || l.time == nil:
		return errors.New("a snapshot needs the columns slot_id and time: make one with `whatif import`")
	case l.time.Kind != columns.Timestamp && l.time.Kind != columns.Date:
		return errors.New("column time is no TIMESTAMP: say what its numbers or texts mean with `whatif import --map`")
	}
	for _, c := range []*columns.Column{l.id, l.user, l.request} {
		if c != nil && !slices.Contains([]columns.Kind{columns.Text, columns.Integer, columns.Unsigned, columns.UUID}, c.Kind) {
			return fmt.Errorf("column %q is neither text nor integer: convert it to text", c.Name)
		}
	}
	if c := l.floor; c != nil && (c.Kind == columns.Boolean || c.Kind == columns.Date || c.Kind == columns.Timestamp || c.Kind == columns.UUID) {
		return errors.New("column floor_cpm is no number: it holds units of the currency per thousand impressions")
	}
	return nil
}

// clock reads times of a column.
type clock struct {
	utc      bool
	calendar calendar
}

func (l *layout) clock(o Options) *clock {
	return &clock{utc: l.time.UTC, calendar: calendar{location: o.location()}}
}

// instant is time i of a vector.
func (c *clock) instant(v *columns.Vector, i int) (model.Instant, error) {
	micros, ok := v.Micros(i)
	if !ok || micros < int64(minInstant) || micros > int64(maxInstant) {
		return 0, errors.New("time is outside of the years 1 to 9999")
	}
	if c.utc {
		return model.Instant(micros), nil
	}
	return c.calendar.instant(micros), nil
}

// instant is a local time, in microseconds as if it were UTC, as an instant. Where clocks changed and it
// exists twice or not at all, it is what time.Date makes of it.
func (c *calendar) instant(local int64) model.Instant {
	if c.location == time.UTC {
		return model.Instant(local)
	}
	const margin = 2 * 86_400 // seconds from a clock change within which the library decides
	second := floorDiv(local, 1_000_000)
	if utc := second - c.offset; c.start < c.end && utc-margin > c.start && utc+margin < c.end {
		return model.Instant(local - c.offset*1_000_000)
	}
	at := time.UnixMicro(local).UTC()
	at = time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), c.location)
	c.lookUp(at.Unix())
	return model.Instant(at.UnixMicro())
}

// cpm is floor i of a vector.
func cpm(v *columns.Vector, i int, scratch []byte) (model.CPM, error) {
	if unscaled, scale, ok := v.Fixed(i); ok {
		return scaledCPM(unscaled, scale)
	}
	text, err := v.AppendText(scratch[:0], i)
	if err != nil {
		return 0, fmt.Errorf("floor_cpm: %w", err)
	}
	return textCPM(string(text))
}

// openSnapshot opens a file of a snapshot.
func openSnapshot(path string) (*columns.File, *layout, error) {
	f, err := columns.Open(path)
	if err != nil {
		return nil, nil, err
	}
	l, err := layoutOf(f)
	if err == nil && f.Rows() > maxSlots {
		err = fmt.Errorf("%d slots are more than the %d a snapshot can hold", f.Rows(), int64(maxSlots))
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return f, l, nil
}

// cancelled is the error of a cancelled context, looked at once a page.
func cancelled(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reading the snapshot: %w", context.Cause(ctx))
	}
	return nil
}
