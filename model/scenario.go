package model

import (
	"time"

	"github.com/shopspring/decimal"
)

// Auction, WithinPriority, OnePerRequest and UnidentifiedUsers are the policy's choices.
type (
	Auction           string
	WithinPriority    string
	OnePerRequest     string
	UnidentifiedUsers string
)

// The policy's values as written in a configuration; the first of each is the default.
const (
	FirstPrice  Auction = "first_price"
	SecondPrice Auction = "second_price"

	ByBid  WithinPriority = "bid"
	ByNeed WithinPriority = "need"

	SeparateNone       OnePerRequest = "none"
	SeparateCampaign   OnePerRequest = "campaign"
	SeparateAdvertiser OnePerRequest = "advertiser"
	SeparateCategory   OnePerRequest = "category"

	SkipCapped    UnidentifiedUsers = "skip_capped"
	ServeUnknowns UnidentifiedUsers = "serve"
)

// Policy is how slots are sold. All fields are set; DefaultPolicy has the defaults.
type Policy struct {
	Auction           Auction
	WithinPriority    WithinPriority
	OnePerRequest     OnePerRequest
	UnidentifiedUsers UnidentifiedUsers
}

// DefaultPolicy is the policy of a configuration that says nothing.
var DefaultPolicy = Policy{FirstPrice, ByBid, SeparateNone, SkipCapped}

// Report says what a result holds beyond the totals.
type Report struct {
	Breakdowns []string // dimensions
	Groups     []string // advertiser, category, priority, labels.<key>
	Losses     bool     // default true
	Contention bool
	Universe   *int64 // people in the market, for GRP
}

// Scenario is one variant made concrete: what a matcher simulates (semantics 1-10). Slots come
// beside it. Campaigns are in the order written and those of Written and Campaigns correspond.
type Scenario struct {
	Seed      int64 // in [0, 2^63)
	Replicate int   // r of semantics 10; 0: the snapshot as it is
	Location  *time.Location
	ShiftDays int64 // added to every slot's time, in days of 86,400 s

	Written   []Campaign // before edits: carry-in defaults and cap groups look at these
	Campaigns []Campaign // after edits
	CapGroups []CapGroup
	Policy    Policy
	Slots     SlotEdits
	Report    Report
}

// SlotEdits are the edits of the inventory, in the order of semantics 9.
type SlotEdits struct {
	Where   []*Expr       // all must match
	Floors  []FloorEdit   // in the order of the parameters
	Traffic []TrafficEdit // a slot's factor is the product over those that match
	Sample  *decimal.Decimal
}

// EditOp is what an edit does to a field.
type EditOp string

// The operations of an edit.
const (
	OpSet      EditOp = "set"
	OpMultiply EditOp = "multiply"
	OpAdd      EditOp = "add"
)

// FloorEdit changes the floor of the slots that Where matches; below 0 becomes 0.
type FloorEdit struct {
	Op    EditOp
	Value decimal.Decimal // a CPM in units for set and add, a factor for multiply
	Where *Expr
}

// TrafficEdit multiplies the traffic that Where matches.
type TrafficEdit struct {
	Factor decimal.Decimal // in [0, 10], at most 6 fractional digits
	Where  *Expr
}
