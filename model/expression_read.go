package model

import (
	"slices"
	"strings"
)

// Keys of an expression that are not dimensions.
var connectives = []string{"all", "any", "not"}

// campaignFields are what a `where` over campaigns can name, besides labels.<key>.
var campaignFields = []string{"id", "advertiser", "name", "category", "priority", "pricing"}

const labelPrefix = "labels."

// targeting reads an expression over slots; which dimensions exist is for CheckAgainst.
func (r *reader) targeting(n *node, path string) (*Expr, bool) {
	return r.expression(n, path, 1, nil)
}

// selection reads an expression over the fields of campaigns.
func (r *reader) selection(n *node, path string) (*Expr, bool) {
	return r.expression(n, path, 1, func(f field, path string) bool {
		if slices.Contains(campaignFields, f.key) || strings.HasPrefix(f.key, labelPrefix) && len(f.key) > len(labelPrefix) {
			return true
		}
		known := append(slices.Clone(campaignFields), connectives...)
		suggestion := didYouMean(f.key, known)
		if suggestion == "" {
			suggestion = "a `where` over campaigns knows " + strings.Join(campaignFields, ", ") + " and labels.<key>"
		}
		r.note(f.line, f.column, path, suggestion, "unknown campaign field %s", quote(f.key))
		return false
	})
}

// expression reads a map of dimension lists and connectives, ANDed in the document's order. known
// decides which keys are dimensions; nil: all. Of an expression with mistakes it returns what could be
// read, nil if that is nothing, and false.
func (r *reader) expression(n *node, path string, depth int, known func(field, string) bool) (*Expr, bool) {
	if depth > MaxExpressionDepth {
		r.fail(n, path, "the expression is nested deeper than %d", MaxExpressionDepth)
		return nil, false
	}
	if n.kind != mapNode {
		r.note(n.line, n.column, path, "such as {country: [US, CA]}", "expected an expression (a map), found %s", n.describe())
		return nil, false
	}
	fields, _ := r.entries(n, path)
	complete := len(fields) == len(n.fields)
	all := &Expr{Op: OpAll, Pos: r.at(n, path)}
	for _, f := range fields {
		at := join(path, f.key)
		var e *Expr
		var ok bool
		switch f.key {
		case "all", "any":
			e, ok = r.connective(ExprOp(f.key), f.value, at, depth, known)
		case "not":
			var arg *Expr
			if arg, ok = r.expression(f.value, at, depth+1, known); arg != nil {
				e = &Expr{Op: OpNot, Args: []*Expr{arg}, Pos: r.at(f.value, at)}
			}
		default:
			e, ok = r.membership(f, at, known)
		}
		complete = complete && ok
		if e != nil {
			all.Args = append(all.Args, e)
		}
	}
	if len(all.Args) == 1 {
		return all.Args[0], complete
	}
	return all, complete
}

func (r *reader) connective(op ExprOp, n *node, path string, depth int, known func(field, string) bool) (*Expr, bool) {
	args, ok := each(r, n, path, func(n *node, path string) (*Expr, bool) {
		return r.expression(n, path, depth+1, known)
	})
	return &Expr{Op: op, Args: args, Pos: r.at(n, path)}, ok
}

// membership reads `dimension: [values]`.
func (r *reader) membership(f field, path string, known func(field, string) bool) (*Expr, bool) {
	named := true
	if f.key == "" {
		r.note(f.line, f.column, path, "", "a dimension needs a name")
		named = false
	} else if known != nil {
		named = known(f, path)
	}
	if f.value.kind == listNode && len(f.value.items) == 0 {
		r.note(f.value.line, f.value.column, path, "leave the key out to match every value", "a list of values must not be empty")
		named = false
	}
	values, ok := each(r, f.value, path, r.text)
	return &Expr{Op: OpIn, Dimension: f.key, Values: distinct(values),
		Pos: Position{r.file, f.line, f.column, path}}, ok && named
}

// distinct drops repeated values, keeping the order.
func distinct(values []string) []string {
	if len(values) < 2 {
		return values
	}
	seen := make(map[string]bool, len(values))
	return slices.DeleteFunc(values, func(v string) bool {
		again := seen[v]
		seen[v] = true
		return again
	})
}

// Dimensions calls yield with each membership node of the expression, in its order.
func (e *Expr) Dimensions(yield func(*Expr) bool) {
	e.walk(yield)
}

func (e *Expr) walk(yield func(*Expr) bool) bool {
	if e == nil {
		return true
	}
	if e.Op == OpIn {
		return yield(e)
	}
	for _, a := range e.Args {
		if !a.walk(yield) {
			return false
		}
	}
	return true
}
