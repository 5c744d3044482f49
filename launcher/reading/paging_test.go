package reading_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

// Pages of any size hold every row once, in the order that the whole answer has, whatever it is sorted by:
// nulls and ties with them.
func TestPagesHaveNoGapAndNoDouble(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 60, campaigns: 50, seed: 3}.rows()...)
	compact(t, store)
	r, w := reader(t, reading.Options{Results: store}), open(t, store.URI())
	for name, c := range map[string]struct {
		req   reading.Request
		order string
		least int
	}{
		"2,500 rows":       {reading.Request{View: "campaigns", PageSize: 421}, "variant_id, campaign_id", 2500},
		"pages of one row": {reading.Request{View: "failures", PageSize: 1}, "variant_id", 8},
		"times, many null": {reading.Request{View: "campaigns", Sort: "first_impression", PageSize: 500}, "first_impression DESC NULLS LAST, variant_id, campaign_id", 2500},
		"texts, many null": {reading.Request{View: "campaigns", Sort: "advertiser", Ascending: true, PageSize: 700}, "advertiser NULLS LAST, variant_id, campaign_id", 2500},
		"many ties":        {reading.Request{View: "campaigns", Sort: "priority", PageSize: 450}, "priority DESC, variant_id, campaign_id", 2500},
		"keys that are null": {reading.Request{View: "groups", Sort: "reach", PageSize: 40},
			"reach DESC, variant_id, \"group\", value NULLS LAST", 150},
		"days":       {reading.Request{View: "metrics", Sort: "submitted_date", PageSize: 300}, "variant_id, metric", 1000},
		"deviations": {reading.Request{View: "effects", Sort: "mean", PageSize: 67}, "mean DESC NULLS LAST, parameter, metric, value_number NULLS LAST, value", 300},
		"flags":      {reading.Request{View: "failures", Sort: "retryable", PageSize: 3}, "retryable DESC, variant_id", 8},
	} {
		t.Run(name, func(t *testing.T) {
			c.req.SimulationID, c.req.Finished, c.req.Revision = studyID, true, "1"
			of := map[string]string{"campaigns": "campaign_results", "failures": "failures", "groups": "group_results", "metrics": "variant_metrics", "effects": "parameter_effects"}[c.req.View]
			_, want := ask(t, w, "SELECT * FROM "+of+" ORDER BY "+c.order)
			if len(want) < c.least {
				t.Errorf("only %d rows", len(want))
			}
			equalRows(t, name, want, readAll(t, r, c.req))
		})
	}
}

// The first so many rows are the same over pages as in one statement.
func TestTopEndsThePages(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 40, campaigns: 3, seed: 4}.rows()...)
	r, w := reader(t, reading.Options{Results: store}), open(t, store.URI())
	for _, top := range []int{1, 6, 7, 8, 1000} {
		for _, view := range []string{"comparison", "campaigns"} {
			req := reading.Request{SimulationID: studyID, Finished: true, Revision: "1", View: view, Sort: map[string]string{"comparison": "revenue", "campaigns": "spend"}[view], Top: top, PageSize: 7}
			_, want := ask(t, w, read(t, r, req).SQL["duckdb"])
			most := map[string]int{"comparison": 35 + 1, "campaigns": 36 * 3}[view] // of 40 variants, every seventh failed
			expected := min(top, most)
			if view == "comparison" {
				expected = min(top+1, most)
			}
			if len(want) != expected {
				t.Errorf("top %d of %s: the statement gives %d rows, want %d", top, view, len(want), expected)
			}
			equalRows(t, fmt.Sprintf("top %d of %s", top, view), want, readAll(t, r, req))
		}
	}
}

// A comparison by two metrics, worked out from the rows of variant_metrics: the baseline first, then the
// highest first.
func TestComparison(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 30, seed: 5}.rows()...)
	r, w := reader(t, reading.Options{Results: store}), open(t, store.URI())
	_, want := ask(t, w, `SELECT a.variant_id, c.parameters, c.comparable, a.value, a.delta, a.relative_delta, b.value, b.delta, b.relative_delta
		FROM variant_metrics AS a INNER JOIN variant_metrics AS b USING (variant_id) INNER JOIN comparison AS c USING (variant_id)
		WHERE a.metric = 'reach' AND b.metric = 'rpm' ORDER BY variant_id <> 'baseline', b.value DESC, variant_id`)
	for _, metrics := range [][]string{{"reach"}, {"reach", "rpm", "reach"}} {
		got := readAll(t, r, reading.Request{SimulationID: studyID, View: "comparison", Metrics: metrics, Sort: "rpm", PageSize: 4})
		equalRows(t, "comparison by rpm", want, got)
	}
	one := read(t, r, reading.Request{SimulationID: studyID, View: "comparison", Metrics: []string{"reach", "rpm"}, Where: map[string]string{"variant_id": "v0003", "comparable": "true"}})
	if len(one.Rows) != 1 || one.Rows[0][0] != "v0003" {
		t.Errorf("one variant of the comparison: %v", one.Rows)
	}
	by := read(t, r, reading.Request{SimulationID: studyID, View: "comparison", Sort: "reach_delta", Ascending: true})
	_, lowest := ask(t, w, "SELECT variant_id FROM comparison WHERE variant_id <> 'baseline' ORDER BY reach_delta, variant_id LIMIT 1")
	if by.Rows[1][0] != lowest[0][0] {
		t.Errorf("by reach_delta, lowest first: %v, want %v", by.Rows[1][0], lowest[0][0])
	}
}

// A token is good for the request and the rows that it was given for.
func TestTokensAreBound(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 10, campaigns: 3, seed: 6}.rows()...)
	r := reader(t, reading.Options{Results: store})
	req := reading.Request{SimulationID: studyID, Finished: true, Revision: "1", View: "campaigns", PageSize: 5}
	token := read(t, r, req).NextPage
	if token == "" || len(token) > 4000 {
		t.Fatalf("token %q", token)
	}
	again := req
	again.PageToken, again.PageSize = token, 9 // the size may change
	read(t, r, again)
	for name, change := range map[string]func(*reading.Request){
		"view": func(q *reading.Request) { q.View = "contention" }, "sort": func(q *reading.Request) { q.Sort = "spend" },
		"revision": func(q *reading.Request) { q.Revision = "2" }, "where": func(q *reading.Request) { q.Where = map[string]string{"campaign_id": "c0001"} },
		"top": func(q *reading.Request) { q.Top = 100 }, "garbage": func(q *reading.Request) { q.PageToken = "!" }, "cut": func(q *reading.Request) { q.PageToken = token[:len(token)-4] },
		"long": func(q *reading.Request) { q.PageToken = strings.Repeat("A", 1<<20) },
	} {
		other := again
		change(&other)
		_, err := r.Read(t.Context(), other)
		if bad, ok := errors.AsType[*reading.BadRequest](err); !ok || bad.Field != "page_token" || !strings.Contains(err.Error(), "start over") {
			t.Errorf("token with another %s: %v", name, err)
		}
	}
}

// Keys too long for a token are replaced by a number of rows.
func TestLongKeys(t *testing.T) {
	t.Parallel()
	rows := study{id: studyID, variants: 4, campaigns: 6, seed: 7}.rows()
	for i := range rows {
		for c := range rows[i].Campaigns {
			rows[i].Campaigns[c].CampaignID = strings.Repeat("é", 3000) + rows[i].Campaigns[c].CampaignID
		}
		rows[i].Seal()
	}
	store := stored(t, rows...)
	r, w := reader(t, reading.Options{Results: store}), open(t, store.URI())
	_, want := ask(t, w, "SELECT * FROM campaign_results ORDER BY variant_id, campaign_id")
	equalRows(t, "long keys", want, readAll(t, r, reading.Request{SimulationID: studyID, Finished: true, Revision: "1", View: "campaigns", PageSize: 4}))
}

// What a request may name is checked, and what there is instead is said.
func TestWrongRequests(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 3, campaigns: 1, seed: 8}.rows()...)
	r := reader(t, reading.Options{Results: store})
	where := func(column, value string) map[string]string { return map[string]string{column: value} }
	for want, req := range map[string]reading.Request{
		`view: there is no view "comparisn"; did you mean ` + "`comparison`?":          {View: "comparisn"},
		`metric: there is no metric "reech"; did you mean ` + "`reach`?":               {View: "comparison", Metrics: []string{"reech"}},
		`metric: view campaigns has no choice of metrics`:                              {View: "campaigns", Metrics: []string{"reach"}},
		`sort: there is no column to sort by "spent"; did you mean ` + "`spend`?":      {View: "campaigns", Sort: "spent"},
		`sort: there is no column to sort by "frequency_distribution"`:                 {View: "groups", Sort: "frequency_distribution"},
		`sort: ascending goes with sort`:                                               {View: "campaigns", Ascending: true},
		`top: top is a number of rows`:                                                 {View: "campaigns", Top: -1},
		`where: there is no column "campaign"; did you mean ` + "`campaign_id`?":       {View: "campaigns", Where: where("campaign", "c")},
		`where: "x" is no value for column impressions, which is a whole number`:       {View: "campaigns", Where: where("impressions", "x")},
		`where: "NaN" is no value for column spend, which is a number`:                 {View: "campaigns", Where: where("spend", "NaN")},
		`where: "yes" is no value for column comparable, which is true or false`:       {View: "comparison", Where: where("comparable", "yes")},
		`where: "1 July" is no value for column submitted_date, which is a day like`:   {View: "campaigns", Where: where("submitted_date", "1 July")},
		`where: "today" is no value for column first_impression, which is a time like`: {View: "campaigns", Where: where("first_impression", "today")},
		`where: column frequency_distribution is a list`:                               {View: "groups", Where: where("frequency_distribution", "1")},
		`where: the value for column campaign_id is no text in UTF-8`:                  {View: "campaigns", Where: where("campaign_id", "a\x00b")},
		`where: the value for column variant_id has 5000 bytes`:                        {View: "campaigns", Where: where("variant_id", strings.Repeat("v", 5000))},
		`x: there is no metric "reachh"; did you mean ` + "`reach`?":                   {View: "pareto", X: "reachh"},
		`y: there is no metric "'"`:                                                    {View: "pareto", Y: "-'"},
		`x: x and y are the metrics of view pareto`:                                    {View: "failures", X: "reach"},
		"simulation: `latest` is no simulation id":                                     {SimulationID: "latest", View: "comparison"},
	} {
		if req.SimulationID == "" {
			req.SimulationID = studyID
		}
		_, err := r.Read(t.Context(), req)
		bad, ok := errors.AsType[*reading.BadRequest](err)
		if !ok || !strings.HasPrefix(bad.Field+": "+bad.Message, want) {
			t.Errorf("%+v: %v, want %s", req, err, want)
		}
	}
}

// Where nested results of all variants don't fit into the memory, an order of one's own is still found,
// from the first rows of every few variants.
func TestMoreThanMemoryHolds(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 40, campaigns: 1500, seed: 9}.rows()...)
	compact(t, store)
	r, w := reader(t, reading.Options{Results: store, MemoryBytes: 48 << 20, Threads: 1}), open(t, store.URI())
	const order = " ORDER BY users DESC, variant_id, campaign_id, frequency LIMIT 400"
	narrow, err := warehouse.OpenDuckDB(t.Context(), store.URI(), warehouse.Simulation(studyID), warehouse.Memory(48<<20), warehouse.Threads(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := narrow.Query(t.Context(), "SELECT * FROM campaign_frequency"+order); !errors.Is(err, warehouse.ErrMemory) {
		t.Errorf("the whole fits into the memory (%v): the test shows nothing", err)
	}
	if err := narrow.Close(); err != nil {
		t.Error(err)
	}
	_, want := ask(t, w, "SELECT * FROM campaign_frequency"+order)
	equalRows(t, "the highest", want, readAll(t, r, reading.Request{SimulationID: studyID, Finished: true, View: "campaign_frequency", Sort: "users", Top: 400, PageSize: 150}))
}
