package results

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// TestManyHoldersOfASharedLock: they keep out who wants it alone, and the other way round.
func TestManyHoldersOfASharedLock(t *testing.T) { everywhere(t, testManyHoldersOfASharedLock) }

func testManyHoldersOfASharedLock(t *testing.T, s *bench) {
	ofThree(t, s)
	again := s.again(t)
	first, second := must[func() error](t)(s.LockShared(t.Context(), newest)), must[func() error](t)(again.LockShared(t.Context(), newest))
	if err := first(); err != nil {
		t.Fatal(err)
	}
	if _, err := again.Lock(t.Context(), newest); !errors.Is(err, ErrRunning) {
		t.Errorf("alone beside a shared one: %v", err)
	}
	if err := s.Delete(t.Context(), newest); !errors.Is(err, ErrRunning) {
		t.Errorf("deleting what somebody shares: %v", err)
	}
	if err := second(); err != nil {
		t.Fatal(err)
	}
	alone := must[func() error](t)(again.Lock(t.Context(), newest))
	if _, err := s.LockShared(t.Context(), newest); !errors.Is(err, ErrRunning) {
		t.Errorf("shared beside one alone: %v", err)
	}
	if err := alone(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.LockShared(t.Context(), "20260701-cccccccccc"); !errors.Is(err, ErrNotFound) {
		t.Errorf("lock of none: %v", err)
	}
}

// TestYoungFilesAreLeftToTheirWriters by a sweep that is told so; files that are no temporary ones always are.
func TestYoungFilesAreLeftToTheirWriters(t *testing.T) {
	s := folderBench(t)
	row := must[string](t)(s.Commit(t.Context(), sampleRow("v0001", 1)))
	dir := filepath.Dir(s.Path(row))
	ago := time.Now().Add(-time.Hour)
	for name, changed := range map[string]time.Time{".attempt=2.parquet.7-1.tmp": ago, ".attempt=2.parquet.7-2.tmp": time.Now()} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o666), os.Chtimes(path, changed, changed)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(s.Path(row), ago, ago); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(t.Context(), simulation, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	if left := names(t, dir); !slices.Equal(left, []string{".attempt=2.parquet.7-2.tmp", "attempt=1.parquet"}) {
		t.Errorf("left are %v", left)
	}
}

// TestNumbersThatOthersChose are taken once, and the next one is above them.
func TestNumbersThatOthersChose(t *testing.T) { everywhere(t, testNumbersThatOthersChose) }

func testNumbersThatOthersChose(t *testing.T, s *bench) {
	ofThree(t, s)
	if last := must[int64](t)(s.LastAttempt(t.Context(), newest)); last != 0 {
		t.Errorf("none is taken, the last is %d", last)
	}
	for n, want := range []bool{true, false} {
		if taken := must[bool](t)(s.TakeAttempt(t.Context(), newest, 40)); taken != want {
			t.Errorf("call %d: taken %v", n, taken)
		}
	}
	if last, next := must[int64](t)(s.LastAttempt(t.Context(), newest)), must[int64](t)(s.NextAttempt(t.Context(), newest)); last != 40 || next != 41 {
		t.Errorf("the last is %d, the next %d", last, next)
	}
	if _, err := s.TakeAttempt(t.Context(), "../x", 1); err == nil {
		t.Error("an id that is none")
	}
	if _, there := s.files(t)[model.AttemptPath(newest, 41)]; !there {
		t.Error("it is not written down")
	}
}
