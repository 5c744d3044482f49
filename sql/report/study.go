package report

import "time"

// study is what the page and the sentence are made from, and the page's embedded JSON. Unknown
// figures (null in the views) are null.
type study struct {
	Simulation simulation  `json:"simulation"`
	Sentence   string      `json:"sentence"`
	Notes      []string    `json:"notes"` // what a reader must know: what is missing, what was left out
	Measures   []measure   `json:"measures"`
	Outcomes   []string    `json:"outcomes"` // names of variant.Outcome's entries
	Parameters []parameter `json:"parameters"`
	Variants   []variant   `json:"variants"` // succeeded, replicate 0, in order of their ids with the baseline first
	Baseline   int         `json:"baseline"` // index into Variants; -1: it has no succeeded row
	Effects    []effect    `json:"effects"`
	Campaigns  campaigns   `json:"campaigns"`
	Failures   []failure   `json:"failures"`

	sampled bool // some variant ran on a sample of the users
}

// simulation is the page's header: who, what, from which inputs, how much of it is there.
type simulation struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	Owner           string `json:"owner"`
	Tenant          string `json:"tenant"`
	SubmittedAt     string `json:"submitted_at"` // RFC 3339, UTC
	Currency        string `json:"currency"`
	EngineVersion   string `json:"engine_version"`
	Seed            string `json:"seed"`
	ConfigSHA256    string `json:"config_sha256"`
	SnapshotSHA256  string `json:"snapshot_sha256"`
	CampaignsSHA256 string `json:"campaigns_sha256"`

	Succeeded        int `json:"succeeded"` // variants, the baseline among them, without replicates
	Failed           int `json:"failed"`
	Replicates       int `json:"replicates"` // rows of replicate > 0 that succeeded
	FailedReplicates int `json:"failed_replicates"`
}

// Total is the number of variants with a row, replicates left aside.
func (s simulation) Total() int { return s.Succeeded + s.Failed }

// kind tells how a measure is written and compared.
type kind string

const (
	count kind = "count" // a whole number; compared in percent
	money kind = "money" // in units of the study's currency; compared in percent
	ratio kind = "ratio" // a plain number; compared in percent
	share kind = "share" // of one, written in percent; compared in points
)

// measure is a metric of the view `comparison`.
type measure struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Kind  kind   `json:"kind"`
}

// Places in measures of the three that the sentence is about.
const (
	reachMeasure = iota
	fillMeasure
	revenueMeasure
)

// measures are the metrics of the view `comparison`, the sentence's three first.
var measures = []measure{
	{"reach", "Reach", count},
	{"fill_rate", "Fill", share},
	{"revenue", "Revenue", money},
	{"average_frequency", "Average frequency", ratio},
	{"ecpm", "eCPM", money},
	{"filled", "Filled slots", count},
	{"goals_met", "Goals met", count},
}

// outcomes are the columns of the view `variants` that say where a variant's slots went; they sum to its slots.
var outcomes = []string{
	"filled", "unfilled_no_campaign_targeted", "unfilled_below_floor", "unfilled_unidentified", "unfilled_goal_reached",
	"unfilled_budget_spent", "unfilled_paced", "unfilled_frequency_capped", "unfilled_separated",
}

// parameter is a lever of the study with the distinct values that its variants gave it: numbers
// ascending, then the others by text.
type parameter struct {
	Name   string           `json:"name"`
	Values []parameterValue `json:"values"`
}

// parameterValue is one value; Number is unknown where the value is none or no number.
type parameterValue struct {
	Text   string `json:"text"`
	Number number `json:"number"`
}

// asWritten marks a parameter that a variant leaves alone in variant.Set.
const asWritten = -1

// variant is one succeeded variant with its figures, one entry per measure.
type variant struct {
	ID         string     `json:"id"`
	Comparable bool       `json:"comparable"` // false: other inputs than the baseline's
	Set        []int      `json:"set"`        // per parameter: index into its values, or asWritten
	Value      []number   `json:"value"`
	Delta      []number   `json:"delta"`    // to the baseline; unknown without one
	Relative   []number   `json:"relative"` // Delta over the baseline's value
	Interval   []interval `json:"interval,omitempty"`
	Outcome    []int64    `json:"outcome"`             // per entry of outcomes
	Frequency  []int64    `json:"frequency,omitempty"` // [k-1]: users with k impressions, the last with that many or more
}

// interval bounds a delta with 95 % confidence; unknown without enough replicates.
type interval struct {
	Low  number `json:"low"`
	High number `json:"high"`
}

// effect is a row of the view `parameter_effects`.
type effect struct {
	Parameter string `json:"parameter"`
	Value     string `json:"value"`
	Metric    string `json:"metric"`
	Variants  int64  `json:"variants"`
	Mean      number `json:"mean"`
	Minimum   number `json:"minimum"`
	Maximum   number `json:"maximum"`
}

// campaigns are rows of the view `campaign_results` for the variants and campaigns that fit the page.
type campaigns struct {
	Columns  []string   `json:"columns"`
	IDs      []string   `json:"ids"`      // by impressions, most first
	Variants []int      `json:"variants"` // indices into study.Variants
	Rows     [][]number `json:"rows"`     // campaign, variant (indices into the above), then Columns
}

// failure is a row of the view `failures`.
type failure struct {
	Variant   string `json:"variant"`
	Replicate int64  `json:"replicate"`
	Reason    string `json:"reason"`
	Message   string `json:"message"`
	Retryable bool   `json:"retryable"`
	Attempts  int64  `json:"attempts"`
	First     string `json:"first"` // RFC 3339, UTC
	Last      string `json:"last"`
}

// Title is the study's name, or its id where it has none.
func (s simulation) Title() string {
	if s.Name == "" {
		return s.ID
	}
	return s.Name
}

// Submitted is the time of submission as people read it: "2026-07-01 12:00 UTC".
func (s simulation) Submitted() string {
	at, err := time.Parse(time.RFC3339, s.SubmittedAt)
	if err != nil {
		return s.SubmittedAt // not a time: shown as it is
	}
	return at.UTC().Format("2006-01-02 15:04 UTC")
}

// Counts says how much of the study is there: "997 of 1,000; 3 failed".
func (s simulation) Counts() string {
	text := Grouped(int64(s.Succeeded)) + " of " + Grouped(int64(s.Total()))
	if s.Failed > 0 {
		text += "; " + Grouped(int64(s.Failed)) + " failed"
	}
	if s.Replicates+s.FailedReplicates > 0 {
		text += "; " + Grouped(int64(s.Replicates)) + " replicates"
	}
	if s.FailedReplicates > 0 {
		text += ", " + Grouped(int64(s.FailedReplicates)) + " more failed"
	}
	return text
}
