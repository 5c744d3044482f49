package model

import "github.com/shopspring/decimal"

// BaselineID is the id of the first variant of every simulation.
const BaselineID = "baseline"

// ValueKind tells the kinds of a parameter's value apart.
type ValueKind string

// The kinds of a value; the zero kind is "not set": the scenario as written.
const (
	ValueUnset  ValueKind = ""
	ValueNone   ValueKind = "none" // clears the field
	ValueNumber ValueKind = "number"
	ValueText   ValueKind = "text"
	ValueExpr   ValueKind = "expression"
)

// Value is what a variant sets a parameter to.
type Value struct {
	Kind   ValueKind       `json:"kind,omitempty"`
	Number decimal.Decimal `json:"number,omitzero"`
	Text   string          `json:"text,omitempty"` // canonical text of every kind: what the row records
	Expr   *Expr           `json:"expr,omitempty"`
}

// Variant is one what-if: values for the parameters, in the order of Config.Parameters.
type Variant struct {
	ID        string  `json:"id"`        // baseline, v0001, baseline.r1, v0001.r1
	Point     string  `json:"point"`     // the id without its replicate
	Replicate int     `json:"replicate"` // r
	Values    []Value `json:"values"`    // one per parameter
}
