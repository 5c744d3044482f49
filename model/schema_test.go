package model

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

const schemaFile = "../docs/configuration.schema.json"

// golden compares a text with a checked-in file. WHATIF_UPDATE=1 writes the file: look at the
// difference before committing it, the file is a contract.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if os.Getenv("WHATIF_UPDATE") == "1" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not current (write it with WHATIF_UPDATE=1):\n%s", path, diff)
	}
}

func TestSchemaIsCurrent(t *testing.T) { golden(t, schemaFile, Schema()) }

// The Parquet schema of the row is a contract with every file ever written: results.md says which
// changes are legal.
func TestResultSchema(t *testing.T) {
	golden(t, filepath.Join("testdata", "variant_result.parquet-schema"), []byte(parquet.SchemaOf(VariantResult{}).String()+"\n"))
}

// The names of results.md, in its order.
const documentedColumns = `schema_version
simulation_id variant_id replicate attempt simulation_name owner tenant labels submitted_at status error
config_sha256 snapshot_sha256 campaigns_sha256 variant_sha256 engine_version seed currency result_sha256
parameters started_at finished_at duration_ms state_bytes
slots filled fill_rate unfilled_no_campaign_targeted unfilled_below_floor unfilled_unidentified unfilled_goal_reached unfilled_budget_spent unfilled_paced unfilled_frequency_capped unfilled_separated revenue_nanos revenue ecpm rpm users reach reach_rate
identified_impressions average_frequency grp sampled_share goals goals_met goal_shortfall frequency_distribution
campaigns groups breakdowns`

var documentedRecords = map[string]string{
	"labels":                 "key value",
	"error":                  "reason message retryable",
	"parameters":             "name number text",
	"frequency_distribution": "frequency users",
	"campaigns": `campaign_id advertiser priority impressions spend_nanos spend reach identified_impressions average_frequency frequency_distribution delivered delivery_rate expected on_schedule budget_utilisation first_impression last_impression matched matched_users lost_floor lost_identity
  after_goal lost_budget lost_pacing lost_frequency lost_separation outbid win_rate share_of_matched contention`,
	"contention": "winner_id slots",
	"groups":     "group value impressions spend_nanos spend identified_impressions reach average_frequency frequency_distribution",
	"breakdowns": "dimension value slots filled revenue_nanos revenue users reach identified_impressions",
}

func TestColumnsAreThoseDocumented(t *testing.T) {
	var check func(columns []Column, documented string)
	check = func(columns []Column, documented string) {
		var names []string
		for _, c := range columns {
			names = append(names, c.Name)
			if c.Type == ColumnRecord {
				check(c.Fields, documentedRecords[c.Name])
			}
			if isTime := strings.HasSuffix(c.Name, "_at") || strings.HasSuffix(c.Name, "t_impression"); isTime != (c.Type == ColumnTimestamp) {
				t.Errorf("%s is a %s", c.Name, c.Type)
			}
		}
		if diff := cmp.Diff(strings.Fields(documented), names); diff != "" {
			t.Error(diff)
		}
	}
	check(ResultColumns(), documentedColumns)
}

// The three tags of every column name the same column, and nullable is where Go has a pointer.
func TestTagsAgree(t *testing.T) {
	var check func(t *testing.T, typ reflect.Type)
	check = func(t *testing.T, typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if f.Anonymous {
				check(t, f.Type)
				continue
			}
			p, po, _ := strings.Cut(f.Tag.Get("parquet"), ",")
			b, bo, _ := strings.Cut(f.Tag.Get("bigquery"), ",")
			if p == "-" {
				if f.Tag.Get("json") != "-" || (b != "-" && b != "") {
					t.Errorf("%s.%s is a column in one of the schemas only", typ, f.Name)
				}
				continue
			}
			if p == "" || p != b || p != f.Tag.Get("json") {
				t.Errorf("%s.%s: tags %q", typ, f.Name, f.Tag)
			}
			pointer := f.Type.Kind() == reflect.Pointer
			if pointer != strings.Contains(po, "optional") || pointer != (bo == "nullable") {
				t.Errorf("%s.%s: tags %q", typ, f.Name, f.Tag)
			}
			if f.Type.Kind() == reflect.Slice {
				check(t, f.Type.Elem())
			}
		}
	}
	check(t, reflect.TypeFor[VariantResult]())
}

// Every column has a canonical form: writing a row with each set must not panic, and each change
// of a figure must change the digest.
func TestSealCoversEveryFigure(t *testing.T) {
	full := fullResult()
	full.Seal()
	seen := map[string]string{full.ResultSHA256: "nothing"}
	var visit func(v reflect.Value, path string)
	visit = func(v reflect.Value, path string) {
		for i := range v.NumField() {
			f, sf := v.Field(i), v.Type().Field(i)
			if sf.Tag.Get("json") == "-" {
				continue
			}
			at := path + "." + sf.Name
			switch {
			case sf.Anonymous:
				visit(f, at)
				continue
			case f.Kind() == reflect.Slice:
				visit(f.Index(0), at)
				continue
			case f.Kind() == reflect.Pointer:
				f = f.Elem()
			}
			old := reflect.New(f.Type()).Elem()
			old.Set(f)
			switch f.Kind() {
			case reflect.Int64:
				f.SetInt(f.Int() + 1)
			case reflect.Float64:
				f.SetFloat(f.Float() + 1)
			case reflect.String:
				f.SetString(f.String() + "x")
			}
			full.Seal()
			if other, again := seen[full.ResultSHA256]; again {
				t.Errorf("changing %s gives the digest of changing %s", at, other)
			}
			seen[full.ResultSHA256] = at
			f.Set(old)
		}
	}
	visit(reflect.ValueOf(full).Elem().FieldByName("Metrics"), "Metrics")
	visit(reflect.ValueOf(full).Elem().FieldByName("Parameters").Index(0), "Parameters")
	// 25 scalars and the distribution's 2 of the totals, 28+2+2 of a campaign, 8+2 of a group, 9 of
	// a breakdown, 3 of a parameter: counted in results.md; plus the digest of no change.
	if want := 1 + 25 + 2 + 28 + 2 + 2 + 8 + 2 + 9 + 3; len(seen) != want {
		t.Errorf("%d digests, want %d", len(seen), want)
	}
}

// fullResult has every pointer set and one entry in every list.
func fullResult() *VariantResult {
	r := &VariantResult{}
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		for i := range v.NumField() {
			f := v.Field(i)
			switch f.Kind() {
			case reflect.Struct:
				fill(f)
			case reflect.Slice:
				f.Set(reflect.MakeSlice(f.Type(), 1, 1))
				fill(f.Index(0))
			case reflect.Pointer:
				f.Set(reflect.New(f.Type().Elem()))
				if f.Elem().Kind() == reflect.Struct {
					fill(f.Elem())
				}
			}
		}
	}
	fill(reflect.ValueOf(r).Elem())
	return r
}

// The canonical bytes written out by hand for a small row.
func TestSealCanonicalBytes(t *testing.T) {
	half, advertiser := 0.5, "a\"b\\\n"
	r := &VariantResult{Parameters: []ParameterValue{{Name: "bid", Number: &half, Text: "0.5"}, {Name: "cap", Text: "none"}}}
	r.Slots, r.Filled, r.FillRate, r.SampledShare = 4, 2, &half, 1
	r.Revenue, r.RevenueNanos = 1e-9, 1
	r.FrequencyDistribution = []FrequencyUsers{{1, 2}}
	r.Campaigns = []CampaignResult{{CampaignID: "c", Advertiser: &advertiser}, {CampaignID: "d"}}
	r.Groups = []GroupResult{} // empty and absent are the same
	campaign := func(advertiser, id string) string {
		return `{` + advertiser + `"campaign_id":"` + id + `","delivered":0,"identified_impressions":0,"impressions":0,"priority":0,"reach":0,"spend":0,"spend_nanos":0}`
	}
	want := `{"campaigns":[` + campaign(`"advertiser":"a\"b\\\u000a",`, "c") + `,` + campaign("", "d") + `],` +
		`"fill_rate":0.5,"filled":2,"frequency_distribution":[{"frequency":1,"users":2}],"goal_shortfall":0,"goals":0,"goals_met":0,` +
		`"identified_impressions":0,"parameters":[{"name":"bid","number":0.5,"text":"0.5"},{"name":"cap","text":"none"}],"reach":0,"revenue":1e-09,"revenue_nanos":1,` +
		`"sampled_share":1,"slots":4,"unfilled_below_floor":0,"unfilled_budget_spent":0,"unfilled_frequency_capped":0,"unfilled_goal_reached":0,` +
		`"unfilled_no_campaign_targeted":0,"unfilled_paced":0,"unfilled_separated":0,"unfilled_unidentified":0,"users":0}`
	var got bytes.Buffer
	if err := r.canonical(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Fatal(diff)
	}
	before := *r
	before.Seal()
	r.SimulationID, r.Attempt, r.StartedAt = "other", 7, 9 // identity and lineage are not covered
	r.Seal()
	if r.ResultSHA256 != before.ResultSHA256 || len(r.ResultSHA256) != 64 {
		t.Errorf("%s, %s", r.ResultSHA256, before.ResultSHA256)
	}
}
