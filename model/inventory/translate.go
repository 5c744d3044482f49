package inventory

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/whatif-machine/whatif/model/inventory/columns"
)

// coder makes the codes of values.
type coder interface {
	// missing is the code of a value that is missing.
	missing() (uint32, error)
	// encode sets out to the codes of the values of a vector at these places. With an error it says how many came before it.
	encode(v *columns.Vector, places, out []uint32) (int, error)
}

// textBatch is how many texts are hashed before they are looked up, so that the look-ups wait for memory together.
const textBatch = 128

// textReader has a batch of values as texts.
type textReader struct {
	list    [textBatch][]byte
	hashes  [textBatch]uint64
	absent  [textBatch]bool // a number that is none, which pandas writes for a missing one
	isUTF8  bool            // all are; else it isn't known
	scratch []byte          // of values that are not stored as text
}

// read takes the values at these places, at most textBatch. With an error it says how many came before it.
func (t *textReader) read(v *columns.Vector, places []uint32) (int, error) {
	t.scratch = t.scratch[:0]
	isText := v.IsText()
	t.isUTF8 = !isText || v.IsASCII()
	for i, place := range places {
		if isText {
			t.list[i], t.absent[i] = v.Bytes(int(place)), false
		} else {
			start := len(t.scratch)
			scratch, err := v.AppendText(t.scratch, int(place))
			if err != nil && !errors.Is(err, columns.ErrNotANumber) {
				return i, err
			}
			t.list[i], t.absent[i], t.scratch = scratch[start:], err != nil, scratch
		}
		t.hashes[i] = xxhash.Sum64(t.list[i])
	}
	return len(places), nil
}

// textCoder numbers texts: 0 for a missing one, else 1 + its number.
type textCoder struct {
	in        *interner
	texts     *textReader
	dimension string // of values; none for ids, of which the empty one is missing
}

func (l *loader) idCoder(c *textColumn) coder { return &textCoder{in: &c.texts, texts: l.texts} }

func (l *loader) valueCoder(d *dimColumn) coder {
	return &textCoder{in: &d.texts, texts: l.texts, dimension: d.name}
}

func (c *textCoder) missing() (uint32, error) { return 0, nil }

func (c *textCoder) encode(v *columns.Vector, places, out []uint32) (int, error) {
	for start := 0; start < len(places); start += textBatch {
		n, fault := c.texts.read(v, places[start:min(start+textBatch, len(places))])
		c.in.fetch(c.texts.hashes[:n])
		for i, text := range c.texts.list[:n] {
			if c.texts.absent[i] || len(text) == 0 && c.dimension == "" {
				out[start+i] = 0
				continue
			}
			number, isNew := c.in.put(text, c.texts.hashes[i])
			if isNew {
				if err := c.check(text, c.texts.isUTF8); err != nil {
					return start + i, err
				}
			}
			out[start+i] = number + 1
		}
		if fault != nil {
			return start + n, fault
		}
	}
	return len(places), nil
}

// check refuses a text that can't be what it is.
func (c *textCoder) check(text []byte, isUTF8 bool) error {
	if isUTF8 && len(text) <= maxText {
		return nil
	}
	err := checkText(text)
	if err != nil && c.dimension != "" {
		return fmt.Errorf("dimension %q: %w", c.dimension, err)
	}
	return err
}

func (c *floorColumn) missing() (uint32, error) { return c.code(0) }

// floors are numbers whose text needs no more than this.
const floorText = 400

func (c *floorColumn) encode(v *columns.Vector, places, out []uint32) (int, error) {
	var scratch [floorText]byte
	for i, place := range places {
		price, err := cpm(v, int(place), scratch[:])
		if err == nil {
			out[i], err = c.code(price)
		}
		if err != nil {
			return i, err
		}
	}
	return len(places), nil
}

// translation gives the values of one column in one row group their codes.
type translation struct {
	coder      coder
	dictionary *columns.Vector
	table      []uint32 // the code of every entry of the dictionary, unmet until a row has it
	unmet      int      // entries
	met        []uint32 // scratch: the entries that a page is the first to have
	values     []uint32 // scratch: the values in which it first has them
	fresh      []uint32 // scratch: their codes
	out        []uint32
	counting   []uint32 // 0, 1, 2, ..
}

const unmet = math.MaxUint32

// begin turns to another chunk of a column.
func (t *translation) begin(c coder) { t.coder, t.dictionary = c, nil }

// page gives the codes of the values that a page has, valid until the next. With an error they are those before the one at fault.
func (t *translation) page(p *columns.Page) ([]uint32, error) {
	n := p.Present()
	t.out = slices.Grow(t.out[:0], n)[:n]
	if p.Codes == nil {
		n, err := t.coder.encode(p.Values, t.places(p, n), t.out)
		return t.out[:n], err
	}
	if t.dictionary != p.Values {
		t.dictionary, t.unmet = p.Values, p.Values.Len()
		t.table = slices.Grow(t.table[:0], t.unmet)[:t.unmet]
		for i := range t.table {
			t.table[i] = unmet
		}
	}
	var err error
	if t.unmet > 0 {
		n, err = t.meet(p)
	}
	out := t.out[:n]
	for i, entry := range p.Codes[:n] {
		out[i] = t.table[entry]
	}
	return out, err
}

// meet codes the entries of the dictionary that no page had before, since entries that no row has must leave no
// trace. It says how many values of the page have codes: all, or with an error those before it.
func (t *translation) meet(p *columns.Page) (int, error) {
	t.met, t.values = t.met[:0], t.values[:0]
	for i, entry := range p.Codes {
		if t.table[entry] == unmet {
			t.table[entry] = 0
			t.met, t.values = append(t.met, entry), append(t.values, uint32(i))
		}
	}
	t.fresh = slices.Grow(t.fresh[:0], len(t.met))[:len(t.met)]
	n, err := t.coder.encode(p.Values, t.met, t.fresh)
	for i, code := range t.fresh[:n] {
		t.table[t.met[i]] = code
	}
	t.unmet -= n
	if err != nil {
		return int(t.values[n]), err
	}
	return len(p.Codes), nil
}

// places are where the first n values of a page stand in its vector.
func (t *translation) places(p *columns.Page, n int) []uint32 {
	if p.Codes != nil {
		return p.Codes[:n]
	}
	for len(t.counting) < n {
		t.counting = append(t.counting, uint32(len(t.counting)))
	}
	return t.counting[:n]
}
