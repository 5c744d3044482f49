package warehouse_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
)

// Another implementation reads our files: DuckDB gives back every column of every row as it was
// written, nested lists, nulls and times with them.
func TestFilesReadBackRowForRow(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(3, 1))}
	rows := d.rows(study{id: "20260701-aaaaaaaaaa", variants: 12, baseline: "succeeded", mixed: true})
	var want []record
	for _, r := range rows {
		want = append(want, asRead(reflect.ValueOf(r)))
	}
	got := ask(t, open(t, store(t, rows)), "SELECT * FROM variant_results ORDER BY variant_id, attempt")
	sortRows(want)
	sortRows(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("written (-), read by DuckDB (+)\n%.3000s", diff)
	}
	if len(want) < 10 {
		t.Errorf("only %d rows were compared", len(want))
	}
}

// sortRows orders rows by variant and attempt.
func sortRows(rows []record) {
	for _, r := range rows {
		r["replicate"] = r["attempt"].(int64) // the sort's third key
	}
	order(rows)
}

// asRead is a struct as DuckDB should read it, by its parquet tags.
func asRead(v reflect.Value) record {
	out := record{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			out = join(out, asRead(v.Field(i)))
			continue
		}
		tag := field.Tag.Get("parquet")
		name, rest, _ := strings.Cut(tag, ",")
		if tag == "-" {
			continue
		}
		out[name] = valueAsRead(v.Field(i), strings.Contains(rest, "timestamp"))
	}
	return out
}

func valueAsRead(f reflect.Value, timestamp bool) any {
	switch {
	case f.Kind() == reflect.Slice:
		list := []any{}
		for i := range f.Len() {
			list = append(list, asRead(f.Index(i)))
		}
		return list
	case f.Type() == reflect.TypeFor[*model.Fault]():
		if f.IsNil() {
			return nil
		}
		return asRead(f.Elem())
	}
	return single(f, timestamp)
}

// A file written before a column existed, and one written after others were added, at the top and in a
// nested record, are read together; the unknown columns don't get in the way.
func TestOlderAndNewerFilesReadTogether(t *testing.T) {
	type older struct {
		SimulationID string  `parquet:"simulation_id"`
		VariantID    string  `parquet:"variant_id"`
		Replicate    int64   `parquet:"replicate"`
		Attempt      int64   `parquet:"attempt"`
		SubmittedAt  int64   `parquet:"submitted_at,timestamp(microsecond)"`
		Status       string  `parquet:"status"`
		Reach        int64   `parquet:"reach"`
		SampledShare float64 `parquet:"sampled_share"`
		Campaigns    []struct {
			CampaignID  string `parquet:"campaign_id"`
			Impressions int64  `parquet:"impressions"`
		} `parquet:"campaigns,list"`
	}
	type newerCampaign struct {
		model.CampaignResult
		Quality float64 `parquet:"quality"`
	}
	type newer struct {
		SimulationID string          `parquet:"simulation_id"`
		VariantID    string          `parquet:"variant_id"`
		Attempt      int64           `parquet:"attempt"`
		SubmittedAt  int64           `parquet:"submitted_at,timestamp(microsecond)"`
		Status       string          `parquet:"status"`
		Reach        int64           `parquet:"reach"`
		SampledShare float64         `parquet:"sampled_share"`
		Replicate    int64           `parquet:"replicate"`
		Campaigns    []newerCampaign `parquet:"campaigns,list"`
		Attention    *float64        `parquet:"attention,optional"`
	}
	const id = "20260701-aaaaaaaaaa"
	old := older{SimulationID: id, VariantID: "baseline", Attempt: 1, Status: model.StatusSucceeded, Reach: 10, SampledShare: 1}
	old.Campaigns = append(old.Campaigns, struct {
		CampaignID  string `parquet:"campaign_id"`
		Impressions int64  `parquet:"impressions"`
	}{"c1", 7})
	root := t.TempDir()
	write(t, resultFile(root, model.VariantResult{SimulationID: id, VariantID: "baseline", Attempt: 1}), old)
	write(t, resultFile(root, model.VariantResult{SimulationID: id, VariantID: "v0001", Attempt: 1}), newer{SimulationID: id, VariantID: "v0001",
		Attempt: 1, Status: model.StatusSucceeded, Reach: 12, SampledShare: 1, Campaigns: []newerCampaign{{model.CampaignResult{CampaignID: "c1", Impressions: 9}, 0.5}}})
	w := open(t, root)
	got := ask(t, w, "SELECT variant_id, reach_delta, ecpm FROM comparison ORDER BY variant_id")
	want := []record{{"variant_id": "baseline", "reach_delta": 0.0, "ecpm": nil}, {"variant_id": "v0001", "reach_delta": 2.0, "ecpm": nil}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want (-), got (+)\n%s", diff)
	}
	got = ask(t, w, "SELECT variant_id, impressions_delta, outbid FROM campaign_results ORDER BY variant_id")
	if got[1]["impressions_delta"] != int64(2) || got[0]["outbid"] != nil {
		t.Errorf("campaigns of an older and a newer file: %v", got)
	}
}
