package engine

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"github.com/shopspring/decimal"
)

// never is an instant, or a count of slots, that no study reaches.
const never = math.MaxInt64

// floorDiv is a/b rounded towards minus infinity, b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// mulDiv is floor(a*b/c), exact, for a, b >= 0 and c > 0; a quotient beyond int64 is never.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return never
	}
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(min(q, never))
}

// mulDivUp is ceil(a*b/c) with the bounds of mulDiv; c = 0 gives never unless a*b is 0.
func mulDivUp(a, b, c int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi >= uint64(c) {
		return never
	}
	q, r := bits.Div64(hi, lo, uint64(c))
	if r > 0 {
		q++
	}
	return int64(min(q, never))
}

// mulDivEven is a*b/c rounded half to even, for a, b >= 0 and 0 < c with b <= c.
func mulDivEven(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, r := bits.Div64(hi, lo, uint64(c))
	return int64(roundEven(q, r, uint64(c)))
}

// roundEven rounds q + r/c half to even.
func roundEven(q, r, c uint64) uint64 {
	if r > c-r || r == c-r && q&1 == 1 {
		q++
	}
	return q
}

// powers of ten that fit in 64 bits.
var powers = func() (p [19]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = 10 * p[i-1]
	}
	return p
}()

// factor is a decimal >= 0 prepared for many multiplications of integers.
type factor struct {
	value decimal.Decimal
	coeff uint64 // with places: value = coeff / 10^places; used if simple
	scale uint64
	plain bool
}

func newFactor(d decimal.Decimal) (factor, error) {
	if d.IsNegative() {
		return factor{}, fmt.Errorf("factor %s is negative", d)
	}
	f := factor{value: d}
	c := d.Coefficient()
	if places := -int64(d.Exponent()); places >= 0 && places < int64(len(powers)) && c.IsInt64() {
		f.coeff, f.scale, f.plain = c.Uint64(), powers[places], true
	}
	return f, nil
}

// times is v*f rounded half to even, v >= 0 (semantics 1).
func (f factor) times(v int64) (int64, error) {
	if f.plain {
		hi, lo := bits.Mul64(uint64(v), f.coeff)
		if hi < f.scale {
			q, r := bits.Div64(hi, lo, f.scale)
			if q = roundEven(q, r, f.scale); q <= math.MaxInt64 {
				return int64(q), nil
			}
		}
	}
	return roundDecimal(decimal.NewFromInt(v).Mul(f.value))
}

// roundDecimal rounds half to even to an integer that must fit in 64 bits.
func roundDecimal(d decimal.Decimal) (int64, error) {
	n := d.RoundBank(0).BigInt()
	if !n.IsInt64() {
		return 0, fmt.Errorf("%s does not fit in 64 bits", d)
	}
	return n.Int64(), nil
}

// threshold is the least integer T with: u < T if and only if u < f*2^53, for integers u and f in [0, 1].
func threshold(f decimal.Decimal) uint64 {
	n := f.Mul(decimal.NewFromInt(unitRange)).Ceil().BigInt()
	if n.Cmp(big.NewInt(unitRange)) > 0 {
		return unitRange
	}
	return n.Uint64()
}
