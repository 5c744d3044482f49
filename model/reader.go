package model

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// maxProblems bounds how many problems of one document are listed; the rest are counted.
const maxProblems = 1_000

// reader takes nodes apart and notes every problem on the way. Its methods return false when the
// value is unusable, having noted why; the caller then leaves the field at its default.
type reader struct {
	file     string
	loc      *time.Location // of times without offset
	problems Problems
	more     int // problems beyond maxProblems
}

// fail notes an error at a node.
func (r *reader) fail(n *node, path, format string, args ...any) {
	r.note(n.line, n.column, path, "", format, args...)
}

func (r *reader) note(line, column int, path, suggestion, format string, args ...any) {
	if len(r.problems) >= maxProblems {
		r.more++
		return
	}
	r.problems = append(r.problems, Problem{Position: Position{r.file, line, column, path},
		Message: fmt.Sprintf(format, args...), Suggestion: suggestion})
}

// warn notes what is worth a look at a node.
func (r *reader) warn(n *node, path, message string) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{Position: r.at(n, path), Warning: true, Message: message})
	}
}

// done returns the problems in the document's order.
func (r *reader) done() Problems {
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	if r.more > 0 {
		return append(r.problems, Problem{Position: Position{File: r.file}, Message: fmt.Sprintf("%d more problems are not listed", r.more)})
	}
	return r.problems
}

func (r *reader) at(n *node, path string) Position { return Position{r.file, n.line, n.column, path} }

// place is where the value of a key stands; of one that is not there, where the map does.
func (r *reader) place(o object, key string) Position {
	n := o.values[key]
	if n == nil {
		n = o.node
	}
	return r.at(n, join(o.path, key))
}

// object is a map whose keys have been checked: each known key at most once, none null.
type object struct {
	r      *reader
	node   *node
	path   string
	values map[string]*node
	broken map[string]bool // keys that are there with an unusable value
}

// object checks that a node is a map of known keys.
func (r *reader) object(n *node, path string, keys []string) (object, bool) {
	if n.kind != mapNode {
		r.fail(n, path, "expected a map, found %s", n.describe())
		return object{}, false
	}
	o := object{r: r, node: n, path: path, values: make(map[string]*node, len(n.fields)), broken: map[string]bool{}}
	for _, f := range n.fields {
		at := join(path, f.key)
		switch {
		case !slices.Contains(keys, f.key):
			r.note(f.line, f.column, at, r.suggest(f.key, keys), "unknown key %s", quote(f.key))
		case o.values[f.key] != nil || o.broken[f.key]:
			r.note(f.line, f.column, at, "keep one of them", "duplicate key %s", quote(f.key))
		case f.value.isNull():
			r.note(f.value.line, f.value.column, at, "leave the key out for its default", "null is not allowed")
			o.broken[f.key] = true
		default:
			o.values[f.key] = f.value
		}
	}
	return o, true
}

// suggest names the key that was meant, or all known ones. Without room for another message it does
// not look: a hostile document may have a million unknown keys.
func (r *reader) suggest(key string, known []string) string {
	if len(r.problems) >= maxProblems {
		return ""
	}
	if s := didYouMean(key, known); s != "" {
		return s
	}
	return "known keys: " + strings.Join(known, ", ")
}

// entries are the fields of a map whose keys are free; duplicates and nulls are noted and left out.
func (r *reader) entries(n *node, path string) ([]field, bool) {
	if n.kind != mapNode {
		r.fail(n, path, "expected a map, found %s", n.describe())
		return nil, false
	}
	seen := make(map[string]bool, len(n.fields))
	out := make([]field, 0, len(n.fields))
	for _, f := range n.fields {
		switch {
		case seen[f.key]:
			r.note(f.line, f.column, join(path, f.key), "keep one of them", "duplicate key %s", quote(f.key))
		case f.value.isNull():
			r.note(f.value.line, f.value.column, join(path, f.key), "", "null is not allowed")
		default:
			out = append(out, f)
		}
		seen[f.key] = true
	}
	return out, true
}

// require notes a missing key, at the map.
func (o object) require(keys ...string) bool {
	complete := true
	for _, key := range keys {
		if o.values[key] == nil {
			complete = false
			if !o.broken[key] {
				o.r.fail(o.node, o.path, "`%s` is required", key)
			}
		}
	}
	return complete
}

// take reads the field key, if it is there, into dst; it reports whether it did.
func take[T any](o object, key string, dst *T, read func(*node, string) (T, bool)) bool {
	n := o.values[key]
	if n == nil {
		return false
	}
	value, ok := read(n, join(o.path, key))
	if ok {
		*dst = value
	}
	return ok
}

// takeSome is take that keeps what could be read of a value that is wrong in part, so that the
// rest of it is checked against the snapshot in the same go.
func takeSome[T any](o object, key string, dst *T, read func(*node, string) (T, bool)) bool {
	n := o.values[key]
	if n == nil {
		return false
	}
	value, ok := read(n, join(o.path, key))
	*dst = value
	return ok
}

// takePointer is take for an optional field.
func takePointer[T any](o object, key string, dst **T, read func(*node, string) (T, bool)) {
	var value T
	if take(o, key, &value, read) {
		*dst = &value
	}
}

// join is the path of a field; a key that is no plain word is quoted.
func join(path, key string) string {
	if key == "" || strings.ContainsAny(key, ".[]` \t\r\n") {
		key = "[" + strconv.Quote(key) + "]"
	} else if path != "" {
		key = "." + key
	}
	return path + key
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// text reads a scalar as text; numbers and booleans count as their canonical text.
func (r *reader) text(n *node, path string) (string, bool) {
	if n.kind != scalarNode || n.isNull() {
		r.fail(n, path, "expected text, found %s", n.describe())
		return "", false
	}
	return n.plainText(), true
}

// filled is text that is not empty.
func (r *reader) filled(n *node, path string) (string, bool) {
	s, ok := r.text(n, path)
	if ok && s == "" {
		r.fail(n, path, "must not be empty")
		return "", false
	}
	return s, ok
}

// currency reads the three letters of ISO 4217.
func (r *reader) currency(n *node, path string) (string, bool) {
	s, ok := r.filled(n, path)
	if ok && !currencyForm.MatchString(s) {
		r.fail(n, path, "expected the three capital letters of a currency (ISO 4217), such as USD, found %s", quote(s))
		return s, false
	}
	return s, ok
}

var currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)

func (r *reader) boolean(n *node, path string) (bool, bool) {
	b, ok := n.boolean()
	if !ok {
		r.fail(n, path, "expected true or false, found %s", n.describe())
	}
	return b, ok
}

// decimal reads any exact number.
func (r *reader) decimal(n *node, path string) (decimal.Decimal, bool) {
	d, form := n.number()
	switch form {
	case exactNumber:
		return d, true
	case tooLong:
		r.fail(n, path, "the number %s is too long: at most %d digits and an exponent of at most %d", quote(n.text), maxNumberDigits, maxNumberExponent)
	case notANumber:
		r.fail(n, path, "expected a finite number, found %s", n.text)
	case notNumber:
		if _, form := parseNumber(n.text); n.quoted && form == exactNumber {
			r.note(n.line, n.column, path, "drop the quotes", "expected a number, found %s", n.describe())
			break
		}
		r.fail(n, path, "expected a number, found %s", n.describe())
	}
	return decimal.Decimal{}, false
}

// atLeastZero reads a decimal >= 0.
func (r *reader) atLeastZero(n *node, path string) (decimal.Decimal, bool) {
	d, ok := r.decimal(n, path)
	if ok && d.IsNegative() {
		r.fail(n, path, "must be at least 0, found %s", d)
		return d, false
	}
	return d, ok
}

// whole reads integers in [low, high].
func (r *reader) whole(low, high int64) func(*node, string) (int64, bool) {
	return func(n *node, path string) (int64, bool) {
		d, ok := r.decimal(n, path)
		if !ok {
			return 0, false
		}
		if !d.IsInteger() {
			r.fail(n, path, "expected a whole number, found %s", d)
			return 0, false
		}
		if d.LessThan(decimal.NewFromInt(low)) || d.GreaterThan(decimal.NewFromInt(high)) {
			if high == math.MaxInt64 {
				r.fail(n, path, "must be a whole number of at least %d (and below 2^63), found %s", low, d)
			} else {
				r.fail(n, path, "must be a whole number from %d to %d, found %s", low, high, d)
			}
			return 0, false
		}
		return d.IntPart(), true
	}
}

// small is whole for fields that are an int.
func (r *reader) small(low, high int) func(*node, string) (int, bool) {
	read := r.whole(int64(low), int64(high))
	return func(n *node, path string) (int, bool) {
		v, ok := read(n, path)
		return int(v), ok
	}
}

// choice reads one of a few words.
func choice[T ~string](r *reader, options ...T) func(*node, string) (T, bool) {
	return func(n *node, path string) (T, bool) {
		words := make([]string, len(options))
		for i, o := range options {
			words[i] = string(o)
			if n.kind == scalarNode && n.text == words[i] {
				return o, true
			}
		}
		suggestion := ""
		if n.kind == scalarNode {
			suggestion = didYouMean(n.text, words)
		}
		r.note(n.line, n.column, path, suggestion, "expected one of %s, found %s", strings.Join(words, ", "), n.describe())
		return "", false
	}
}

// list reads a list; a single value stands for a list of one.
func (r *reader) list(n *node) []*node {
	if n.kind == listNode {
		return n.items
	}
	return []*node{n}
}

// each reads every element of a list (or the one value), leaving out those that are unusable;
// it is false if any was.
func each[T any](r *reader, n *node, path string, read func(*node, string) (T, bool)) ([]T, bool) {
	items := r.list(n)
	out, complete := make([]T, 0, len(items)), true
	for i, item := range items {
		at := path
		if n.kind == listNode {
			at = index(path, i)
		}
		if item.isNull() {
			r.fail(item, at, "null is not allowed")
			complete = false
			continue
		}
		value, ok := read(item, at)
		if !ok {
			complete = false
			continue
		}
		out = append(out, value)
	}
	return out, complete
}
