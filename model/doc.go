// Package model holds the nouns of a what-if study and their rules: slot, campaign, targeting
// expression, configuration, sweep, variant, scenario and result row. It does no I/O, reads no
// clock and starts no goroutine; everything in it is decidable from its arguments.
//
//	document --ParseConfig--> Config --Expand--> []Variant --Scenario--> Scenario --(matcher)--> Metrics --> VariantResult
//
// Money is exact: a CPM is an int64 of micros, an amount an int64 of nanos of the currency unit; one
// impression at a CPM of m micros costs exactly m nanos. No float takes part in a decision.
package model

// EngineVersion is written into every result row. It changes whenever the same inputs could give
// other figures than before.
const EngineVersion = "1"
