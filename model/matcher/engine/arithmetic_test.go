package engine

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/shopspring/decimal"
)

// TestMulDiv compares the exact quotients with math/big.
func TestMulDiv(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	for range 20_000 {
		a, b, c := magnitude(r), magnitude(r), 1+magnitude(r)/2
		product := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		q, rest := new(big.Int).QuoRem(product, big.NewInt(c), new(big.Int))
		if got, want := mulDiv(a, b, c), clamp(q); got != want {
			t.Fatalf("mulDiv(%d, %d, %d) = %d, want %d", a, b, c, got, want)
		}
		if rest.Sign() > 0 {
			q.Add(q, big.NewInt(1))
		}
		if got, want := mulDivUp(a, b, c), clamp(q); got != want {
			t.Fatalf("mulDivUp(%d, %d, %d) = %d, want %d", a, b, c, got, want)
		}
	}
	if got := mulDivUp(1, 1, 0); got != never {
		t.Errorf("a schedule of nothing allows 1 after %d, want never", got)
	}
}

// magnitude is a number of a random size.
func magnitude(r *rand.Rand) int64 { return r.Int64() >> r.IntN(63) }

func clamp(q *big.Int) int64 {
	if !q.IsInt64() {
		return never
	}
	return q.Int64()
}

// TestFactor compares multiplication by a decimal with arbitrary precision and rounding by hand.
func TestFactor(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 0))
	for range 20_000 {
		v := magnitude(r)
		d := decimal.New(magnitude(r), int32(r.IntN(24))-21)
		f, err := newFactor(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.times(v)
		want, fits := halfEven(v, d)
		if fits != (err == nil) || fits && got != want {
			t.Fatalf("%d x %s = %d (%v), want %d (fits: %v)", v, d, got, err, want, fits)
		}
	}
	for _, c := range []struct {
		v    int64
		d    string
		want int64
	}{{5, "0.5", 2}, {7, "0.5", 4}, {1, "0.5", 0}, {3, "0.5", 2}, {10, "0.25", 2}, {30, "0.25", 8}, {100, "0", 0}} {
		f, err := newFactor(decimal.RequireFromString(c.d))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := f.times(c.v); err != nil || got != c.want {
			t.Errorf("%d x %s = %d (%v), want %d", c.v, c.d, got, err, c.want)
		}
	}
	if _, err := newFactor(decimal.New(-1, 0)); err == nil {
		t.Error("a negative factor is accepted")
	}
}

// halfEven is v*d rounded half to even, in whole numbers.
func halfEven(v int64, d decimal.Decimal) (int64, bool) {
	n := new(big.Int).Mul(big.NewInt(v), d.Coefficient())
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(abs(d.Exponent()))), nil)
	if d.Exponent() > 0 {
		n.Mul(n, scale)
		return n.Int64(), n.IsInt64()
	}
	q, rest := new(big.Int).QuoRem(n, scale, new(big.Int))
	twice := new(big.Int).Lsh(rest, 1)
	if c := twice.Cmp(scale); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return q.Int64(), q.IsInt64()
}

func abs(v int32) int32 { return max(v, -v) }

// TestThreshold: u < T must mean u < f*2^53, at f's own neighbours.
func TestThreshold(t *testing.T) {
	for _, text := range []string{"0", "0.000001", "0.1", "0.25", "0.5", "0.333333", "0.999999", "1"} {
		f := decimal.RequireFromString(text)
		at := threshold(f)
		exact := new(big.Rat).Mul(f.Rat(), new(big.Rat).SetInt64(unitRange))
		for _, u := range []uint64{0, 1, at - 1, at, at + 1, unitRange - 1} {
			if u >= unitRange {
				continue
			}
			want := new(big.Rat).SetInt64(int64(u)).Cmp(exact) < 0
			if got := u < at; got != want {
				t.Errorf("unit %d under %s: %v, want %v", u, text, got, want)
			}
		}
	}
}

// TestProgress compares the quotient, most often computed in floating point, with whole numbers.
func TestProgress(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	s := &state{plan: &plan{cands: make([]candidate, 1)}, ledger: make([]ledger, 1)}
	for i := range 100_000 {
		goal := 1 + magnitude(r)>>1
		d := 1 + magnitude(r)>>8
		c := &terms{start: magnitude(r) >> 12, goal: goal}
		c.end = c.start + d
		e := 1 + r.Int64N(d)
		if i%3 == 0 && d >= 1<<20 { // quotients at and beside whole numbers
			d = d >> 20 << 20
			c.end, e = c.start+d, d>>r.IntN(20)
			goal = max(1, goal>>20<<20)
			c.goal = goal
		}
		delivered := r.Int64N(goal)
		s.plan.cands[0].terms, s.ledger[0].delivered = c, delivered
		n := new(big.Int).Mul(big.NewInt(delivered), big.NewInt(d))
		n.Quo(n.Lsh(n, 20), new(big.Int).Mul(big.NewInt(goal), big.NewInt(e)))
		got := s.progressOf(0, c.start+e)
		value := new(big.Int).Lsh(new(big.Int).SetUint64(got.hi), 64)
		if value.Or(value, new(big.Int).SetUint64(got.lo)); value.Cmp(n) != 0 {
			t.Fatalf("delivered %d of %d, %d of %d: progress %s, want %s", delivered, goal, e, d, value, n)
		}
	}
	if p := s.progressOf(0, s.plan.cands[0].terms.start); p != (progress{}) {
		t.Errorf("progress at the start is %v, want 0", p)
	}
	s.plan.cands[0].terms.goal = unset
	if got := s.progressOf(0, 0).compare(progress{hi: math.MaxUint64}); got <= 0 {
		t.Error("a campaign without a goal does not come after all with one")
	}
}
