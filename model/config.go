package model

import (
	"time"

	"github.com/shopspring/decimal"
)

// Limits of a configuration (configuration.md).
const (
	MaxVariants         = 1000
	MaxDocumentBytes    = 4 << 20
	MaxExpressionDepth  = 16
	MaxParameters       = 32
	MaxBreakdowns       = 16
	MaxBreakdownValues  = 10_000
	MaxResultBytes      = 16 << 20
	MaxGroups           = 16
	DefaultCurrency     = "USD"
	DefaultRetries      = 2
	DefaultVariantLimit = 2 * time.Hour
)

// Config is a parsed configuration with its defaults filled in. It is valid in itself: what needs
// the snapshot (dimensions, overflow of money) is checked by CheckAgainst, what needs the edits by Expand.
type Config struct {
	Name      string
	Owner     string
	Labels    []Label // by key
	Currency  string
	Inventory string // path, glob or URI as written

	InventoryPos Position   // where Inventory was written, or the document's beginning, for messages
	CampaignsPos Position   // where CampaignsURI or the campaigns were written, likewise
	RunnerPos    Position   // where Execution.Runner was written, likewise
	CampaignsURI string     // path or URI as written; empty: inline
	Campaigns    []Campaign // inline, or filled in by WithCampaigns

	Location   *time.Location
	ShiftDays  int64
	Seed       int64
	CapGroups  []CapGroup
	Policy     Policy
	Report     Report
	Parameters []Parameter // in the order listed
	Baseline   []Value     // one per parameter
	Sweep      Sweep
	Execution  Execution

	reportPos    Position
	sweepPos     Position
	selections   [][]int             // by parameter: the campaigns it edits; see link
	breakdownPos map[string]Position // of Report.Breakdowns, for messages
	book         *Book               // of Campaigns, if they came as one
}

// Parameter is a lever of the study: a named edit.
type Parameter struct {
	Name   string
	Edit   string // campaigns.bid_cpm, campaigns.frequency_caps.day, policy.auction, slots.floor_cpm ..
	Op     EditOp
	Where  *Expr // nil: all
	Pos    Position
	Values Position // where its first sweep value stands, for messages
}

// Sweep is one of grid, list, sample, or none of them.
type Sweep struct {
	Grid       []Axis    // in the order of Config.Parameters
	List       [][]Value // one []Value (per parameter, ValueUnset: baseline's) per point
	Sample     *Sample
	Replicates int // >= 1
}

// Axis is one dimension of a grid.
type Axis struct {
	Parameter int // index into Config.Parameters
	Values    []Value
}

// Sample draws points at random or by a design.
type Sample struct {
	Method string // random, latin_hypercube, halton
	Count  int
	Seed   uint64
	Ranges []Range
}

// Range is where a sampled parameter's values come from.
type Range struct {
	Parameter int
	Kind      string          // uniform, log, integers, choice
	Low, High decimal.Decimal // of uniform, log, integers
	Choice    []Value
}

// Execution bounds how a simulation runs. It has no influence on what is computed.
type Execution struct {
	Retries           int
	VariantTimeout    time.Duration
	MaxFailedVariants int // -1: never stop early
	Runner            string
}
