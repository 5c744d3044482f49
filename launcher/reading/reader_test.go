package reading_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/sql/report"
)

// A simulation that runs shows the rows so far, from the moment it is accepted; each that lands is seen by
// the next question.
func TestRowsSoFar(t *testing.T) {
	t.Parallel()
	rows := study{id: studyID, variants: 4, campaigns: 2, seed: 21}.rows()
	store := stored(t)
	r := reader(t, reading.Options{Results: store})
	req := reading.Request{SimulationID: studyID, View: "variants"}
	if answer := read(t, r, req); answer.Rows == nil || len(answer.Rows) != 0 || len(answer.Columns) < 40 || answer.SQL["duckdb"] == "" {
		t.Errorf("before the first row: %+v", answer)
	}
	for i := range rows {
		commit(t, store, rows[i])
		if got := read(t, r, req).Rows; len(got) != i+1 || got[i][2] != rows[i].VariantID {
			t.Errorf("after %d rows: %v", i+1, got)
		}
	}
	// A page of what there was is none of what there is.
	req.PageSize = 2
	req.PageToken = read(t, r, req).NextPage
	commit(t, store, attempt(rows[1], 7))
	if _, err := r.Read(t.Context(), req); err == nil || !strings.Contains(err.Error(), "start over") {
		t.Errorf("a page behind rows that have changed: %v", err)
	}
}

// After a retry the same request shows the new rows: a variant that had failed is compared.
func TestRetryIsSeen(t *testing.T) {
	t.Parallel()
	rows := study{id: studyID, variants: 6, campaigns: 1, seed: 22}.rows()
	rows[3] = failed(rows[3])
	store := stored(t, rows...)
	r := reader(t, reading.Options{Results: store})
	req := reading.Request{SimulationID: studyID, Finished: true, Revision: "1", View: "failures"}
	if err := r.Compact(t.Context(), studyID); err != nil {
		t.Fatal(err)
	}
	if got := read(t, r, req).Rows; len(got) != 1 || got[0][2] != "v0003" || got[0][4] != "timed_out" {
		t.Errorf("before the retry: %v", got)
	}
	again := study{id: studyID, variants: 6, campaigns: 1, seed: 22}.rows()[3]
	commit(t, store, attempt(again, 2))
	req.Revision = "2"
	if got := read(t, r, req).Rows; len(got) != 0 {
		t.Errorf("after the retry: %v", got)
	}
	req.View = "variants"
	if got := read(t, r, req).Rows; len(got) != 7 || got[3][4] != int64(2) {
		t.Errorf("after the retry: %v", got)
	}
}

// Results that go while they are read are an error that says so, in whatever view.
func TestResultsThatGo(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 3, campaigns: 2, seed: 23}.rows()...)
	r := reader(t, reading.Options{Results: store})
	req := reading.Request{SimulationID: studyID, Finished: true, Revision: "1", View: "campaigns"}
	read(t, r, req)
	if err := os.RemoveAll(filepath.Join(store.URI(), "simulation_id="+studyID)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(t.Context(), req); !errors.Is(err, reading.ErrNotFound) {
		t.Errorf("a finished simulation: %v, want ErrNotFound", err)
	}
	req.Revision = ""
	if _, err := r.Read(t.Context(), req); !errors.Is(err, reading.ErrNotFound) {
		t.Errorf("without a revision: %v, want ErrNotFound", err)
	}
	if err := r.Compact(t.Context(), studyID); !errors.Is(err, reading.ErrNotFound) {
		t.Errorf("compact: %v, want ErrNotFound", err)
	}
}

// A copy that is removed between two questions is made up for by the files.
func TestCopyThatGoes(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 3, campaigns: 2, seed: 24}.rows()...)
	compact(t, store)
	r := reader(t, reading.Options{Results: store})
	req := reading.Request{SimulationID: studyID, Finished: true, Revision: "1", View: "campaigns"}
	want := read(t, r, req).Rows
	if err := os.RemoveAll(filepath.Join(store.URI(), "simulation_id="+studyID, "_compacted")); err != nil {
		t.Fatal(err)
	}
	equalRows(t, "after the copy went", want, read(t, r, req).Rows)
}

// A finished simulation of many files that has no copy gets one when it is read.
func TestMissingCopyIsMadeUpFor(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 99, campaigns: 1, seed: 40}.rows()...)
	r := reader(t, reading.Options{Results: store})
	copied := func() bool {
		found, err := filepath.Glob(filepath.Join(store.URI(), "simulation_id="+studyID, "_compacted", "*.parquet"))
		return err == nil && len(found) == 1
	}
	read(t, r, reading.Request{SimulationID: studyID, View: "comparison"})
	want := read(t, r, reading.Request{SimulationID: studyID, Finished: true, Revision: "1", View: "campaigns"}).Rows
	for deadline := time.After(time.Minute); !copied(); {
		select {
		case <-deadline:
			t.Fatal("no copy after a minute")
		case <-time.After(10 * time.Millisecond):
		}
	}
	equalRows(t, "from the copy", want, read(t, r, reading.Request{SimulationID: studyID, Finished: true, Revision: "1", View: "campaigns"}).Rows)
}

// What takes more memory than it may is refused in words; the next question is answered.
func TestTooMuch(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 3, campaigns: 2, seed: 25}.rows()...)
	r := reader(t, reading.Options{Results: store, MemoryBytes: 2 << 20})
	for range 2 {
		if _, err := r.Read(t.Context(), reading.Request{SimulationID: studyID, View: "comparison"}); !errors.Is(err, reading.ErrTooLarge) {
			t.Errorf("error %v, want ErrTooLarge", err)
		}
	}
}

// held is an answer that its receiver doesn't take on: what is written waits.
type held struct {
	begun, goOn chan struct{}
	once        sync.Once
}

func (h *held) Write(p []byte) (int, error) {
	h.once.Do(func() { close(h.begun) })
	<-h.goOn
	return len(p), nil
}

// A receiver that takes his time keeps no other from his answer.
func TestSlowReceiversKeepNoPlace(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 2, campaigns: 1500, seed: 26}.rows()...)
	r := reader(t, reading.Options{Results: store, Concurrent: 1})
	answers := map[string]func(io.Writer) error{
		"CSV": func(out io.Writer) error {
			return r.CSV(t.Context(), reading.Request{SimulationID: studyID, View: "campaigns"}, out)
		},
		"report": func(out io.Writer) error { return r.Report(t.Context(), studyID, true, "1", out) },
	}
	for name, answer := range answers {
		slow := &held{begun: make(chan struct{}), goOn: make(chan struct{})}
		ended := make(chan error, 1)
		go func() { ended <- answer(slow) }()
		<-slow.begun
		if _, err := r.Read(t.Context(), reading.Request{SimulationID: studyID, View: "comparison"}); err != nil {
			t.Errorf("while a %s is not taken: %v", name, err)
		}
		close(slow.goOn)
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is said of results that are gone, or too large, names no folder of this machine.
func TestErrorsNameNoPath(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 3, campaigns: 2, seed: 41}.rows()...)
	bounded := reader(t, reading.Options{Results: store, MemoryBytes: 2 << 20})
	r := reader(t, reading.Options{Results: store})
	req := reading.Request{SimulationID: studyID, Finished: true, Revision: "1", View: "campaigns"}
	said := func(want error, words string, err error) {
		t.Helper()
		if !errors.Is(err, want) || strings.Contains(err.Error(), "/") || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %v: %q", err, want, words)
		}
	}
	_, err := bounded.Read(t.Context(), req)
	said(reading.ErrTooLarge, "ask for less", err)
	over, end := context.WithCancel(t.Context())
	end()
	_, err = r.Read(over, req)
	said(context.Canceled, "", err)
	read(t, r, req)
	if err := os.RemoveAll(filepath.Join(store.URI(), "simulation_id="+studyID)); err != nil {
		t.Fatal(err)
	}
	_, err = r.Read(t.Context(), req)
	said(reading.ErrNotFound, "they were removed", err)
	said(reading.ErrNotFound, "they were removed", r.Report(t.Context(), studyID, true, "", io.Discard))
	said(reading.ErrNotFound, "they were removed", r.Compact(t.Context(), studyID))
}

// Many readers of several simulations at once, while one is compacted again and again: every answer is
// the whole one.
func TestReadersTogether(t *testing.T) {
	t.Parallel()
	ids := []string{"20260701-aaaaaaaaaa", "20260701-bbbbbbbbbb", "20260701-cccccccccc"}
	store := stored(t)
	for i, id := range ids {
		commit(t, store, study{id: id, variants: 5, campaigns: 4, seed: uint64(30 + i)}.rows()...)
	}
	r := reader(t, reading.Options{Results: store, Concurrent: 2, Wait: time.Minute})
	var running sync.WaitGroup
	for i := range 6 {
		running.Go(func() {
			for j := range 3 {
				req := reading.Request{SimulationID: ids[(i+j)%3], Finished: true, View: []string{"campaigns", "comparison"}[j%2]}
				answer, err := r.Read(t.Context(), req)
				want := map[string]int{"campaigns": 6 * 4, "comparison": 6}[req.View]
				if err != nil || len(answer.Rows) != want {
					t.Errorf("%s of %s: %v, %v", req.View, req.SimulationID, answer, err)
				}
			}
		})
	}
	running.Go(func() {
		if err := r.Compact(t.Context(), ids[0]); err != nil {
			t.Error(err)
		}
	})
	running.Wait()
}

// A question ends with its context, whether it waits for its turn or is being answered.
func TestQuestionsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 2, campaigns: 1, seed: 27}.rows()...)
	r := reader(t, reading.Options{Results: store})
	over, end := context.WithCancel(t.Context())
	end()
	req := reading.Request{SimulationID: studyID, View: "comparison"}
	if _, err := r.Read(over, req); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	soon, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if _, err := r.Read(soon, req); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	read(t, r, req)
}

func TestClosedReader(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 1, seed: 28}.rows()...)
	r := reading.New(reading.Options{Results: store})
	read(t, r, reading.Request{SimulationID: studyID, View: "comparison"})
	for range 2 {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.Read(t.Context(), reading.Request{SimulationID: studyID, View: "comparison"}); !errors.Is(err, reading.ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 4, campaigns: 2, seed: 29}.rows()...)
	r := reader(t, reading.Options{Results: store})
	var page bytes.Buffer
	if err := r.Report(t.Context(), studyID, true, "1", &page); err != nil || !strings.Contains(page.String(), "</html>") || !strings.Contains(page.String(), studyID) {
		t.Errorf("%v; a page of %d bytes", err, page.Len())
	}
	if err := r.Report(t.Context(), "20260701-zzzzzzzzzz", false, "", &page); !errors.Is(err, report.ErrNoResults) {
		t.Errorf("before the first row: %v", err)
	}
	if _, ok := errors.AsType[*reading.BadRequest](r.Report(t.Context(), "x", false, "", &page)); !ok {
		t.Error("x was taken for a simulation")
	}
}
