package model

import "slices"

// ExprOp tells what an expression node does.
type ExprOp string

// The four kinds of node.
const (
	OpAll ExprOp = "all" // every argument holds; no argument: true
	OpAny ExprOp = "any" // at least one argument holds; no argument: false
	OpNot ExprOp = "not" // its one argument does not hold
	OpIn  ExprOp = "in"  // the dimension has one of the values; a missing value is in no list
)

// Expr is a targeting expression (semantics 4) in normal form. A nil *Expr matches everything.
// A map of the document becomes OpAll over one node per key, in the document's order (a map of one key: just that node).
type Expr struct {
	Op        ExprOp   `json:"op"`
	Args      []*Expr  `json:"args,omitempty"`      // of all, any, not
	Dimension string   `json:"dimension,omitempty"` // of in
	Values    []string `json:"values,omitempty"`    // of in, not empty
	Pos       Position `json:"-"`                   // where it was written
}

// Holds is the truth of the expression, given that of its OpIn nodes. A nil one holds.
func (e *Expr) Holds(in func(*Expr) bool) bool {
	if e == nil {
		return true
	}
	arg := func(a *Expr) bool { return a.Holds(in) }
	switch e.Op {
	case OpAll:
		return !slices.ContainsFunc(e.Args, func(a *Expr) bool { return !arg(a) })
	case OpAny:
		return slices.ContainsFunc(e.Args, arg)
	case OpNot:
		return !arg(e.Args[0])
	}
	return in(e)
}

// Position is a place in a document, for messages.
type Position struct {
	File   string
	Line   int    // from 1; 0: unknown
	Column int    // from 1
	Path   string // campaigns[3].targeting.country
}
