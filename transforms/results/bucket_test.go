package results

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// TestARowIsCommittedOnceWhateverGoesWrong: each fault meets the upload of a row, again and again, and one row is
// there in the end.
func TestARowIsCommittedOnceWhateverGoesWrong(t *testing.T) {
	row := sampleRow("v0001", 1)
	want := string(must[[]byte](t)(Encode(row)))
	for name, fault := range map[string]objecttest.Fault{
		"torn upload": {Torn: true}, "lost answer to a successful upload": {LostAnswer: true}, "503": {Status: 503}, "429": {Status: 429},
		"another writer of the same row": {Rival: []byte(want)},
	} {
		t.Run(name, func(t *testing.T) {
			s := bucketBench(t)
			fault.Op, fault.Times = objecttest.Create, 3
			order := s.gcs.Break(fault)
			path := must[string](t)(s.Commit(t.Context(), row))
			must[string](t)(s.Commit(t.Context(), row))
			if s.gcs.Happened(order) < 2 {
				t.Errorf("it went wrong %d times", s.gcs.Happened(order))
			}
			if files := s.files(t); len(files) != 1 || files[path] != want {
				t.Errorf("there are %v", s.below(t, ""))
			}
		})
	}
}

// TestSixteenWritersOfOneRow: those of the same row succeed, one of those of different rows does, and there is one row.
func TestSixteenWritersOfOneRow(t *testing.T) {
	s := bucketBench(t)
	var won, lost atomic.Int64
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			if _, err := s.Commit(t.Context(), sampleRow("baseline", 1)); err != nil {
				t.Error(err)
			}
			row := sampleRow("v0001", 1)
			row.DurationMS = int64(i)
			_, err := s.Commit(t.Context(), row)
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, ErrTaken) && model.FaultOf(err).Reason == string(model.Storage):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 || lost.Load() != 15 || len(s.files(t)) != 2 {
		t.Errorf("%d have won, %d lost; there are %v", won.Load(), lost.Load(), s.below(t, ""))
	}
}

// TestAttemptsAreTakenOnceThoughAnswersAreLost: the number is the caller's, and nobody else's.
func TestAttemptsAreTakenOnceThoughAnswersAreLost(t *testing.T) {
	s := leased(t)
	s.gcs.Break(objecttest.Fault{Op: objecttest.Create, LostAnswer: true})
	if taken, err := s.TakeAttempt(t.Context(), newest, 1); !taken || err != nil {
		t.Errorf("%v, %v", taken, err)
	}
	if taken, err := s.TakeAttempt(t.Context(), newest, 1); taken || err != nil {
		t.Errorf("the same again: %v, %v", taken, err)
	}
}

// TestARemovalCutOffAnywhereIsNeverHalfSeenAndIsFinished: the bucket refuses everything from the n-th deletion on.
func TestARemovalCutOffAnywhereIsNeverHalfSeenAndIsFinished(t *testing.T) {
	for n := 0; ; n++ {
		s := leased(t)
		for _, variant := range []string{"baseline", "v0001", "v0002"} {
			row := sampleRow(variant, 1)
			row.SimulationID = older
			must[string](t)(s.Commit(t.Context(), row))
		}
		s.gcs.Break(objecttest.Fault{Op: objecttest.Delete, Skip: n, Status: 403, Times: objecttest.Always})
		err := s.Delete(t.Context(), older)
		s.gcs.Heal()
		all := ids(must[[]Simulation](t)(s.Simulations(t.Context())))
		switch rows := len(must[[]Row](t)(s.Rows(t.Context(), older))); {
		case len(all) == 3 && rows != 3:
			t.Fatalf("%d deletions: it is there with %d rows of 3", n, rows)
		case err == nil && len(all) != 2:
			t.Fatalf("%d deletions: it is said to be removed, and is there", n)
		}
		// The lease of who was cut off is still held in its name, as after a kill; it is this process's.
		if err == nil {
			if n < 6 { // the plan, three rows, the lease, the note
				t.Errorf("a removal took %d deletions", n)
			}
			return
		}
		s.gcs.Remove("bucket", "deep/results/"+lockPath(older))
		if len(all) == 3 {
			if err := s.Delete(t.Context(), older); err != nil {
				t.Fatal(err)
			}
		} else if err := s.Delete(t.Context(), older); !errors.Is(err, ErrNotFound) {
			t.Fatalf("%d deletions: removed again: %v", n, err)
		}
		for _, path := range s.below(t, "") {
			if strings.Contains(path, older) {
				t.Errorf("%d deletions: left is %s", n, path)
			}
		}
	}
}

// TestRetentionFinishesRemovals that others began, and takes away what clocks left.
func TestRetentionFinishesRemovals(t *testing.T) {
	s := leased(t)
	const gone = "20260101-cccccccccc"
	s.put(t, removedPrefix+model.SimulationPath(gone), nil)
	s.put(t, model.ResultPath(gone, "v0001", 1), []byte("row"))
	s.put(t, "_clock/x", nil)
	long := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	must[[]string](t)(s.GC(t.Context(), long, true))
	before := len(s.files(t))
	must[[]string](t)(s.GC(t.Context(), long, false))
	if len(s.below(t, "_clock/x")) != 1 {
		t.Error("a young clock, which may be another's, is gone")
	}
	s.place.(*bucket).clocks = 0
	must[[]string](t)(s.GC(t.Context(), long, false))
	if after := s.files(t); len(after) != before-3 || len(s.below(t, model.SimulationPath(gone))) != 0 {
		t.Errorf("left: %v", s.below(t, ""))
	}
	s.put(t, removedPrefix+"important", nil)
	if _, err := s.GC(t.Context(), long, false); err == nil || !strings.Contains(err.Error(), "important") {
		t.Errorf("%v", err)
	}
}

// TestANoteBesideAPlanRemovesNothing: the removal was cut off before anything was gone. Somebody has gone on with
// the simulation, or has it at this moment.
func TestANoteBesideAPlanRemovesNothing(t *testing.T) {
	s := leased(t)
	s.gcs.Break(objecttest.Fault{Op: objecttest.Delete, Name: "_plan.json", Status: 403})
	if err := s.Delete(t.Context(), newest); err == nil {
		t.Fatal("it was not cut off")
	}
	s.gcs.Heal()
	note := removedPrefix + model.SimulationPath(newest)
	collect := func() (noted bool) {
		t.Helper()
		if removed := must[[]string](t)(s.GC(t.Context(), time.Unix(0, 0), false)); len(removed) != 0 {
			t.Errorf("removed %v", removed)
		}
		must[*model.Plan](t)(s.Plan(t.Context(), newest))
		return len(s.below(t, note)) != 0
	}
	release := must[func() error](t)(s.Lock(t.Context(), newest))
	if !collect() {
		t.Error("the note of one who may be removing it is gone")
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if collect() {
		t.Error("the note is left")
	}
	if err := s.Delete(t.Context(), newest); err != nil || len(s.below(t, model.SimulationPath(newest))) != 0 {
		t.Errorf("removed in the end: %v, left %v", err, s.below(t, ""))
	}
}

// TestARemovalThatFailsAgainIsNotTakenForDone.
func TestARemovalThatFailsAgainIsNotTakenForDone(t *testing.T) {
	s := leased(t)
	rowsOf(t, s.Store, newest, 1, "v0001")
	s.gcs.Break(objecttest.Fault{Op: objecttest.Delete, Name: "attempt=*.parquet", Status: 403, Times: objecttest.Always})
	for range 2 {
		if err := s.Delete(t.Context(), newest); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%v", err)
		}
	}
	s.gcs.Heal()
	if err := s.Delete(t.Context(), newest); !errors.Is(err, ErrNotFound) || len(s.below(t, model.SimulationPath(newest))) != 0 {
		t.Errorf("%v, left %v", err, s.below(t, ""))
	}
}

// TestAThousandRowsTakeAListAndARequestEach, once: what was read is not read again, and a new one costs one.
func TestAThousandRowsTakeAListAndARequestEach(t *testing.T) {
	s := bucketBench(t)
	const n = 300
	data := map[string][]byte{}
	for _, variant := range variants(n) {
		data[variant] = must[[]byte](t)(Encode(sampleRow(variant, 1)))
		s.put(t, model.ResultPath(simulation, variant, 1), data[variant])
	}
	for _, want := range []int{n, 0, 1} {
		if want == 1 {
			must[string](t)(s.Commit(t.Context(), sampleRow("baseline", 1)))
		}
		lists, reads := s.gcs.Count(objecttest.List), s.gcs.Count(objecttest.Read)
		began := time.Now()
		counted := must[map[string]Row](t)(s.Counted(t.Context(), simulation))
		lists, reads = s.gcs.Count(objecttest.List)-lists, s.gcs.Count(objecttest.Read)-reads
		t.Logf("%d rows: %d lists and %d reads in %v", len(counted), lists, reads, time.Since(began))
		if lists != 1 || reads != want || len(counted) < n {
			t.Errorf("%d rows: %d lists and %d reads, want %d", len(counted), lists, reads, want)
		}
	}
}

// TestABucketThatIsMissingIsNoEmptyStore.
func TestABucketThatIsMissingIsNoEmptyStore(t *testing.T) {
	objecttest.Server(t)
	s := openQuick(t, "gs://no-such-bucket/results", t.TempDir())
	_, listed := s.Simulations(t.Context())
	_, resolved := s.Resolve(t.Context(), "latest")
	_, planned := s.Plan(t.Context(), newest)
	_, local := s.Local(t.Context(), newest)
	for _, err := range []error{listed, resolved, planned, local, s.Ready(t.Context())} {
		if err == nil || errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "there is no such bucket") && !strings.Contains(err.Error(), "make the bucket") {
			t.Errorf("%v", err)
		}
	}
}

func TestReadiness(t *testing.T) {
	everywhere(t, func(t *testing.T, s *bench) {
		if err := s.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		if left := s.below(t, ""); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
	s := bucketBench(t)
	s.gcs.Break(objecttest.Fault{Op: objecttest.Create, Status: 403})
	if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "roles/storage.objectUser") {
		t.Errorf("%v", err)
	}
}
