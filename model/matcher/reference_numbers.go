package matcher

import (
	"fmt"
	"math/big"
	"math/bits"

	"github.com/cespare/xxhash/v2"
	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
)

// goldenGamma is the constant by which copies of a slot get slot hashes of their own (section 9).
const goldenGamma = 0x9E3779B97F4A7C15

// unitRange is the number of values of a draw's unit: 2^53 (section 1).
const unitRange = int64(1) << 53

// hash is XXH64 with seed 0 of the text's bytes (section 1).
func hash(text string) uint64 { return xxhash.Sum64String(text) }

// mix is SplitMix64's finaliser (section 1).
func mix(z uint64) uint64 {
	z ^= z >> 30
	z *= 0xbf58476d1ce4e5b9
	z ^= z >> 27
	z *= 0x94d049bb133111eb
	z ^= z >> 31
	return z
}

// variantSeed is the seed of every draw: that of the scenario, or of its replicate (section 10).
func variantSeed(sc *model.Scenario) uint64 {
	if sc.Replicate == 0 {
		return uint64(sc.Seed)
	}
	return mix(uint64(sc.Seed) ^ mix(uint64(sc.Replicate)))
}

// draw is a number of the variant that depends on the word and h alone (section 1).
func (s *simulation) draw(word string, h uint64) uint64 {
	return mix(s.seed ^ hash(word) ^ h)
}

// unit is a draw's unit: floor(draw / 2^11), in [0, 2^53) (section 1).
func unit(draw uint64) int64 { return int64(draw >> 11) }

// below reports whether a draw's unit is less than share·2^53, exactly.
func below(draw uint64, share decimal.Decimal) bool {
	return decimal.NewFromInt(unit(draw)).LessThan(share.Mul(decimal.NewFromInt(unitRange)))
}

// forPair mixes a slot's hash with a campaign's id, for the draws that belong to the pair of them (sections 3 and 5).
func forPair(slotHash uint64, campaignID string) uint64 {
	return slotHash ^ bits.RotateLeft64(hash(campaignID), 32)
}

// timesFactor multiplies a CPM by a decimal and rounds half to even to micros (section 1).
func timesFactor(m model.CPM, factor decimal.Decimal) (model.CPM, error) {
	return exactCPM(decimal.NewFromInt(int64(m)).Mul(factor))
}

// unitsToCPM reads a decimal amount in units as a CPM, rounded half to even to micros (section 1).
func unitsToCPM(d decimal.Decimal) (model.CPM, error) { return exactCPM(d.Shift(6)) }

// exactCPM rounds a number of micros half to even.
func exactCPM(micros decimal.Decimal) (model.CPM, error) {
	whole := micros.RoundBank(0).BigInt()
	if !whole.IsInt64() {
		return 0, fmt.Errorf("a CPM of %s micros is beyond 64 bits", micros)
	}
	return model.CPM(whole.Int64()), nil
}

// product is a·b·c.. without overflow.
func product(factors ...int64) *big.Int {
	p := big.NewInt(1)
	for _, f := range factors {
		p.Mul(p, big.NewInt(f))
	}
	return p
}

// floorOf is floor(a·b/c) with an exact product, c > 0 (section 7).
func floorOf(a, b, c int64) int64 {
	return new(big.Int).Div(product(a, b), big.NewInt(c)).Int64() // Euclidean: a floor for c > 0
}

// halfEvenOf is a·b/c rounded half to even, for a, b >= 0 and c > 0.
func halfEvenOf(a, b, c int64) int64 {
	quotient, rest := new(big.Int).QuoRem(product(a, b), big.NewInt(c), new(big.Int))
	switch rest.Lsh(rest, 1).Cmp(big.NewInt(c)) {
	case 1:
		quotient.Add(quotient, big.NewInt(1))
	case 0:
		quotient.Add(quotient, big.NewInt(int64(quotient.Bit(0))))
	}
	return quotient.Int64()
}

// floorDiv is floor(a/b) for b > 0, also where a is negative.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
