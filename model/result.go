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
	SchemaVersion  int64   `parquet:"schema_version" bigquery:"schema_version" json:"schema_version"`
	SimulationID   string  `parquet:"simulation_id" bigquery:"simulation_id" json:"simulation_id"`
	VariantID      string  `parquet:"variant_id" bigquery:"variant_id" json:"variant_id"`
	Replicate      int64   `parquet:"replicate" bigquery:"replicate" json:"replicate"`
	Attempt        int64   `parquet:"attempt" bigquery:"attempt" json:"attempt"`
	SimulationName string  `parquet:"simulation_name" bigquery:"simulation_name" json:"simulation_name"`
	Owner          string  `parquet:"owner" bigquery:"owner" json:"owner"`
	Tenant         string  `parquet:"tenant" bigquery:"tenant" json:"tenant"`
	Labels         []Label `parquet:"labels,list" bigquery:"labels" json:"labels"`
	SubmittedAt    int64   `parquet:"submitted_at,timestamp(microsecond)" bigquery:"submitted_at" json:"submitted_at"`
	Status         string  `parquet:"status" bigquery:"status" json:"status"`
	Error          *Fault  `parquet:"error,optional" bigquery:"error,nullable" json:"error"`

	ConfigSHA256    string `parquet:"config_sha256" bigquery:"config_sha256" json:"config_sha256"`
	SnapshotSHA256  string `parquet:"snapshot_sha256" bigquery:"snapshot_sha256" json:"snapshot_sha256"`
	CampaignsSHA256 string `parquet:"campaigns_sha256" bigquery:"campaigns_sha256" json:"campaigns_sha256"`
	VariantSHA256   string `parquet:"variant_sha256" bigquery:"variant_sha256" json:"variant_sha256"`
	EngineVersion   string `parquet:"engine_version" bigquery:"engine_version" json:"engine_version"`
	Seed            int64  `parquet:"seed" bigquery:"seed" json:"seed"`
	Currency        string `parquet:"currency" bigquery:"currency" json:"currency"`
	ResultSHA256    string `parquet:"result_sha256" bigquery:"result_sha256" json:"result_sha256"` // empty for a failed row

	Parameters []ParameterValue `parquet:"parameters,list" bigquery:"parameters" json:"parameters"`
	StartedAt  int64            `parquet:"started_at,timestamp(microsecond)" bigquery:"started_at" json:"started_at"`
	FinishedAt int64            `parquet:"finished_at,timestamp(microsecond)" bigquery:"finished_at" json:"finished_at"`
	DurationMS int64            `parquet:"duration_ms" bigquery:"duration_ms" json:"duration_ms"`
	StateBytes int64            `parquet:"state_bytes" bigquery:"state_bytes" json:"state_bytes"`

	Metrics
}

// Label is one entry of a configuration's labels.
type Label struct {
	Key   string `parquet:"key" bigquery:"key" json:"key"`
	Value string `parquet:"value" bigquery:"value" json:"value"`
}

// ParameterValue records what a variant set a parameter to; parameters it leaves as written are absent.
type ParameterValue struct {
	Name   string   `parquet:"name" bigquery:"name" json:"name"`
	Number *float64 `parquet:"number,optional" bigquery:"number,nullable" json:"number"` // null where the value is none or no number
	Text   string   `parquet:"text" bigquery:"text" json:"text"`                         // canonical text of the value
}

// Metrics are the figures of semantics 8. A matcher sets the integers (and nil for what
// Report leaves out); Derive sets the ratios and the amounts in units from them. In a failed row
// all counts are 0, ratios null and lists empty; views never read them.
type Metrics struct {
	Slots                      int64            `parquet:"slots" bigquery:"slots" json:"slots"`
	Filled                     int64            `parquet:"filled" bigquery:"filled" json:"filled"`
	FillRate                   *float64         `parquet:"fill_rate,optional" bigquery:"fill_rate,nullable" json:"fill_rate"`
	UnfilledNoCampaignTargeted int64            `parquet:"unfilled_no_campaign_targeted" bigquery:"unfilled_no_campaign_targeted" json:"unfilled_no_campaign_targeted"`
	UnfilledBelowFloor         int64            `parquet:"unfilled_below_floor" bigquery:"unfilled_below_floor" json:"unfilled_below_floor"`
	UnfilledUnidentified       int64            `parquet:"unfilled_unidentified" bigquery:"unfilled_unidentified" json:"unfilled_unidentified"`
	UnfilledGoalReached        int64            `parquet:"unfilled_goal_reached" bigquery:"unfilled_goal_reached" json:"unfilled_goal_reached"`
	UnfilledBudgetSpent        int64            `parquet:"unfilled_budget_spent" bigquery:"unfilled_budget_spent" json:"unfilled_budget_spent"`
	UnfilledPaced              int64            `parquet:"unfilled_paced" bigquery:"unfilled_paced" json:"unfilled_paced"`
	UnfilledFrequencyCapped    int64            `parquet:"unfilled_frequency_capped" bigquery:"unfilled_frequency_capped" json:"unfilled_frequency_capped"`
	UnfilledSeparated          int64            `parquet:"unfilled_separated" bigquery:"unfilled_separated" json:"unfilled_separated"`
	RevenueNanos               int64            `parquet:"revenue_nanos" bigquery:"revenue_nanos" json:"revenue_nanos"`
	Revenue                    float64          `parquet:"revenue" bigquery:"revenue" json:"revenue"`
	ECPM                       *float64         `parquet:"ecpm,optional" bigquery:"ecpm,nullable" json:"ecpm"`
	RPM                        *float64         `parquet:"rpm,optional" bigquery:"rpm,nullable" json:"rpm"`
	Users                      int64            `parquet:"users" bigquery:"users" json:"users"`
	Reach                      int64            `parquet:"reach" bigquery:"reach" json:"reach"`
	ReachRate                  *float64         `parquet:"reach_rate,optional" bigquery:"reach_rate,nullable" json:"reach_rate"`
	IdentifiedImpressions      int64            `parquet:"identified_impressions" bigquery:"identified_impressions" json:"identified_impressions"`
	AverageFrequency           *float64         `parquet:"average_frequency,optional" bigquery:"average_frequency,nullable" json:"average_frequency"`
	GRP                        *float64         `parquet:"grp,optional" bigquery:"grp,nullable" json:"grp"`
	SampledShare               float64          `parquet:"sampled_share" bigquery:"sampled_share" json:"sampled_share"` // kept/total of slots.sample; 1 without
	Goals                      int64            `parquet:"goals" bigquery:"goals" json:"goals"`
	GoalsMet                   int64            `parquet:"goals_met" bigquery:"goals_met" json:"goals_met"`
	GoalShortfall              int64            `parquet:"goal_shortfall" bigquery:"goal_shortfall" json:"goal_shortfall"`
	FrequencyDistribution      []FrequencyUsers `parquet:"frequency_distribution,list" bigquery:"frequency_distribution" json:"frequency_distribution"`

	Campaigns  []CampaignResult  `parquet:"campaigns,list" bigquery:"campaigns" json:"campaigns"`    // enabled ones, in the order written
	Groups     []GroupResult     `parquet:"groups,list" bigquery:"groups" json:"groups"`             // by Report.Groups, then value (null first)
	Breakdowns []BreakdownResult `parquet:"breakdowns,list" bigquery:"breakdowns" json:"breakdowns"` // by Report.Breakdowns, then value (null first)
}

// FrequencyUsers counts the users with exactly Frequency impressions (20: with 20 or more).
// A distribution lists 1..20 ascending, entries with no users left out.
type FrequencyUsers struct {
	Frequency int64 `parquet:"frequency" bigquery:"frequency" json:"frequency"`
	Users     int64 `parquet:"users" bigquery:"users" json:"users"`
}

// CampaignResult is what one enabled campaign got out of a variant.
type CampaignResult struct {
	CampaignID            string           `parquet:"campaign_id" bigquery:"campaign_id" json:"campaign_id"`
	Advertiser            *string          `parquet:"advertiser,optional" bigquery:"advertiser,nullable" json:"advertiser"`
	Priority              int64            `parquet:"priority" bigquery:"priority" json:"priority"`
	Impressions           int64            `parquet:"impressions" bigquery:"impressions" json:"impressions"`
	SpendNanos            int64            `parquet:"spend_nanos" bigquery:"spend_nanos" json:"spend_nanos"`
	Spend                 float64          `parquet:"spend" bigquery:"spend" json:"spend"`
	Reach                 int64            `parquet:"reach" bigquery:"reach" json:"reach"`
	IdentifiedImpressions int64            `parquet:"identified_impressions" bigquery:"identified_impressions" json:"identified_impressions"`
	AverageFrequency      *float64         `parquet:"average_frequency,optional" bigquery:"average_frequency,nullable" json:"average_frequency"`
	FrequencyDistribution []FrequencyUsers `parquet:"frequency_distribution,list" bigquery:"frequency_distribution" json:"frequency_distribution"`
	Delivered             int64            `parquet:"delivered" bigquery:"delivered" json:"delivered"` // with delivered_before
	DeliveryRate          *float64         `parquet:"delivery_rate,optional" bigquery:"delivery_rate,nullable" json:"delivery_rate"`
	Expected              *int64           `parquet:"expected,optional" bigquery:"expected,nullable" json:"expected"` // null without a goal
	OnSchedule            *float64         `parquet:"on_schedule,optional" bigquery:"on_schedule,nullable" json:"on_schedule"`
	BudgetUtilisation     *float64         `parquet:"budget_utilisation,optional" bigquery:"budget_utilisation,nullable" json:"budget_utilisation"`
	FirstImpression       *int64           `parquet:"first_impression,optional,timestamp(microsecond)" bigquery:"first_impression,nullable" json:"first_impression"`
	LastImpression        *int64           `parquet:"last_impression,optional,timestamp(microsecond)" bigquery:"last_impression,nullable" json:"last_impression"`

	// With Report.Losses, else null.
	Matched        *int64   `parquet:"matched,optional" bigquery:"matched,nullable" json:"matched"`
	MatchedUsers   *int64   `parquet:"matched_users,optional" bigquery:"matched_users,nullable" json:"matched_users"`
	LostFloor      *int64   `parquet:"lost_floor,optional" bigquery:"lost_floor,nullable" json:"lost_floor"`
	LostIdentity   *int64   `parquet:"lost_identity,optional" bigquery:"lost_identity,nullable" json:"lost_identity"`
	AfterGoal      *int64   `parquet:"after_goal,optional" bigquery:"after_goal,nullable" json:"after_goal"`
	LostBudget     *int64   `parquet:"lost_budget,optional" bigquery:"lost_budget,nullable" json:"lost_budget"`
	LostPacing     *int64   `parquet:"lost_pacing,optional" bigquery:"lost_pacing,nullable" json:"lost_pacing"`
	LostFrequency  *int64   `parquet:"lost_frequency,optional" bigquery:"lost_frequency,nullable" json:"lost_frequency"`
	LostSeparation *int64   `parquet:"lost_separation,optional" bigquery:"lost_separation,nullable" json:"lost_separation"`
	Outbid         *int64   `parquet:"outbid,optional" bigquery:"outbid,nullable" json:"outbid"`
	WinRate        *float64 `parquet:"win_rate,optional" bigquery:"win_rate,nullable" json:"win_rate"`
	ShareOfMatched *float64 `parquet:"share_of_matched,optional" bigquery:"share_of_matched,nullable" json:"share_of_matched"`

	Contention []Contender `parquet:"contention,list" bigquery:"contention" json:"contention"` // with Report.Contention, at most ten

	// Inputs of Derive that are no columns: goal, budget and spend before, after edits and scaling.
	Goal        *int64 `parquet:"-" bigquery:"-" json:"-"`
	Budget      *Nanos `parquet:"-" bigquery:"-" json:"-"`
	SpentBefore Nanos  `parquet:"-" bigquery:"-" json:"-"`
}

// Contender won Slots of the slots on which the campaign was outbid.
type Contender struct {
	WinnerID string `parquet:"winner_id" bigquery:"winner_id" json:"winner_id"`
	Slots    int64  `parquet:"slots" bigquery:"slots" json:"slots"`
}

// GroupResult adds up the campaigns that share a value of a report group; reach is de-duplicated.
type GroupResult struct {
	Group                 string           `parquet:"group" bigquery:"group" json:"group"`
	Value                 *string          `parquet:"value,optional" bigquery:"value,nullable" json:"value"`
	Impressions           int64            `parquet:"impressions" bigquery:"impressions" json:"impressions"`
	SpendNanos            int64            `parquet:"spend_nanos" bigquery:"spend_nanos" json:"spend_nanos"`
	Spend                 float64          `parquet:"spend" bigquery:"spend" json:"spend"`
	IdentifiedImpressions int64            `parquet:"identified_impressions" bigquery:"identified_impressions" json:"identified_impressions"`
	Reach                 int64            `parquet:"reach" bigquery:"reach" json:"reach"`
	AverageFrequency      *float64         `parquet:"average_frequency,optional" bigquery:"average_frequency,nullable" json:"average_frequency"`
	FrequencyDistribution []FrequencyUsers `parquet:"frequency_distribution,list" bigquery:"frequency_distribution" json:"frequency_distribution"`
}

// BreakdownResult counts the slots that have a value of a dimension (null: missing).
type BreakdownResult struct {
	Dimension             string  `parquet:"dimension" bigquery:"dimension" json:"dimension"`
	Value                 *string `parquet:"value,optional" bigquery:"value,nullable" json:"value"`
	Slots                 int64   `parquet:"slots" bigquery:"slots" json:"slots"`
	Filled                int64   `parquet:"filled" bigquery:"filled" json:"filled"`
	RevenueNanos          int64   `parquet:"revenue_nanos" bigquery:"revenue_nanos" json:"revenue_nanos"`
	Revenue               float64 `parquet:"revenue" bigquery:"revenue" json:"revenue"`
	Users                 int64   `parquet:"users" bigquery:"users" json:"users"`
	Reach                 int64   `parquet:"reach" bigquery:"reach" json:"reach"`
	IdentifiedImpressions int64   `parquet:"identified_impressions" bigquery:"identified_impressions" json:"identified_impressions"`
}
