package logs

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
)

// prices turns amounts of a log into floors in the study's currency.
type prices struct {
	shift        int32 // decimal digits from the log's amounts to units per mille
	currency     string
	currencyPath *path
	maximum      *decimal.Decimal
	study        string
	rates        map[string]decimal.Decimal
}

// amounts of currency and what they are per, as powers of ten of units per mille.
var (
	amountScales = map[string]int32{"units": 0, "cents": -2, "micros": -6, "nanos": -9}
	perScales    = map[string]int32{"mille": 0, "impression": 3}
)

// highestCPM is the highest floor a snapshot can hold, in units.
var highestCPM = decimal.New(1_000_000_000, 0)

// parse reads a floor, rounded half to even to micros.
func (p *prices) parse(s string, at *scope) (model.CPM, error) {
	d, err := number(s)
	if err != nil {
		return 0, err
	}
	if d.Sign() < 0 {
		return 0, fmt.Errorf("%.40s is negative: floors are at least 0", s)
	}
	if d.Sign() == 0 {
		return 0, nil // in whichever currency
	}
	rate, err := p.rate(at)
	if err != nil {
		return 0, err
	}
	d = d.Shift(p.shift).Mul(rate)
	if p.maximum != nil && d.GreaterThan(*p.maximum) {
		return 0, fmt.Errorf("%.40s is above the map's max of %s", d, p.maximum)
	}
	if d.GreaterThan(highestCPM) {
		return 0, fmt.Errorf("%.40s is higher than the %s units allowed", d, highestCPM)
	}
	return model.CPM(d.Shift(6).RoundBank(0).IntPart()), nil
}

// rate is units of the study's currency for one of the record's.
func (p *prices) rate(at *scope) (decimal.Decimal, error) {
	currency := p.currency
	if p.currencyPath != nil {
		if s, ok, err := text(p.currencyPath.first(at)); err != nil {
			return decimal.Decimal{}, fmt.Errorf("its currency %w", err)
		} else if ok {
			currency = strings.ToUpper(s)
		}
	}
	if currency == "" || currency == p.study {
		return decimal.New(1, 0), nil
	}
	if rate, ok := p.rates[currency]; ok {
		return rate, nil
	}
	return decimal.Decimal{}, fmt.Errorf("is in %.10s, the study's currency is %s: give a rate (--rate %.10s=..)", currency, p.study, currency)
}
