package model

import "github.com/shopspring/decimal"

// Pricing says what a campaign pays.
type Pricing string

// Pacing says how a campaign spreads its delivery over its flight.
type Pacing string

// CapPeriod is the unit of a frequency cap's window.
type CapPeriod string

// The values of Pricing, Pacing and CapPeriod as written in a configuration.
const (
	PricingAuction Pricing = "auction"
	PricingFixed   Pricing = "fixed" // reserved: always pays its bid, not held to the floor, sets no other's price

	PacingASAP    Pacing = "asap"
	PacingEven    Pacing = "even"
	PacingTraffic Pacing = "traffic"

	PerMinute   CapPeriod = "minute"
	PerHour     CapPeriod = "hour"
	PerDay      CapPeriod = "day"
	PerWeek     CapPeriod = "week"
	PerMonth    CapPeriod = "month"
	PerLifetime CapPeriod = "lifetime"
)

// Defaults and bounds of a campaign.
const (
	DefaultPriority    = 12
	MaxPriority        = 16
	MaxBidAdjustments  = 6
	MinBidSpread       = 2
	MaxBidSpread       = 64
	MaxCampaigns       = 10_000
	FrequencyTopBucket = 20 // the last bucket of a frequency distribution: this many or more
)

// Campaign is a line item (semantics 3) with its defaults filled in. A nil pointer is "none".
type Campaign struct {
	ID         string
	Advertiser string // empty: missing
	Name       string
	Category   string
	Labels     map[string]string

	Priority    int // 1 (served first) .. 16
	BidCPM      CPM
	Pricing     Pricing
	Goal        *int64 // impressions over the flight, >= 1
	Budget      *Nanos // over the flight
	DailyBudget *Nanos // per calendar day

	Start, End *Instant // flight [start, end); nil: the horizon's

	DeliveredBefore *int64 // nil: on schedule so far (semantics 3)
	SpentBefore     *Nanos

	Pacing         Pacing
	Targeting      *Expr
	FrequencyCaps  []FrequencyCap
	BidAdjustments []BidAdjustment
	BidSpread      []decimal.Decimal // empty: none
	Enabled        bool

	Pos Position // where it was written
}

// FrequencyCap allows at most Impressions to one user in one tumbling window of Units periods.
type FrequencyCap struct {
	Impressions int64     // >= 1
	Per         CapPeriod // unit of the window
	Units       int64     // >= 1; 1 for lifetime
}

// BidAdjustment multiplies the bid on slots that When matches.
type BidAdjustment struct {
	When     *Expr
	Multiply decimal.Decimal // >= 0
}

// CapGroup caps the impressions of several campaigns together.
type CapGroup struct {
	Name          string
	Where         *Expr // over campaign fields as written
	FrequencyCaps []FrequencyCap
	Pos           Position
}
