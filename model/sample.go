package model

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"

	"github.com/shopspring/decimal"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distmv"
	"gonum.org/v1/gonum/stat/samplemv"
)

// drawDigits is how many digits after the point a real draw has; the rounded value is the input.
const drawDigits = 6

// unitPoints draws count points of the unit cube of dims dimensions, a row each, all in [0, 1).
func (s *Sample) unitPoints(dims int) (*mat.Dense, error) {
	source := rand.NewPCG(s.Seed, 0)
	points := mat.NewDense(s.Count, dims, nil)
	cube := distmv.NewUnitUniform(dims, source)
	switch s.Method {
	case "random":
		draw := rand.New(source)
		for i := range s.Count {
			for j := range dims {
				points.Set(i, j, draw.Float64())
			}
		}
	case "latin_hypercube":
		samplemv.LatinHypercube{Q: cube, Src: source}.Sample(points)
	case "halton":
		samplemv.Halton{Kind: samplemv.Owen, Q: cube, Src: source}.Sample(points)
	default:
		return nil, fmt.Errorf("unknown sampling method %q", s.Method)
	}
	return points, nil
}

// draw maps a unit, floored to a multiple of 2^-53, to a value of the range. All arithmetic but that of log is exact, so that no
// machine's rounding can show.
func (g *Range) draw(unit float64) Value {
	unit = min(max(unit, 0), math.Nextafter(1, 0))
	u := decimal.NewFromBigInt(new(big.Int).Mul(big.NewInt(int64(unit*(1<<53))), fiveTo53), -53)
	switch g.Kind {
	case RangeChoice:
		return g.Choice[int(u.Mul(decimal.NewFromInt(int64(len(g.Choice)))).IntPart())]
	case RangeIntegers:
		steps := g.High.Sub(g.Low).Add(decimal.NewFromInt(1))
		return NumberValue(g.Low.Add(u.Mul(steps).Floor()))
	case RangeLog:
		low, high := math.Log(g.Low.InexactFloat64()), math.Log(g.High.InexactFloat64())
		x := math.Exp(low + float64(unit*(high-low))) // the conversion forbids a fused multiply-add
		return NumberValue(clamp(decimal.NewFromFloat(x), g.Low, g.High).RoundBank(drawDigits))
	}
	return NumberValue(g.Low.Add(u.Mul(g.High.Sub(g.Low))).RoundBank(drawDigits))
}

// fiveTo53: k/2^53 = k·5^53/10^53, so a unit is an exact decimal.
var fiveTo53 = new(big.Int).Exp(big.NewInt(5), big.NewInt(53), nil)

func clamp(d, low, high decimal.Decimal) decimal.Decimal {
	return decimal.Min(decimal.Max(d, low), high)
}
