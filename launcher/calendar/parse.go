package calendar

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// maxExpression bounds the text of an expression; what people write has about 20 bytes.
const maxExpression = 200

// field is one of the five fields of an expression.
type field struct {
	name     string
	min, max int
	names    []string // of min, min+1, ..
}

var fields = [5]field{
	{name: "minute", min: 0, max: 59},
	{name: "hour", min: 0, max: 23},
	{name: "day of the month", min: 1, max: 31},
	{name: "month", min: 1, max: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{name: "day of the week", min: 0, max: 7, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// abbreviations are the common schedules that have a name.
var abbreviations = map[string]string{
	"@hourly":   "0 * * * *",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@weekly":   "0 0 * * 0",
	"@monthly":  "0 0 1 * *",
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
}

// Parse reads a cron expression and the IANA name of the time zone it is meant in; an empty name is UTC. The
// error names the field that is wrong and what may stand there.
func Parse(expression, timezone string) (Schedule, error) {
	zone, err := location(timezone)
	if err != nil {
		return Schedule{}, err
	}
	s, err := parse(expression)
	if err != nil {
		return Schedule{}, fmt.Errorf("cron expression %s: %w", shown(expression), err)
	}
	s.zone = zone
	return s, nil
}

func parse(expression string) (Schedule, error) {
	if len(expression) > maxExpression {
		return Schedule{}, fmt.Errorf("it has %d bytes, more than %d", len(expression), maxExpression)
	}
	text := strings.Trim(expression, " \t")
	if strings.HasPrefix(text, "@") {
		full, ok := abbreviations[strings.ToLower(text)]
		if !ok {
			return Schedule{}, fmt.Errorf("of the names there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually")
		}
		text = full
	}
	texts := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(texts) != len(fields) {
		return Schedule{}, fmt.Errorf("it has %d fields, not 5: minute, hour, day of the month, month, day of the week", len(texts))
	}
	var sets [len(fields)]uint64
	var stars [len(fields)]bool
	for i, f := range fields {
		set, err := f.parse(texts[i])
		if err != nil {
			return Schedule{}, fmt.Errorf("%s %s: %w", f.name, shown(texts[i]), err)
		}
		sets[i], stars[i] = set, strings.HasPrefix(texts[i], "*")
	}
	const sunday, alsoSunday = 1 << 0, 1 << 7
	if sets[4]&alsoSunday != 0 {
		sets[4] = sets[4]&^alsoSunday | sunday
	}
	return Schedule{
		minutes: sets[0], hours: sets[1], days: sets[2], months: sets[3], weekdays: sets[4],
		anyDay: stars[2] || stars[4], frequent: stars[0] || stars[1],
	}, nil
}

// parse reads a list of values, ranges and steps as a set of bits.
func (f field) parse(text string) (uint64, error) {
	var set uint64
	for part := range strings.SplitSeq(text, ",") {
		some, err := f.parsePart(part)
		if err != nil {
			return 0, err
		}
		set |= some
	}
	return set, nil
}

// parsePart reads `*`, `*/n`, `a`, `a-b` or `a-b/n`.
func (f field) parsePart(part string) (uint64, error) {
	span, stepText, stepped := strings.Cut(part, "/")
	step := 1
	if stepped {
		var err error
		if step, err = number(stepText); err != nil || step < 1 {
			return 0, fmt.Errorf("the step %s is not a number from 1 on", shown(stepText))
		}
	}
	low, high := f.min, f.max
	if span != "*" {
		first, last, ranged := strings.Cut(span, "-")
		var err error
		if low, err = f.value(first); err != nil {
			return 0, err
		}
		switch high = low; {
		case ranged:
			if high, err = f.value(last); err != nil {
				return 0, err
			}
		case stepped:
			return 0, fmt.Errorf("a step needs a range, such as %d-%d/%d", low, f.max, step)
		}
		if f.max == 7 && high == 0 && low > 0 {
			high = 7 // fri-sun: the week ends with Sunday too
		}
		if low > high {
			return 0, fmt.Errorf("the range %s goes backwards; write %d-%d,%d-%d", shown(span), low, f.max, f.min, high)
		}
	}
	var set uint64
	for v := low; v <= high; v += step {
		set |= 1 << v
	}
	return set, nil
}

// value reads a number or a name.
func (f field) value(text string) (int, error) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.min + i, nil
		}
	}
	v, err := number(text)
	switch {
	case err != nil && f.names != nil:
		return 0, fmt.Errorf("%s is neither a number from %d to %d nor one of %s", shown(text), f.min, f.max, strings.Join(f.names, " "))
	case err != nil || v < f.min || v > f.max:
		return 0, fmt.Errorf("%s is not a number from %d to %d", shown(text), f.min, f.max)
	}
	return v, nil
}

// number reads one or two digits and nothing else: no sign, no blank.
func number(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || len(text) > 2 || text[0] == '+' {
		return 0, fmt.Errorf("%s is not a number", shown(text))
	}
	return int(n), nil
}

// shown is a text of the user in a message: quoted, and no longer than a message should be.
func shown(text string) string {
	const most = 40
	if len(text) > most {
		return strconv.QuoteToASCII(text[:most]) + ".."
	}
	return strconv.QuoteToASCII(text)
}

// location finds a zone by its IANA name. A place on this machine's disk is none, nor are the machine's own
// zone and the files that lie among the zones for other purposes ("right" ones count leap seconds).
func location(name string) (*time.Location, error) {
	if name == "" || name == "UTC" {
		return time.UTC, nil
	}
	first, _, _ := strings.Cut(name, "/")
	switch {
	case len(name) > 64, strings.ContainsFunc(name, notZoneLetter), strings.HasPrefix(name, "/"):
	case first == "right", first == "posix", name == "Local", name == "localtime", name == "posixrules", name == "Factory":
	default:
		if zone, err := time.LoadLocation(name); err == nil {
			return zone, nil
		}
	}
	return nil, fmt.Errorf("time zone %s: not in the IANA time zone database; write one such as America/New_York or UTC", shown(name))
}

const zoneLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-"

func notZoneLetter(r rune) bool { return !strings.ContainsRune(zoneLetters, r) }

// next is the first member of a set that is at least v; false if there is none.
func next(set uint64, v int) (int, bool) {
	rest := set >> v
	return v + bits.TrailingZeros64(rest), rest != 0
}
