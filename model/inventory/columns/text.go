package columns

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go/format"
)

// ErrNotANumber is the error of NaN and the infinities, which have no text and no price.
var ErrNotANumber = errors.New("not a finite number")

// Bytes is value i of a Text column, without a copy. It is valid as long as the vector's page.
func (v *Vector) Bytes(i int) []byte {
	s := v.spans[i]
	return v.data[s.start:s.end:s.end]
}

// IsText reports whether values are text, to be had by Bytes.
func (v *Vector) IsText() bool { return v.column.Kind == Text }

// IsASCII reports that all texts of a Text column are ASCII and hence UTF-8. It looks at the page's bytes at once, which is
// cheaper than at every text; if it is false, texts may be ASCII all the same.
func (v *Vector) IsASCII() bool {
	if !v.checked {
		v.checked, v.ascii = true, isASCII(v.data)
	}
	return v.ascii && v.IsText()
}

func isASCII(data []byte) bool {
	const high = 0x8080808080808080
	for len(data) >= 32 {
		if (binary.LittleEndian.Uint64(data)|binary.LittleEndian.Uint64(data[8:])|
			binary.LittleEndian.Uint64(data[16:])|binary.LittleEndian.Uint64(data[24:]))&high != 0 {
			return false
		}
		data = data[32:]
	}
	for _, b := range data {
		if b >= 0x80 {
			return false
		}
	}
	return true
}

// AppendText appends value i as canonical text: integers and booleans as decimal text, "true", "false";
// floats as their shortest decimal text; decimals without trailing zeros; dates as 2006-01-02; timestamps
// as RFC 3339, local ones without offset.
func (v *Vector) AppendText(dst []byte, i int) ([]byte, error) {
	c := v.column
	switch c.Kind {
	case Text:
		return append(dst, v.Bytes(i)...), nil
	case Integer:
		return strconv.AppendInt(dst, v.ints[i], 10), nil
	case Unsigned:
		if c.typ == format.Int32 {
			return strconv.AppendUint(dst, uint64(uint32(v.ints[i])), 10), nil
		}
		return strconv.AppendUint(dst, uint64(v.ints[i]), 10), nil
	case Boolean:
		return strconv.AppendBool(dst, v.ints[i] != 0), nil
	case Float, Double:
		return v.appendFloat(dst, i)
	case Decimal:
		return v.appendDecimal(dst, i), nil
	case Date:
		return time.Unix(v.ints[i]*86_400, 0).UTC().AppendFormat(dst, time.DateOnly), nil
	case Timestamp:
		return v.appendTime(dst, i)
	case UUID:
		return appendUUID(dst, v.Bytes(i)), nil
	}
	return nil, fmt.Errorf("column %q has no text", c.Name)
}

func (v *Vector) appendFloat(dst []byte, i int) ([]byte, error) {
	x := v.floats[i]
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return dst, ErrNotANumber
	}
	bits := 64
	if v.column.Kind == Float {
		bits = 32
	}
	if x == 0 {
		x = 0 // not -0
	}
	return strconv.AppendFloat(dst, x, 'f', -1, bits), nil
}

// unscaled is the integer of decimal i.
func (v *Vector) unscaled(i int) *big.Int {
	if v.column.typ == format.Int32 || v.column.typ == format.Int64 {
		return big.NewInt(v.ints[i])
	}
	b := v.Bytes(i) // two's complement, big-endian
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

func (v *Vector) appendDecimal(dst []byte, i int) []byte {
	n := v.unscaled(i)
	digits := new(big.Int).Abs(n).String()
	for len(digits) <= v.column.scale {
		digits = "0" + digits
	}
	whole, fraction := digits[:len(digits)-v.column.scale], digits[len(digits)-v.column.scale:]
	for len(fraction) > 0 && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if n.Sign() < 0 {
		dst = append(dst, '-')
	}
	dst = append(dst, whole...)
	if fraction != "" {
		dst = append(append(dst, '.'), fraction...)
	}
	return dst
}

// Fixed is value i of an integer or an integer-backed decimal as unscaled integer and scale; ok is false
// for others, which have a text.
func (v *Vector) Fixed(i int) (unscaled int64, scale int, ok bool) {
	switch v.column.Kind {
	case Integer:
		return v.ints[i], 0, true
	case Decimal:
		if v.column.typ == format.Int32 || v.column.typ == format.Int64 {
			return v.ints[i], v.column.scale, true
		}
	}
	return 0, 0, false
}

// FloatBits identifies value i of a Float or Double column, to look up what was made of it.
func (v *Vector) FloatBits(i int) uint64 { return math.Float64bits(v.floats[i]) }

// Micros is timestamp or date i in microseconds since 1970-01-01, finer ones floored; local reports whether that
// is a local time. ok is false if it does not fit.
func (v *Vector) Micros(i int) (micros int64, ok bool) {
	c := v.column
	switch {
	case c.Kind == Date:
		return v.ints[i] * 86_400_000_000, true // 32 bits of days fit
	case c.typ == format.Int96:
		b := v.Bytes(i)
		nanos := int64(binary.LittleEndian.Uint64(b))
		days := int64(binary.LittleEndian.Uint32(b[8:])) - 2_440_588 // Julian day of 1970-01-01
		if nanos < 0 || nanos >= 86_400_000_000_000 || days > 10_000_000 {
			return 0, false
		}
		return days*86_400_000_000 + nanos/1000, true
	case c.unit == 1e3:
		micros = v.ints[i] * 1000
		return micros, micros/1000 == v.ints[i]
	case c.unit == 1e9:
		micros = v.ints[i] / 1000
		if v.ints[i]%1000 < 0 {
			micros--
		}
		return micros, true
	}
	return v.ints[i], true
}

func (v *Vector) appendTime(dst []byte, i int) ([]byte, error) {
	micros, ok := v.Micros(i)
	at := time.UnixMicro(micros).UTC()
	if !ok || at.Year() < 1 || at.Year() > 9999 {
		return dst, errors.New("a time outside of the years 1 to 9999")
	}
	layout := "2006-01-02T15:04:05.999999"
	if v.column.UTC {
		layout += "Z07:00"
	}
	return at.AppendFormat(dst, layout), nil
}

func appendUUID(dst, b []byte) []byte {
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		if i > 0 {
			dst = append(dst, '-')
		}
		start := [...]int{0, 4, 6, 8, 10}[i]
		dst = hex.AppendEncode(dst, b[start:end])
	}
	return dst
}
