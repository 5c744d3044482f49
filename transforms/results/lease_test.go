package results

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

func lockPath(id string) string { return model.SimulationPath(id) + "/_lock" }

// leased is a bucket with a simulation in it.
func leased(t *testing.T) *bench {
	t.Helper()
	s := bucketBench(t)
	ofThree(t, s)
	return s
}

// eventually polls until something holds, for as long as a slow machine may take.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); !holds(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never came: %s", what)
		}
	}
}

// TestSixteenWantOneLock: one has it, fifteen are told who; shared, all sixteen have it.
func TestSixteenWantOneLock(t *testing.T) {
	s := leased(t)
	s.place.(*bucket).leases = usualLeases // sixteen that renew ten times a second would only wait for each other
	for shared, want := range map[bool]int64{false: 1, true: 16} {
		lock := s.Lock
		if shared {
			lock = s.LockShared
		}
		var had atomic.Int64
		var group sync.WaitGroup
		releases := make(chan func() error, 16)
		for range 16 {
			group.Go(func() {
				release, err := lock(t.Context(), newest)
				switch {
				case err == nil:
					had.Add(1)
					releases <- release
				case !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())):
					t.Error(err)
				}
			})
		}
		group.Wait()
		close(releases)
		for release := range releases {
			if err := release(); err != nil {
				t.Error(err)
			}
		}
		if had.Load() != want {
			t.Errorf("shared %v: %d had it", shared, had.Load())
		}
		if _, there := s.files(t)[lockPath(newest)]; there || len(s.below(t, "_clock/")) != 0 {
			t.Errorf("left: %v, %s", s.below(t, ""), s.files(t)[lockPath(newest)])
		}
	}
}

// elsewhere is a process of another machine, which can't be seen to live or not.
func elsewhere() process { return process{Host: "elsewhere", PID: 7, Machine: "another"} }

// occupied has a process of another machine lock a simulation and not be heard of again.
func occupied(t *testing.T, s *bench, id string) {
	t.Helper()
	data := must[[]byte](t)(json.Marshal(lease{Writer: "x", Turn: 1, Holders: []holder{{ID: "x", Process: elsewhere()}}}))
	s.put(t, lockPath(id), data)
}

// TestALeaseThatRanOutIsTakenOver, not before, and by the service's clock: this machine's plays no part.
func TestALeaseThatRanOutIsTakenOver(t *testing.T) {
	s := leased(t)
	occupied(t, s, newest)
	if _, err := s.Lock(t.Context(), newest); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), "process 7 of elsewhere") {
		t.Fatalf("before it ran out: %v", err)
	}
	var release func() error
	eventually(t, "a lease of one that is not heard of", func() (ok bool) {
		var err error
		release, err = s.Lock(t.Context(), newest)
		if err != nil && !errors.Is(err, ErrRunning) {
			t.Fatal(err)
		}
		return err == nil
	})
	if err := release(); err != nil {
		t.Error(err)
	}
}

// TestALeaseIsHeldAsLongAsItsHolderLives, many times longer than one is good for, through faults.
func TestALeaseIsHeldAsLongAsItsHolderLives(t *testing.T) {
	s := leased(t)
	release := must[func() error](t)(s.Lock(t.Context(), newest))
	s.gcs.Break(objecttest.Fault{Op: objecttest.Create, Name: "_lock", Skip: 1, Status: 503, Times: 2})
	s.gcs.Break(objecttest.Fault{Op: objecttest.Create, Name: "_lock", Skip: 2, LostAnswer: true, Times: 2})
	renewals := func() (n int64) {
		var l lease
		if err := json.Unmarshal([]byte(s.files(t)[lockPath(newest)]), &l); err != nil {
			t.Fatal(err)
		}
		return l.Turn
	}
	eventually(t, "twice the time that a lease is good for", func() bool { return renewals() > 2*int64(quick.runOut/quick.renew) })
	if _, err := s.again(t).Lock(t.Context(), newest); !errors.Is(err, ErrRunning) {
		t.Errorf("%v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

// TestOneThatWasTakenOverIsToldAndLeavesTheOtherAlone.
func TestOneThatWasTakenOverIsToldAndLeavesTheOtherAlone(t *testing.T) {
	s := leased(t)
	release := must[func() error](t)(s.Lock(t.Context(), newest))
	occupied(t, s, newest)
	theirs := s.files(t)[lockPath(newest)]
	if err := release(); !errors.Is(err, ErrTakenOver) || !strings.Contains(err.Error(), "process 7 of elsewhere") {
		t.Errorf("%v", err)
	}
	if s.files(t)[lockPath(newest)] != theirs {
		t.Error("the other's lease was changed")
	}
}

// TestOneThatSleptThroughAnothersRunIsTold, by its release and, once it is heard of again, while it works.
func TestOneThatSleptThroughAnothersRunIsTold(t *testing.T) {
	for _, renew := range []time.Duration{time.Hour, 300 * time.Millisecond} {
		s := leased(t)
		stopped := leases{runOut: 50 * time.Millisecond, renew: renew}
		s.place.(*bucket).leases = stopped
		first := must[*Held](t)(s.Hold(t.Context(), newest, false))
		other := s.again(t)
		other.place.(*bucket).leases = stopped
		eventually(t, "it was taken over, and given back", func() bool {
			release, err := other.Lock(t.Context(), newest)
			return err == nil && release() == nil
		})
		if renew != time.Hour {
			eventually(t, "it is told while it works", func() bool {
				select {
				case <-first.Lost():
					return true
				default:
					return false
				}
			})
		}
		if err := first.Release(); !errors.Is(err, ErrTakenOver) {
			t.Errorf("renewed every %s: %v", renew, err)
		}
	}
}

// TestLocksGoWithTheirSimulation: one that was removed meanwhile can't be had, and whoever had it is content.
func TestLocksGoWithTheirSimulation(t *testing.T) {
	s := leased(t)
	release := must[func() error](t)(s.Lock(t.Context(), newest))
	if err := s.place.remove(t.Context(), model.SimulationPath(newest)); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if _, err := s.Lock(t.Context(), newest); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if left := s.below(t, model.SimulationPath(newest)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestAWaitForALockEndsWithItsContext.
func TestAWaitForALockEndsWithItsContext(t *testing.T) {
	s := leased(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.gcs.Break(objecttest.Fault{Op: objecttest.Stat, Name: "_lock", Times: objecttest.Always, Status: 503, Do: cancel})
	if _, err := s.Lock(ctx, newest); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestTheLeaseOfADeadProcessOfThisMachineIsTakenAtOnce: it was killed, as by kill -9.
func TestTheLeaseOfADeadProcessOfThisMachineIsTakenAtOnce(t *testing.T) {
	if machine() == "" {
		t.Log("processes can't be told from each other here: their leases run out")
		return
	}
	s := leased(t)
	s.place.(*bucket).leases.runOut = time.Hour
	child := exec.Command(os.Args[0], holding, s.URI(), newest)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	word := make([]byte, 1)
	if _, err := out.Read(word); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lock(t.Context(), newest); !errors.Is(err, ErrRunning) {
		t.Errorf("while it lived: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("it was not killed")
	}
	release, err := s.Lock(t.Context(), newest)
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

// holding is the argument that makes this test binary a process that locks a simulation and keeps it.
const holding = "hold-a-lock"

func hold(uri, id string) int {
	s, err := Open(uri)
	if err == nil {
		_, err = s.Lock(context.Background(), id)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Print("!")
	select {}
}

// TestTheServiceDecidesHowLateItIs: a holder whose writer's time is long past has run out however this machine's clock stands.
func TestTheServiceDecidesHowLateItIs(t *testing.T) {
	s := leased(t)
	b := s.place.(*bucket)
	now := must[time.Time](t)(b.serviceTime(t.Context()))
	for age, gone := range map[time.Duration]bool{quick.runOut / 2: false, quick.runOut + time.Second: true} {
		h := []holder{{ID: "x", Renewed: now.Add(-age), Process: elsewhere()}}
		left, err := b.outlived(t.Context(), h, false)
		if gone && (err != nil || len(left) != 0) || !gone && !errors.Is(err, errLocked) {
			t.Errorf("%s: %v, %v", age, left, err)
		}
	}
	if objects.IsURI(s.URI()) != true || len(s.below(t, "_clock/")) != 0 {
		t.Errorf("left: %v", s.below(t, "_clock/"))
	}
}

// TestAClockThatAnotherSweptAwayIsMadeAnew: the answer to its making is lost, and it is gone when it is looked for.
func TestAClockThatAnotherSweptAwayIsMadeAnew(t *testing.T) {
	s := leased(t)
	occupied(t, s, newest)
	swept := func() {
		for _, path := range s.below(t, clockFolder) {
			if err := s.gcs.Remove("bucket", "deep/results/"+path); err != nil {
				t.Error(err)
			}
		}
	}
	s.gcs.Break(objecttest.Fault{Op: objecttest.Create, Name: "_clock/*", LostAnswer: true})
	s.gcs.Break(objecttest.Fault{Op: objecttest.Stat, Name: "_clock/*", Do: swept})
	if _, err := s.Lock(t.Context(), newest); !errors.Is(err, ErrRunning) {
		t.Errorf("%v", err)
	}
}
