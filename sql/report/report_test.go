package report

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

// opened commits rows and opens a warehouse over them.
func opened(t testing.TB, rows []model.VariantResult) *warehouse.Warehouse {
	t.Helper()
	root := t.TempDir()
	commit(t, root, rows)
	w, err := warehouse.OpenDuckDB(t.Context(), root, warehouse.Simulation(rows[0].SimulationID))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// What is read through the views is what plain code finds in the rows.
func TestViewsGiveTheStudy(t *testing.T) {
	t.Parallel()
	whole := plausible()
	lost := compact()
	lost.failed = map[string]model.Reason{"baseline": model.OutOfMemory}
	dead := made{id: "20260701-deadabcdef", name: "dead", campaigns: 1, failed: map[string]model.Reason{"baseline": model.Panicked}}
	repeated := made{id: "20260701-repeatabcd", name: "", bids: []float64{1.2}, caps: []int{3}, floors: []float64{1}, campaigns: 2, losses: true, replicates: 20,
		failed: map[string]model.Reason{}}
	for name, rows := range map[string][]model.VariantResult{
		"plausible": whole.rows(), "no baseline": lost.rows(), "all failed": dead.rows(), "replicates": repeated.rows(),
	} {
		t.Run(name, func(t *testing.T) {
			w := opened(t, rows)
			got, err := readOutcome(t.Context(), fromWarehouse(w), rows[0].SimulationID)
			if err != nil {
				t.Fatal(err)
			}
			if err := got.readDetail(t.Context(), fromWarehouse(w)); err != nil {
				t.Fatal(err)
			}
			got.Sentence = sentence(got)
			want := plainStudy(t, rows)
			ordered(got)
			ordered(want)
			if diff := gocmp.Diff(want, got, cmpopts.IgnoreUnexported(study{}), gocmp.Comparer(nearly)); diff != "" {
				t.Errorf("plain code (-) and views (+) differ:\n%.4000s", diff)
			}
			said, err := Sentence(t.Context(), w, rows[0].SimulationID)
			if err != nil || said != want.Sentence {
				t.Errorf("sentence %q, %v, want %q", said, err, want.Sentence)
			}
		})
	}
}

// ordered sorts what has no order of its own.
func ordered(s *study) {
	slices.SortFunc(s.Effects, func(a, b effect) int {
		return cmp.Or(cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.Parameter, b.Parameter), cmp.Compare(a.Value, b.Value))
	})
	slices.SortFunc(s.Campaigns.Rows, func(a, b []number) int {
		return cmp.Or(cmp.Compare(a[1].Value, b[1].Value), cmp.Compare(a[0].Value, b[0].Value))
	})
	slices.SortFunc(s.Failures, func(a, b failure) int { return cmp.Compare(a.Variant, b.Variant) })
}

// nearly lets sums of floats differ by their order of addition.
func nearly(a, b number) bool {
	return a.Known == b.Known && math.Abs(a.Value-b.Value) <= 1e-9*max(1, math.Abs(a.Value), math.Abs(b.Value))
}

// Write's page is the page of the study that the views give, also with other simulations beside it.
func TestWrite(t *testing.T) {
	t.Parallel()
	rows := plausible().rows()
	root := t.TempDir()
	commit(t, root, rows)
	other := plausible()
	other.id, other.name = "20260702-otherabcde", "another study"
	commit(t, root, other.rows()[:3])
	w, err := warehouse.OpenDuckDB(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	var out, again bytes.Buffer
	if err := Write(t.Context(), w, rows[0].SimulationID, &out); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), opened(t, rows), rows[0].SimulationID, &again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Error("the same rows gave two pages")
	}
	for _, want := range []string{"q3-frequency-study", "35 of 37; 2 failed", "daily cap 3 -&gt; 1", "line-item-011", "out_of_memory"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(out.String(), "another study") {
		t.Error("the page shows another simulation")
	}
	t.Logf("page of %d bytes, of these %d of data", out.Len(), bytes.Index(out.Bytes(), []byte("</script>"))-bytes.Index(out.Bytes(), []byte(`id="study"`)))
}

func TestUnknownSimulation(t *testing.T) {
	w := opened(t, plausible().rows()[:1])
	if _, err := Sentence(t.Context(), w, "20260701-zzzzzzzzzz"); !errors.Is(err, ErrNoResults) {
		t.Errorf("sentence: %v", err)
	}
	var out bytes.Buffer
	if err := Write(t.Context(), w, "20260701-zzzzzzzzzz", &out); !errors.Is(err, ErrNoResults) || out.Len() > 0 {
		t.Errorf("page: %v, %d bytes", err, out.Len())
	}
}

func TestCancelled(t *testing.T) {
	w := opened(t, plausible().rows()[:2])
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Write(ctx, w, plausible().id, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The largest study's page stays under five megabytes and says what it leaves out. WHATIF_FULL=1 has it at full size.
func TestLargeStudyIsBounded(t *testing.T) {
	t.Parallel()
	big := made{id: "20260701-bigabcdefg", name: "big", campaigns: 110, losses: true, failed: map[string]model.Reason{"v0005": model.TimedOut}}
	n := 4
	if os.Getenv("WHATIF_FULL") != "" {
		n, big.campaigns = 10, 1000
	}
	for i := range n {
		big.bids = append(big.bids, 0.8+0.05*float64(i))
		big.caps = append(big.caps, i+1)
		big.floors = append(big.floors, 0.5+0.1*float64(i))
	}
	rows := big.rows()
	w := opened(t, rows)
	begin := time.Now()
	var out bytes.Buffer
	if err := Write(t.Context(), w, big.id, &out); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d variants of %d campaigns: page of %d bytes in %v", len(rows), big.campaigns, out.Len(), time.Since(begin).Round(time.Millisecond))
	if out.Len() > 5_000_000 {
		t.Errorf("page of %d bytes", out.Len())
	}
	for _, want := range []string{"Campaign figures are here for the 100 campaigns with most impressions", "Campaign figures are here for 60 of "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// Texts of any length leave the page bounded: a whole configuration's worth of expressions, names of 100 kilobytes.
func TestLongTextsAreCut(t *testing.T) {
	long := strings.Repeat("größer ", 15_000)
	s := plainStudy(t, plausible().rows())
	s.Simulation.Name, s.Simulation.Owner = long, long
	for p := range 32 {
		parameter := parameter{Name: long}
		for i := range 1000 {
			parameter.Values = append(parameter.Values, parameterValue{Text: strings.Repeat(fmt.Sprint(p, i), 100)})
		}
		s.Parameters = append(s.Parameters, parameter)
	}
	for i := range s.Variants {
		for range 32 {
			s.Variants[i].Set = append(s.Variants[i].Set, asWritten)
		}
	}
	s.cutTexts()
	if n := len(rendered(t, s)); n > 4_500_000 {
		t.Errorf("page of %d bytes", n)
	}
	if want := "Long values of parameters are cut; the view variants has them whole."; !slices.Contains(s.Notes, want) {
		t.Errorf("notes %q", s.Notes)
	}
}

// A variant on half of the users that has half of everything has no effect; one on another snapshot is left aside.
func TestSamplesAndOtherInputs(t *testing.T) {
	s := made{id: "20260701-sampleabcd", name: "sample", campaigns: 1}
	row := func(id string, share float64, filled, reach int64) model.VariantResult {
		r := s.row(id, 0, 1, 3, 1, nil)
		r.Metrics = model.Metrics{
			Slots: 4 * filled, Filled: filled, UnfilledPaced: 3 * filled, RevenueNanos: 2 * filled * 1e9, Users: 2 * reach, Reach: reach,
			IdentifiedImpressions: filled, SampledShare: share, FrequencyDistribution: []model.FrequencyUsers{{Frequency: 2, Users: reach}},
		}
		r.Derive(model.Report{})
		return r
	}
	half := row("v0001", 0.5, 1000, 500)
	half.Parameters = []model.ParameterValue{numeric("sample", 0.5)}
	other := row("v0002", 1, 8000, 4000)
	other.SnapshotSHA256 = digest('0')
	w := opened(t, []model.VariantResult{row("baseline", 1, 2000, 1000), half, other})
	got, err := Sentence(t.Context(), w, s.id)
	if want := "no effect: reach, fill and revenue are the baseline's in all of 2 variants"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	var out bytes.Buffer
	if err := Write(t.Context(), w, s.id, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Some variants ran on a sample of the users", `"id":"v0002","comparable":false`, `"id":"v0001","comparable":true,"set":[0],"value":[1000,0.25,4000,2,2000,2000,0]`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}
