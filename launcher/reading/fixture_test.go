package reading_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql/warehouse"
	"github.com/whatif-machine/whatif/transforms/results"
)

const studyID = "20260701-aaaaaaaaaa"

// submitted is a time on the day that the ids of the tests name.
const submitted = 1782950399999999

// study makes rows of one simulation: figures are drawn, so that they need not fit together.
type study struct {
	id        string
	variants  int // beside the baseline
	campaigns int
	seed      uint64
}

// rows are the attempts of the study: every seventh variant fails twice, every fifth succeeds at its
// second attempt.
func (s study) rows() (all []model.VariantResult) {
	d := dice{rand.New(rand.NewPCG(s.seed, 7))}
	for v := range s.variants + 1 {
		first := d.row(s, v)
		switch {
		case v > 0 && v%7 == 0:
			all = append(all, failed(first), failed(attempt(first, 2)))
		case v > 0 && v%5 == 0:
			all = append(all, failed(first), attempt(first, 2))
		default:
			all = append(all, first)
		}
	}
	return all
}

func attempt(r model.VariantResult, n int64) model.VariantResult {
	r.Attempt = n
	return r
}

func failed(r model.VariantResult) model.VariantResult {
	r.Status, r.ResultSHA256, r.Metrics = model.StatusFailed, "", model.Metrics{}
	r.Error = model.NewFault(model.TimedOut, "took longer than 2h, \"it's\" said\n-1")
	return r
}

type dice struct{ *rand.Rand }

func (d dice) count() int64 { return d.Int64N(1000) }

func (d dice) row(s study, v int) model.VariantResult {
	id := model.BaselineID
	bid := float64(v%13) / 8
	parameters := []model.ParameterValue{{Name: "bid", Number: &bid, Text: strconv.FormatFloat(bid, 'f', -1, 64)}}
	if v > 0 {
		id = fmt.Sprintf("v%04d", v)
		parameters = append(parameters, model.ParameterValue{Name: "mode", Text: []string{"=1+1", "a,b", "-2", "none"}[v%4]})
	}
	r := model.VariantResult{
		SchemaVersion: model.SchemaVersion, SimulationID: s.id, VariantID: id, Attempt: 1, SimulationName: "n", Owner: "o", Tenant: "t",
		SubmittedAt: submitted, Status: model.StatusSucceeded, ConfigSHA256: "c", SnapshotSHA256: "s", CampaignsSHA256: "k", VariantSHA256: id,
		EngineVersion: "1", Seed: 7, Currency: "USD", Parameters: parameters, StartedAt: submitted + 1, FinishedAt: submitted + d.Int64N(1e9),
		Metrics: d.metrics(s.campaigns),
	}
	r.Seal()
	return r
}

func (d dice) metrics(campaigns int) model.Metrics {
	m := model.Metrics{Slots: d.count(), Filled: d.count(), RevenueNanos: d.Int64N(1e15), Users: d.count(), Reach: d.count(),
		IdentifiedImpressions: d.count(), SampledShare: 1, Goals: d.count(), GoalsMet: d.count(), FrequencyDistribution: d.distribution()}
	for c := range campaigns {
		m.Campaigns = append(m.Campaigns, d.campaign(c))
	}
	empty, us := "", "US, \"the\"\n"
	for _, value := range []*string{nil, &empty, &us} {
		m.Groups = append(m.Groups, model.GroupResult{Group: "advertiser", Value: value, Impressions: d.count(), Reach: d.count(), FrequencyDistribution: d.distribution()})
		m.Breakdowns = append(m.Breakdowns, model.BreakdownResult{Dimension: "country", Value: value, Slots: d.count(), Filled: d.count()})
	}
	m.Derive(model.Report{})
	return m
}

func (d dice) distribution() (list []model.FrequencyUsers) {
	for k := range int64(4) {
		list = append(list, model.FrequencyUsers{Frequency: k + 1, Users: 1 + d.count()})
	}
	return list
}

func (d dice) campaign(n int) model.CampaignResult {
	c := model.CampaignResult{CampaignID: fmt.Sprintf("c%04d", n), Priority: 1 + d.Int64N(16), Impressions: d.count(), SpendNanos: d.Int64N(1e12),
		Reach: d.count(), IdentifiedImpressions: d.count(), FrequencyDistribution: d.distribution(), Delivered: d.count()}
	if d.IntN(2) == 0 {
		advertiser, at := "-acme", submitted+d.Int64N(1e12)
		c.Advertiser, c.FirstImpression = &advertiser, &at
	}
	for w := range d.IntN(3) {
		c.Contention = append(c.Contention, model.Contender{WinnerID: fmt.Sprintf("c%04d", w), Slots: 1 + d.count()})
	}
	return c
}

// stored is a result store that holds rows.
func stored(t testing.TB, rows ...model.VariantResult) *results.Store {
	t.Helper()
	store, err := results.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	commit(t, store, rows...)
	return store
}

func commit(t testing.TB, store *results.Store, rows ...model.VariantResult) {
	t.Helper()
	for i := range rows {
		if _, err := store.Commit(t.Context(), &rows[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// compact makes reading cheap, as after the end of a simulation.
func compact(t testing.TB, store *results.Store) {
	t.Helper()
	if err := warehouse.Compact(t.Context(), store.URI(), studyID); err != nil {
		t.Fatal(err)
	}
}

// reader reads a store for the length of a test.
func reader(t testing.TB, o reading.Options) *reading.Reader {
	t.Helper()
	r := reading.New(o)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// read is the answer to a request that must have one.
func read(t testing.TB, r *reading.Reader, req reading.Request) *reading.Answer {
	t.Helper()
	answer, err := r.Read(t.Context(), req)
	if err != nil {
		t.Fatalf("%+v: %v", req, err)
	}
	return answer
}

// readAll are all rows of an answer, page by page.
func readAll(t testing.TB, r *reading.Reader, req reading.Request) (rows [][]any) {
	t.Helper()
	for {
		answer := read(t, r, req)
		rows = append(rows, answer.Rows...)
		if answer.NextPage == "" {
			return rows
		}
		if len(answer.Rows) != req.PageSize {
			t.Fatalf("a page of %d rows, before the last, where %d were asked for", len(answer.Rows), req.PageSize)
		}
		req.PageToken = answer.NextPage
	}
}
