package model

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

// Position is a place in a document, for messages.
type Position struct {
	File   string
	Line   int    // from 1; 0: unknown
	Column int    // from 1
	Path   string // campaigns[3].targeting.country
}
