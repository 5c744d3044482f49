package model

import (
	"reflect"
	"strings"
)

// The shapes below are the document as people write it. They are the one source of the keys that
// the parser knows and of the JSON Schema; the values behind Config are made by the readers.

type configShape struct {
	Name       scalarShape                `json:"name,omitzero" jsonschema:"description=Name of the study"`
	Owner      scalarShape                `json:"owner,omitzero" jsonschema:"description=Who asks: free text"`
	Labels     map[string]scalarShape     `json:"labels,omitempty" jsonschema:"description=Free key-value pairs to find the study by"`
	Currency   string                     `json:"currency,omitempty" jsonschema:"description=Of every price and budget: a code of ISO 4217,pattern=^[A-Z]{3}$,default=USD"`
	Inventory  string                     `json:"inventory" jsonschema:"description=Path or glob or gs:// URI of a snapshot; relative to this file,minLength=1"`
	Campaigns  campaignsShape             `json:"campaigns"`
	Timezone   string                     `json:"timezone,omitempty" jsonschema:"description=IANA time zone of times without offset and of calendar days,default=UTC"`
	Shift      string                     `json:"shift,omitempty" jsonschema:"description=Whole days added to every slot's time,pattern=^[+-]?[0-9]+d$,default=0d"`
	Seed       int64                      `json:"seed,omitempty" jsonschema:"description=Seed of every draw,minimum=0,default=0"`
	CapGroups  []capGroupShape            `json:"cap_groups,omitempty" jsonschema:"description=Frequency caps over several campaigns"`
	Policy     policyShape                `json:"policy,omitzero"`
	Report     reportShape                `json:"report,omitzero"`
	Parameters map[string]parameterShape  `json:"parameters,omitempty" jsonschema:"description=The levers of the study; each an edit; applied in this order,maxProperties=32"`
	Baseline   map[string]sweepValueShape `json:"baseline,omitempty" jsonschema:"description=Values of the variant that others are compared with; default: the scenario as written"`
	Sweep      sweepShape                 `json:"sweep,omitzero"`
	Execution  executionShape             `json:"execution,omitzero"`
}

type campaignShape struct {
	ID              scalarShape            `json:"id" jsonschema:"description=Unique id; not empty"`
	Advertiser      scalarShape            `json:"advertiser,omitzero"`
	Name            scalarShape            `json:"name,omitzero"`
	Category        scalarShape            `json:"category,omitzero"`
	Labels          map[string]scalarShape `json:"labels,omitempty"`
	Priority        int                    `json:"priority,omitempty" jsonschema:"description=1 is served first,minimum=1,maximum=16,default=12"`
	BidCPM          float64                `json:"bid_cpm" jsonschema:"description=Bid per mille; the rate of a fixed one,minimum=0"`
	Pricing         string                 `json:"pricing,omitempty" jsonschema:"description=auction or fixed (reserved: always pays its bid),enum=auction,enum=fixed,default=auction"`
	Goal            int64                  `json:"goal,omitempty" jsonschema:"description=Impressions wanted over the flight,minimum=1"`
	Budget          float64                `json:"budget,omitempty" jsonschema:"description=Money over the flight,minimum=0"`
	DailyBudget     float64                `json:"daily_budget,omitempty" jsonschema:"description=Money per calendar day,minimum=0"`
	Start           string                 `json:"start,omitempty" jsonschema:"description=Begin of the flight; default: the horizon's"`
	End             string                 `json:"end,omitempty" jsonschema:"description=End of the flight (exclusive); default: the horizon's"`
	DeliveredBefore int64                  `json:"delivered_before,omitempty" jsonschema:"description=Impressions delivered before the horizon; default: on schedule so far,minimum=0"`
	SpentBefore     float64                `json:"spent_before,omitempty" jsonschema:"description=Money spent before the horizon; default: on schedule so far,minimum=0"`
	Pacing          string                 `json:"pacing,omitempty" jsonschema:"enum=asap,enum=even,enum=traffic,default=asap"`
	Targeting       expressionShape        `json:"targeting,omitzero"`
	FrequencyCaps   listOf[capShape]       `json:"frequency_caps,omitzero"`
	BidAdjustments  listOf[adjustShape]    `json:"bid_adjustments,omitzero"`
	BidSpread       []float64              `json:"bid_spread,omitempty" jsonschema:"description=Its bid on a slot is multiplied by one of these; equally likely,minItems=2,maxItems=64"`
	Enabled         bool                   `json:"enabled,omitempty" jsonschema:"default=true"`
}

type campaignsFileShape struct {
	Campaigns []campaignShape `json:"campaigns"`
}

type capShape struct {
	Impressions int64  `json:"impressions" jsonschema:"minimum=1"`
	Per         string `json:"per" jsonschema:"enum=minute,enum=hour,enum=day,enum=week,enum=month,enum=lifetime"`
	Units       int64  `json:"units,omitempty" jsonschema:"minimum=1,default=1"`
}

type adjustShape struct {
	When     expressionShape `json:"when"`
	Multiply float64         `json:"multiply" jsonschema:"minimum=0"`
}

type capGroupShape struct {
	Name          scalarShape      `json:"name" jsonschema:"description=Unique name; not empty"`
	Where         expressionShape  `json:"where,omitzero"`
	FrequencyCaps listOf[capShape] `json:"frequency_caps"`
}

type policyShape struct {
	Auction           string `json:"auction,omitempty" jsonschema:"enum=first_price,enum=second_price,default=first_price"`
	WithinPriority    string `json:"within_priority,omitempty" jsonschema:"enum=bid,enum=need,default=bid"`
	OnePerRequest     string `json:"one_per_request,omitempty" jsonschema:"enum=none,enum=campaign,enum=advertiser,enum=category,default=none"`
	UnidentifiedUsers string `json:"unidentified_users,omitempty" jsonschema:"enum=skip_capped,enum=serve,default=skip_capped"`
}

type reportShape struct {
	Breakdowns listOf[string] `json:"breakdowns,omitzero"`
	Groups     listOf[string] `json:"groups,omitzero"`
	Losses     bool           `json:"losses,omitempty" jsonschema:"default=true"`
	Contention bool           `json:"contention,omitempty" jsonschema:"default=false"`
	Universe   int64          `json:"universe,omitempty" jsonschema:"description=People in the market; for GRP,minimum=1"`
}

type parameterShape struct {
	Edit  string          `json:"edit" jsonschema:"description=The field that is edited"`
	Op    string          `json:"op,omitempty" jsonschema:"enum=set,enum=multiply,enum=add,default=set"`
	Where expressionShape `json:"where,omitzero"`
}

type sweepShape struct {
	Grid       map[string]listOf[sweepValueShape] `json:"grid,omitempty"`
	List       []map[string]sweepValueShape       `json:"list,omitempty"`
	Sample     sampleShape                        `json:"sample,omitzero"`
	Replicates int                                `json:"replicates,omitempty" jsonschema:"minimum=1,maximum=1000,default=1"`
}

type sampleShape struct {
	Method string                `json:"method" jsonschema:"enum=random,enum=latin_hypercube,enum=halton"`
	Count  int                   `json:"count" jsonschema:"minimum=1"`
	Seed   int64                 `json:"seed,omitempty" jsonschema:"minimum=0,default=0"`
	Ranges map[string]rangeShape `json:"ranges"`
}

type rangeKindShape struct {
	Log      []float64         `json:"log,omitempty" jsonschema:"minItems=2,maxItems=2"`
	Integers []int64           `json:"integers,omitempty" jsonschema:"minItems=2,maxItems=2"`
	Choice   []sweepValueShape `json:"choice,omitempty" jsonschema:"minItems=1"`
}

type executionShape struct {
	Retries           int    `json:"retries,omitempty" jsonschema:"minimum=0,maximum=100,default=2"`
	VariantTimeout    string `json:"variant_timeout,omitempty" jsonschema:"default=2h"`
	MaxFailedVariants int    `json:"max_failed_variants,omitempty" jsonschema:"description=The simulation stops early once more fail; default: never,minimum=0"`
	Runner            string `json:"runner,omitempty" jsonschema:"enum=direct,enum=prism,enum=flink,enum=dataflow"`
}

// Values that may take several forms; schema.go says which.
type (
	scalarShape     struct{} // text, number or boolean, read as text
	expressionShape struct{} // targeting expression
	campaignsShape  struct{} // path, or campaigns inline
	sweepValueShape struct{} // number, text, boolean or expression
	rangeShape      struct{} // [low, high] or rangeKindShape
	listOf[T any]   struct{} // a list, or one value that stands for a list of one
)

// keysOf lists the keys of a shape, in its order.
func keysOf[T any]() []string {
	t := reflect.TypeFor[T]()
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return keys
}

var (
	configKeys        = keysOf[configShape]()
	campaignKeys      = keysOf[campaignShape]()
	campaignsFileKeys = keysOf[campaignsFileShape]()
	capKeys           = keysOf[capShape]()
	adjustKeys        = keysOf[adjustShape]()
	capGroupKeys      = keysOf[capGroupShape]()
	policyKeys        = keysOf[policyShape]()
	reportKeys        = keysOf[reportShape]()
	parameterKeys     = keysOf[parameterShape]()
	sweepKeys         = keysOf[sweepShape]()
	sampleKeys        = keysOf[sampleShape]()
	rangeKeys         = keysOf[rangeKindShape]()
	executionKeys     = keysOf[executionShape]()
)
