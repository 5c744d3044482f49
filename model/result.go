package model

// SchemaVersion of VariantResult. Legal changes: adding an optional column or an optional field of
// a nested record at the end. Anything else is a new table.
const SchemaVersion = 1

// Status of a committed attempt.
const (
	StatusSucceeded = "succeeded"
	StatusFailed    = "failed"
)

// VariantResult is one attempt at one variant: one row, one file. It is the one source of the
// Parquet and the BigQuery schema (results.md). Times are microseconds since the epoch, UTC; money
// is in nanos beside units; a nil pointer is null.
type VariantResult struct {
	SchemaVersion  int64   `parquet:"schema_version" json:"schema_version"`
	SimulationID   string  `parquet:"simulation_id" json:"simulation_id"`
	VariantID      string  `parquet:"variant_id" json:"variant_id"`
	Replicate      int64   `parquet:"replicate" json:"replicate"`
	Attempt        int64   `parquet:"attempt" json:"attempt"`
	SimulationName string  `parquet:"simulation_name" json:"simulation_name"`
	Owner          string  `parquet:"owner" json:"owner"`
	Tenant         string  `parquet:"tenant" json:"tenant"`
	Labels         []Label `parquet:"labels,list" json:"labels"`
	SubmittedAt    int64   `parquet:"submitted_at,timestamp(microsecond)" json:"submitted_at"`
	Status         string  `parquet:"status" json:"status"`
	Error          *Fault  `parquet:"error,optional" json:"error"`

	ConfigSHA256    string `parquet:"config_sha256" json:"config_sha256"`
	SnapshotSHA256  string `parquet:"snapshot_sha256" json:"snapshot_sha256"`
	CampaignsSHA256 string `parquet:"campaigns_sha256" json:"campaigns_sha256"`
	VariantSHA256   string `parquet:"variant_sha256" json:"variant_sha256"`
	EngineVersion   string `parquet:"engine_version" json:"engine_version"`
	Seed            int64  `parquet:"seed" json:"seed"`
	Currency        string `parquet:"currency" json:"currency"`
	ResultSHA256    string `parquet:"result_sha256" json:"result_sha256"` // empty for a failed row

	Parameters []ParameterValue `parquet:"parameters,list" json:"parameters"`
	StartedAt  int64            `parquet:"started_at,timestamp(microsecond)" json:"started_at"`
	FinishedAt int64            `parquet:"finished_at,timestamp(microsecond)" json:"finished_at"`
	DurationMS int64            `parquet:"duration_ms" json:"duration_ms"`
	StateBytes int64            `parquet:"state_bytes" json:"state_bytes"`

	Metrics
}

// Label is one entry of a configuration's labels.
type Label struct {
	Key   string `parquet:"key" json:"key"`
	Value string `parquet:"value" json:"value"`
}

// ParameterValue records what a variant set a parameter to; parameters it leaves as written are absent.
type ParameterValue struct {
	Name   string   `parquet:"name" json:"name"`
	Number *float64 `parquet:"number,optional" json:"number"` // null where the value is none or no number
	Text   string   `parquet:"text" json:"text"`              // canonical text of the value
}

// Metrics are the figures of semantics 8. A matcher sets the integers (and nil for what
// Report leaves out); Derive sets the ratios and the amounts in units from them. In a failed row
// all counts are 0, ratios null and lists empty; views never read them.
type Metrics struct {
	Slots                      int64            `parquet:"slots" json:"slots"`
	Filled                     int64            `parquet:"filled" json:"filled"`
	FillRate                   *float64         `parquet:"fill_rate,optional" json:"fill_rate"`
	UnfilledNoCampaignTargeted int64            `parquet:"unfilled_no_campaign_targeted" json:"unfilled_no_campaign_targeted"`
	UnfilledBelowFloor         int64            `parquet:"unfilled_below_floor" json:"unfilled_below_floor"`
	UnfilledUnidentified       int64            `parquet:"unfilled_unidentified" json:"unfilled_unidentified"`
	UnfilledGoalReached        int64            `parquet:"unfilled_goal_reached" json:"unfilled_goal_reached"`
	UnfilledBudgetSpent        int64            `parquet:"unfilled_budget_spent" json:"unfilled_budget_spent"`
	UnfilledPaced              int64            `parquet:"unfilled_paced" json:"unfilled_paced"`
	UnfilledFrequencyCapped    int64            `parquet:"unfilled_frequency_capped" json:"unfilled_frequency_capped"`
	UnfilledSeparated          int64            `parquet:"unfilled_separated" json:"unfilled_separated"`
	RevenueNanos               int64            `parquet:"revenue_nanos" json:"revenue_nanos"`
	Revenue                    float64          `parquet:"revenue" json:"revenue"`
	ECPM                       *float64         `parquet:"ecpm,optional" json:"ecpm"`
	RPM                        *float64         `parquet:"rpm,optional" json:"rpm"`
	Users                      int64            `parquet:"users" json:"users"`
	Reach                      int64            `parquet:"reach" json:"reach"`
	ReachRate                  *float64         `parquet:"reach_rate,optional" json:"reach_rate"`
	IdentifiedImpressions      int64            `parquet:"identified_impressions" json:"identified_impressions"`
	AverageFrequency           *float64         `parquet:"average_frequency,optional" json:"average_frequency"`
	GRP                        *float64         `parquet:"grp,optional" json:"grp"`
	SampledShare               float64          `parquet:"sampled_share" json:"sampled_share"` // kept/total of slots.sample; 1 without
	Goals                      int64            `parquet:"goals" json:"goals"`
	GoalsMet                   int64            `parquet:"goals_met" json:"goals_met"`
	GoalShortfall              int64            `parquet:"goal_shortfall" json:"goal_shortfall"`
	FrequencyDistribution      []FrequencyUsers `parquet:"frequency_distribution,list" json:"frequency_distribution"`

	Campaigns  []CampaignResult  `parquet:"campaigns,list" json:"campaigns"`   // enabled ones, in the order written
	Groups     []GroupResult     `parquet:"groups,list" json:"groups"`         // by Report.Groups, then value (null first)
	Breakdowns []BreakdownResult `parquet:"breakdowns,list" json:"breakdowns"` // by Report.Breakdowns, then value (null first)
}

// FrequencyUsers counts the users with exactly Frequency impressions (20: with 20 or more).
// A distribution lists 1..20 ascending, entries with no users left out.
type FrequencyUsers struct {
	Frequency int64 `parquet:"frequency" json:"frequency"`
	Users     int64 `parquet:"users" json:"users"`
}

// CampaignResult is what one enabled campaign got out of a variant.
type CampaignResult struct {
	CampaignID            string           `parquet:"campaign_id" json:"campaign_id"`
	Advertiser            *string          `parquet:"advertiser,optional" json:"advertiser"`
	Priority              int64            `parquet:"priority" json:"priority"`
	Impressions           int64            `parquet:"impressions" json:"impressions"`
	SpendNanos            int64            `parquet:"spend_nanos" json:"spend_nanos"`
	Spend                 float64          `parquet:"spend" json:"spend"`
	Reach                 int64            `parquet:"reach" json:"reach"`
	IdentifiedImpressions int64            `parquet:"identified_impressions" json:"identified_impressions"`
	AverageFrequency      *float64         `parquet:"average_frequency,optional" json:"average_frequency"`
	FrequencyDistribution []FrequencyUsers `parquet:"frequency_distribution,list" json:"frequency_distribution"`
	Delivered             int64            `parquet:"delivered" json:"delivered"` // with delivered_before
	DeliveryRate          *float64         `parquet:"delivery_rate,optional" json:"delivery_rate"`
	Expected              *int64           `parquet:"expected,optional" json:"expected"` // null without a goal
	OnSchedule            *float64         `parquet:"on_schedule,optional" json:"on_schedule"`
	BudgetUtilisation     *float64         `parquet:"budget_utilisation,optional" json:"budget_utilisation"`
	FirstImpression       *int64           `parquet:"first_impression,optional,timestamp(microsecond)" json:"first_impression"`
	LastImpression        *int64           `parquet:"last_impression,optional,timestamp(microsecond)" json:"last_impression"`

	// With Report.Losses, else null.
	Matched        *int64   `parquet:"matched,optional" json:"matched"`
	MatchedUsers   *int64   `parquet:"matched_users,optional" json:"matched_users"`
	LostFloor      *int64   `parquet:"lost_floor,optional" json:"lost_floor"`
	LostIdentity   *int64   `parquet:"lost_identity,optional" json:"lost_identity"`
	AfterGoal      *int64   `parquet:"after_goal,optional" json:"after_goal"`
	LostBudget     *int64   `parquet:"lost_budget,optional" json:"lost_budget"`
	LostPacing     *int64   `parquet:"lost_pacing,optional" json:"lost_pacing"`
	LostFrequency  *int64   `parquet:"lost_frequency,optional" json:"lost_frequency"`
	LostSeparation *int64   `parquet:"lost_separation,optional" json:"lost_separation"`
	Outbid         *int64   `parquet:"outbid,optional" json:"outbid"`
	WinRate        *float64 `parquet:"win_rate,optional" json:"win_rate"`
	ShareOfMatched *float64 `parquet:"share_of_matched,optional" json:"share_of_matched"`

	Contention []Contender `parquet:"contention,list" json:"contention"` // with Report.Contention, at most ten

	// Inputs of Derive that are no columns: goal, budget and spend before, after edits and scaling.
	Goal        *int64 `parquet:"-" json:"-"`
	Budget      *Nanos `parquet:"-" json:"-"`
	SpentBefore Nanos  `parquet:"-" json:"-"`
}

// Contender won Slots of the slots on which the campaign was outbid.
type Contender struct {
	WinnerID string `parquet:"winner_id" json:"winner_id"`
	Slots    int64  `parquet:"slots" json:"slots"`
}

// GroupResult adds up the campaigns that share a value of a report group; reach is de-duplicated.
type GroupResult struct {
	Group                 string           `parquet:"group" json:"group"`
	Value                 *string          `parquet:"value,optional" json:"value"`
	Impressions           int64            `parquet:"impressions" json:"impressions"`
	SpendNanos            int64            `parquet:"spend_nanos" json:"spend_nanos"`
	Spend                 float64          `parquet:"spend" json:"spend"`
	IdentifiedImpressions int64            `parquet:"identified_impressions" json:"identified_impressions"`
	Reach                 int64            `parquet:"reach" json:"reach"`
	AverageFrequency      *float64         `parquet:"average_frequency,optional" json:"average_frequency"`
	FrequencyDistribution []FrequencyUsers `parquet:"frequency_distribution,list" json:"frequency_distribution"`
}

// BreakdownResult counts the slots that have a value of a dimension (null: missing).
type BreakdownResult struct {
	Dimension             string  `parquet:"dimension" json:"dimension"`
	Value                 *string `parquet:"value,optional" json:"value"`
	Slots                 int64   `parquet:"slots" json:"slots"`
	Filled                int64   `parquet:"filled" json:"filled"`
	RevenueNanos          int64   `parquet:"revenue_nanos" json:"revenue_nanos"`
	Revenue               float64 `parquet:"revenue" json:"revenue"`
	Users                 int64   `parquet:"users" json:"users"`
	Reach                 int64   `parquet:"reach" json:"reach"`
	IdentifiedImpressions int64   `parquet:"identified_impressions" json:"identified_impressions"`
}
