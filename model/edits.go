package model

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// lever is what an edit changes: which operations it takes and which values.
type lever struct {
	name string
	ops  []EditOp
	none bool      // `none` clears the field
	form leverForm // what a set value is
	low  int64     // of a whole number
	high int64     // of a whole number
	word []string  // of a choice
	per  CapPeriod // of a cap
}

// leverForm is the kind of value that sets a field.
type leverForm string

const (
	formCPM        leverForm = "a CPM"
	formAmount     leverForm = "an amount"
	formGoal       leverForm = "a number of impressions"
	formWhole      leverForm = "a whole number"
	formTime       leverForm = "a time"
	formChoice     leverForm = "a choice"
	formExpression leverForm = "an expression"
	formTraffic    leverForm = "a factor from 0 to 10"
	formSample     leverForm = "a share above 0 and up to 1"
)

const (
	campaignEdit = "campaigns."
	policyEdit   = "policy."
	slotEdit     = "slots."
	capEdit      = "campaigns.frequency_caps."
)

var (
	setOnly    = []EditOp{OpSet}
	setAdd     = []EditOp{OpSet, OpAdd}
	anyOp      = []EditOp{OpSet, OpMultiply, OpAdd}
	maxTraffic = decimal.NewFromInt(10)
)

// levers lists every edit of configuration.md.
var levers = slices.Concat([]lever{
	{name: "campaigns.bid_cpm", ops: anyOp, form: formCPM},
	{name: "campaigns.budget", ops: anyOp, none: true, form: formAmount},
	{name: "campaigns.daily_budget", ops: anyOp, none: true, form: formAmount},
	{name: "campaigns.goal", ops: anyOp, none: true, form: formGoal},
	{name: "campaigns.priority", ops: setOnly, form: formWhole, low: 1, high: MaxPriority},
	{name: "campaigns.pacing", ops: setOnly, form: formChoice, word: []string{"asap", "even", "traffic"}},
	{name: "campaigns.pricing", ops: setOnly, form: formChoice, word: []string{"auction", "fixed"}},
	{name: "campaigns.enabled", ops: setOnly, form: formChoice, word: []string{"true", "false"}},
	{name: "campaigns.start", ops: setAdd, none: true, form: formTime},
	{name: "campaigns.end", ops: setAdd, none: true, form: formTime},
	{name: "campaigns.targeting", ops: setOnly, none: true, form: formExpression},
}, capLevers(), []lever{
	{name: "policy.auction", ops: setOnly, form: formChoice, word: []string{"first_price", "second_price"}},
	{name: "policy.within_priority", ops: setOnly, form: formChoice, word: []string{"bid", "need"}},
	{name: "policy.one_per_request", ops: setOnly, form: formChoice, word: []string{"none", "campaign", "advertiser", "category"}},
	{name: "policy.unidentified_users", ops: setOnly, form: formChoice, word: []string{"skip_capped", "serve"}},
	{name: "slots.floor_cpm", ops: anyOp, form: formCPM},
	{name: "slots.where", ops: setOnly, form: formExpression},
	{name: "slots.traffic", ops: setOnly, form: formTraffic},
	{name: "slots.sample", ops: setOnly, form: formSample},
})

func capLevers() []lever {
	var out []lever
	for _, per := range []CapPeriod{PerMinute, PerHour, PerDay, PerWeek, PerMonth, PerLifetime} {
		out = append(out, lever{name: capEdit + string(per), ops: setOnly, none: true, form: formWhole, low: 1, high: math.MaxInt64, per: per})
	}
	return out
}

// findLever is the lever of an edit's name; nil: there is none.
func findLever(name string) *lever {
	for i := range levers {
		if levers[i].name == name {
			return &levers[i]
		}
	}
	return nil
}

func leverNames() []string {
	names := make([]string, len(levers))
	for i, l := range levers {
		names[i] = l.name
	}
	return names
}

// takesWhere says over what an edit's `where` is: "campaigns", "slots", or "" where it takes none.
func (l *lever) takesWhere() string {
	switch {
	case strings.HasPrefix(l.name, campaignEdit):
		return "campaigns"
	case l.name == "slots.floor_cpm" || l.name == "slots.traffic":
		return "slots"
	}
	return ""
}

// checkNumber says what is wrong with a number for a lever under an operation; empty: nothing.
func (l *lever) checkNumber(op EditOp, d decimal.Decimal) string {
	if op != OpSet {
		return ""
	}
	switch l.form {
	case formCPM:
		return checkCPM(d)
	case formAmount:
		return checkNanos(d)
	case formGoal:
		if n, ok := wholeNumber(d); !ok || n < 1 {
			return fmt.Sprintf("must be at least 1 (and below 2^63), found %s", d)
		}
	case formWhole:
		if n, ok := wholeNumber(d); !ok || !d.IsInteger() || n < l.low || n > l.high {
			if l.high == math.MaxInt64 {
				return fmt.Sprintf("must be a whole number of at least %d, found %s", l.low, d)
			}
			return fmt.Sprintf("must be a whole number from %d to %d, found %s", l.low, l.high, d)
		}
	case formTraffic, formSample:
		low := "0"
		bad := d.IsNegative() || d.GreaterThan(maxTraffic)
		if l.form == formSample {
			low, bad = "above 0", !d.IsPositive() || d.GreaterThan(decimal.NewFromInt(1))
		}
		if bad || fractionDigits(d) > maxFactorDigits {
			high := map[leverForm]string{formTraffic: "10", formSample: "1"}[l.form]
			return fmt.Sprintf("must be from %s to %s with at most %d digits after the point, found %s", low, high, maxFactorDigits, d)
		}
	}
	return ""
}

// numeric reports whether the lever's values are numbers under the operation.
func (l *lever) numeric(op EditOp) bool {
	switch l.form {
	case formTime, formChoice, formExpression:
		return false
	}
	return true
}

// value reads one value of a parameter.
func (r *reader) sweepValue(p *Parameter) func(*node, string) (Value, bool) {
	l := findLever(p.Edit)
	return func(n *node, path string) (Value, bool) {
		if l == nil {
			return Value{}, false // the parameter's own error says why
		}
		if n.isNull() {
			r.note(n.line, n.column, path, "write `none` to clear the field", "null is not allowed")
			return Value{}, false
		}
		if l.form != formChoice && n.kind == scalarNode && n.text == "none" {
			if !l.none || p.Op != OpSet {
				r.fail(n, path, "%s of %s takes no `none`", p.Op, p.Edit)
				return Value{}, false
			}
			return Value{Kind: ValueNone, Text: "none"}, true
		}
		switch {
		case l.form == formExpression:
			e, ok := r.targeting(n, path)
			return Value{Kind: ValueExpr, Text: e.Canonical(), Expr: e}, ok
		case l.form == formChoice:
			return r.word(n, path, l)
		case l.form == formTime && p.Op == OpAdd:
			d, ok := r.duration(n, path)
			return Value{Kind: ValueText, Text: durationText(d)}, ok
		case l.form == formTime:
			t, ok := r.instant(n, path)
			return Value{Kind: ValueText, Text: t.String()}, ok
		}
		d, ok := r.decimal(n, path)
		if !ok {
			return Value{}, false
		}
		if wrong := l.checkNumber(p.Op, d); wrong != "" {
			r.fail(n, path, "%s", wrong)
			return Value{}, false
		}
		if l.form == formGoal && p.Op == OpSet && !d.IsInteger() {
			r.fail(n, path, "expected a whole number, found %s", d)
			return Value{}, false
		}
		return NumberValue(d), true
	}
}

// word reads a choice; true and false are words too.
func (r *reader) word(n *node, path string, l *lever) (Value, bool) {
	if b, ok := n.boolean(); ok && slices.Contains(l.word, "true") {
		return Value{Kind: ValueText, Text: fmt.Sprint(b)}, true
	}
	w, ok := choice(r, l.word...)(n, path)
	return Value{Kind: ValueText, Text: w}, ok
}

// NumberValue is the value of a number.
func NumberValue(d decimal.Decimal) Value {
	return Value{Kind: ValueNumber, Number: d, Text: d.String()}
}
