package inventory

import (
	"fmt"
	"math"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
)

// maxCPM is the highest floor that a snapshot can hold: a thousand million units per mille. It leaves room
// for edits and sums; whether a study's sums fit is checked with its configuration.
const maxCPM = model.CPM(1_000_000_000 * 1_000_000)

// scaledCPM is unscaled/10^scale units as a CPM, rounded half to even to micros.
func scaledCPM(unscaled int64, scale int) (model.CPM, error) {
	if scale == 6 {
		return checkCPM(unscaled)
	}
	return decimalCPM(decimal.New(unscaled, int32(-scale)))
}

// textCPM is a decimal text as a CPM, rounded half to even to micros.
func textCPM(text string) (model.CPM, error) {
	if len(text) > 400 || strings.ContainsAny(text, "eE") { // no exponents: 1e999999999 is a bomb
		return 0, fmt.Errorf("floor_cpm %.40q is not a plain decimal number", text)
	}
	d, err := decimal.NewFromString(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("floor_cpm %.40q is not a plain decimal number", text)
	}
	return decimalCPM(d)
}

func decimalCPM(d decimal.Decimal) (model.CPM, error) {
	micros := d.Shift(6).RoundBank(0)
	if micros.GreaterThan(decimal.New(math.MaxInt64, 0)) {
		return 0, errHighFloor(d.String())
	}
	if micros.Sign() < 0 {
		return 0, fmt.Errorf("floor_cpm %.40s is negative: floors are at least 0", d.String())
	}
	return checkCPM(micros.IntPart())
}

func checkCPM(micros int64) (model.CPM, error) {
	switch {
	case micros < 0:
		return 0, fmt.Errorf("floor_cpm %s is negative: floors are at least 0", decimal.New(micros, -6))
	case micros > int64(maxCPM):
		return 0, errHighFloor(decimal.New(micros, -6).String())
	}
	return model.CPM(micros), nil
}

func errHighFloor(text string) error {
	return fmt.Errorf("floor_cpm %.40s is higher than the %d units allowed", text, maxCPM/1_000_000)
}
