package results

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/parquet-go/parquet-go"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

const simulation = "20260701-abcdefgh23"

// sampleRow is a row with every kind of column in use.
func sampleRow(variant string, attempt int64) *model.VariantResult {
	number, value, expected := 1.25, "acme", int64(7)
	row := &model.VariantResult{
		SchemaVersion: model.SchemaVersion, SimulationID: simulation, VariantID: variant, Attempt: attempt,
		SimulationName: "study", Labels: []model.Label{{Key: "quarter", Value: "q3"}}, SubmittedAt: 1_782_900_000_000_000,
		Status: model.StatusSucceeded, ConfigSHA256: strings.Repeat("a", 64), SnapshotSHA256: strings.Repeat("b", 64),
		Seed: 42, Currency: "USD",
		Parameters: []model.ParameterValue{{Name: "bid", Number: &number, Text: "1.25"}, {Name: "cap", Text: "none"}},
		StartedAt:  1, FinishedAt: 2, DurationMS: 3, StateBytes: 4,
		Metrics: model.Metrics{
			Slots: 10, Filled: 4, UnfilledBelowFloor: 6, RevenueNanos: 8_000_000, Users: 3, Reach: 2, IdentifiedImpressions: 4, SampledShare: 1,
			FrequencyDistribution: []model.FrequencyUsers{{Frequency: 2, Users: 2}},
			Campaigns:             []model.CampaignResult{{CampaignID: "acme", Advertiser: &value, Impressions: 4, SpendNanos: 8_000_000, Expected: &expected}},
			Groups:                []model.GroupResult{{Group: "advertiser", Value: &value, Impressions: 4}},
			Breakdowns:            []model.BreakdownResult{{Dimension: "country", Slots: 10}},
		},
	}
	row.Derive(model.Report{})
	row.Seal()
	return row
}

func failedRow(variant string, attempt int64, reason model.Reason) *model.VariantResult {
	row := sampleRow(variant, attempt)
	row.Metrics, row.ResultSHA256 = model.Metrics{}, ""
	row.Status, row.Error = model.StatusFailed, model.NewFault(reason, "it is so")
	return row
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestARowComesBackAsItWasCommitted(t *testing.T) {
	everywhere(t, testARowComesBackAsItWasCommitted)
}

func testARowComesBackAsItWasCommitted(t *testing.T, s *bench) {
	for _, row := range []*model.VariantResult{sampleRow("v0001", 1), failedRow("v0002.r3", 12, model.TimedOut)} {
		path := must[string](t)(s.Commit(t.Context(), row))
		if want := fmt.Sprintf("simulation_id=%s/variant_id=%s/attempt=%d.parquet", simulation, row.VariantID, row.Attempt); path != want {
			t.Errorf("committed at %s, want %s", path, want)
		}
		got := must[*model.VariantResult](t)(s.Read(t.Context(), simulation, row.VariantID, row.Attempt))
		if diff := cmp.Diff(row, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("committed (-) and read (+) differ:\n%s", diff)
		}
	}
}

func TestEqualRowsGiveEqualBytes(t *testing.T) {
	one := must[[]byte](t)(Encode(sampleRow("v0001", 1)))
	for range 3 {
		// Another row is written in between.
		must[[]byte](t)(Encode(failedRow("v0002", 3, model.Storage)))
		if again := must[[]byte](t)(Encode(sampleRow("v0001", 1))); !bytes.Equal(one, again) {
			t.Fatal("the same row gave other bytes")
		}
	}
	f := must[*parquet.File](t)(openRow(bytes.NewReader(one), int64(len(one))))
	for i, column := range f.Metadata().RowGroups[0].Columns {
		if name := column.MetaData.PathInSchema; len(name) == 0 || name[0] == "" {
			t.Errorf("column %d has no path", i)
		}
	}
}

func TestACommittedRowIsNeverChanged(t *testing.T) { everywhere(t, testACommittedRowIsNeverChanged) }

func testACommittedRowIsNeverChanged(t *testing.T, s *bench) {
	path := must[string](t)(s.Commit(t.Context(), sampleRow("v0001", 1)))
	before := s.files(t)[path]
	if _, err := s.Commit(t.Context(), sampleRow("v0001", 1)); err != nil {
		t.Errorf("committing the same row again: %v", err)
	}
	other := sampleRow("v0001", 1)
	other.Filled = 3
	other.Seal()
	if _, err := s.Commit(t.Context(), other); !errors.Is(err, ErrTaken) || model.FaultOf(err).Reason != string(model.Storage) {
		t.Errorf("committing another row under the same number: %v, want ErrTaken and a storage fault", err)
	}
	if after := s.files(t); after[path] != before || len(after) != 1 {
		t.Errorf("the committed file has changed, or is not alone: %v", s.below(t, ""))
	}
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	for _, e := range must[[]os.DirEntry](t)(os.ReadDir(dir)) {
		names = append(names, e.Name())
	}
	return names
}

func TestTheRowThatCounts(t *testing.T) { everywhere(t, testTheRowThatCounts) }

func testTheRowThatCounts(t *testing.T, s *bench) {
	for _, row := range []*model.VariantResult{
		failedRow("v0001", 1, model.TimedOut), sampleRow("v0001", 2), sampleRow("v0001", 3), failedRow("v0001", 4, model.Crashed),
		failedRow("v0002", 1, model.TimedOut), failedRow("v0002", 10, model.Panicked), failedRow("v0002", 9, model.Crashed),
	} {
		must[string](t)(s.Commit(t.Context(), row))
	}
	counted := must[map[string]Row](t)(s.Counted(t.Context(), simulation))
	if len(counted) != 2 || counted["v0001"].Attempt != 2 || counted["v0001"].Status != model.StatusSucceeded ||
		counted["v0002"].Attempt != 10 || counted["v0002"].Reason != model.Panicked {
		t.Errorf("counted %+v", counted)
	}
	row, ok, err := s.Outcome(t.Context(), simulation, "v0002", 9)
	if err != nil || !ok || row.Reason != model.Crashed {
		t.Errorf("outcome of attempt 9: %+v %v %v", row, ok, err)
	}
	if _, ok, err := s.Outcome(t.Context(), simulation, "v0002", 8); ok || err != nil {
		t.Errorf("outcome of an attempt that is not there: %v %v", ok, err)
	}
}

// TestManyRowsAreCountedQuickly reads the outcomes of a large simulation: 1,000 files with WHATIF_FULL.
func TestManyRowsAreCountedQuickly(t *testing.T) { everywhere(t, testManyRowsAreCountedQuickly) }

func testManyRowsAreCountedQuickly(t *testing.T, s *bench) {
	n := 200
	if os.Getenv("WHATIF_FULL") != "" {
		n = 1000
	}
	for i := range n {
		writeRow(t, s, fmt.Sprintf("v%04d", i+1), must[[]byte](t)(Encode(sampleRow(fmt.Sprintf("v%04d", i+1), 1))))
	}
	began := time.Now()
	counted := must[map[string]Row](t)(s.Counted(t.Context(), simulation))
	took := time.Since(began)
	t.Logf("%d rows counted in %v", n, took)
	if len(counted) != n || took > 20*time.Second {
		t.Errorf("%d rows counted in %v", len(counted), took)
	}
}

// writeRow puts bytes where attempt 1 of a variant is, as a damaged disk would.
func writeRow(t testing.TB, s *bench, variant string, data []byte) string {
	t.Helper()
	path := model.ResultPath(simulation, variant, 1)
	s.put(t, path, data)
	return s.Path(path)
}

func TestADamagedFileIsNamedAndNeverTrusted(t *testing.T) {
	everywhere(t, testADamagedFileIsNamedAndNeverTrusted)
}

func testADamagedFileIsNamedAndNeverTrusted(t *testing.T, s *bench) {
	good := must[[]byte](t)(Encode(sampleRow("v0001", 1)))
	damages := map[string][]byte{
		"empty":           {},
		"cut short":       good[:len(good)-7],
		"half":            good[:len(good)/2],
		"another's":       must[[]byte](t)(Encode(sampleRow("v0002", 1))),
		"another attempt": must[[]byte](t)(Encode(sampleRow("v0001", 2))),
		"text":            []byte("PAR1 this is not what it says PAR1"),
	}
	for name, data := range damages {
		t.Run(name, func(t *testing.T) {
			path := writeRow(t, s, "v0001", data)
			_, err := s.Counted(t.Context(), simulation)
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "--resume") {
				t.Errorf("%v: want ErrDamaged, the path and what to do", err)
			}
		})
	}
}

// TestFlippedBitsNeverPassAsFigures: whatever bit is flipped, reading ends, and figures that are
// returned are those that were committed.
func TestFlippedBitsNeverPassAsFigures(t *testing.T) {
	row := sampleRow("v0001", 1)
	good := must[[]byte](t)(Encode(row))
	random := rand.New(rand.NewPCG(3, 4))
	refused := 0
	for range 300 {
		data := bytes.Clone(good)
		data[random.IntN(len(data))] ^= 1 << random.IntN(8)
		if _, err := outcome(bytes.NewReader(data), int64(len(data))); err != nil {
			refused++
		}
		got, err := Decode(data)
		if err != nil {
			refused++
			continue
		}
		if got.Status == model.StatusSucceeded && !reflect.DeepEqual(got.Metrics, decoded(t, good).Metrics) {
			t.Fatal("figures other than those committed were returned")
		}
	}
	if refused == 0 {
		t.Error("no flip was noticed at all")
	}
}

func decoded(t *testing.T, data []byte) *model.VariantResult {
	t.Helper()
	return must[*model.VariantResult](t)(Decode(data))
}

func TestIdsThatAreNoIdsAreRefused(t *testing.T) { everywhere(t, testIdsThatAreNoIdsAreRefused) }

func testIdsThatAreNoIdsAreRefused(t *testing.T, s *bench) {
	for _, id := range []string{"", "..", "20260701-abcdefgh2", "20260701-ABCDEFGH23", "20261301-abcdefgh23", "x/../20260701-abcdefgh23"} {
		row := sampleRow("v0001", 1)
		row.SimulationID = id
		if _, err := s.Commit(t.Context(), row); err == nil {
			t.Errorf("a row of simulation %q was committed", id)
		}
		if _, err := s.Lock(t.Context(), id); err == nil {
			t.Errorf("simulation %q was locked", id)
		}
	}
	for _, id := range []string{"", "v1", "../v0001", "v0001.r0", "baseline/x"} {
		if _, err := s.Commit(t.Context(), sampleRow(id, 1)); err == nil {
			t.Errorf("a row of variant %q was committed", id)
		}
	}
	if written := s.below(t, ""); len(written) != 0 {
		t.Errorf("something was written: %v", written)
	}
}

func TestAddresses(t *testing.T) {
	for _, uri := range []string{"", "s3://bucket/results", "gs://", "gs://bucket/../x"} {
		if _, err := Open(uri); err == nil {
			t.Errorf("%q was opened", uri)
		}
	}
	objecttest.Server(t)
	if s := must[*Store](t)(Open("gs://bucket/results/")); s.URI() != "gs://bucket/results" || s.Path("a/b") != "gs://bucket/results/a/b" || s.IsLocal() {
		t.Errorf("opened %s, with %s", s.URI(), s.Path("a/b"))
	}
	s := must[*Store](t)(Open("file:///data/results"))
	if s.URI() != "/data/results" {
		t.Errorf("opened %s", s.URI())
	}
}

func TestACancelledContextCommitsNothing(t *testing.T) {
	everywhere(t, testACancelledContextCommitsNothing)
}

func testACancelledContextCommitsNothing(t *testing.T, s *bench) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Commit(ctx, sampleRow("v0001", 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
