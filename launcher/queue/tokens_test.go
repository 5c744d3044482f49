package queue

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// study is a simulation of the tests of the allocation: its variants take so long each, and as many as
// `wide` ask for a token at a time, as a job's process does.
type study struct {
	tenant   string
	priority int
	variants int // 0: until the end of the test
	each     time.Duration
	wide     int           // variants that it has places for
	jitter   time.Duration // of each variant, at most

	had   atomic.Int64 // nanoseconds of tokens
	ended time.Time
}

// roundTrip is how long a job takes to ask for the next token when it has got one.
const roundTrip = time.Millisecond

// run runs the study with tokens of t, until it is done or ctx is. As a job's process it asks for one token at
// a time, as long as it has a place for another variant.
func (s *study) run(ctx context.Context, t *tokens) {
	part := t.join(s.tenant, s.priority)
	defer part.leave()
	var variants sync.WaitGroup
	random := rand.New(rand.NewPCG(uint64(s.priority), uint64(s.variants)))
	places := make(chan struct{}, s.wide)
	for n := 0; s.variants == 0 || n < s.variants; n++ {
		places <- struct{}{}
		release, err := part.Acquire(ctx)
		if err != nil {
			break
		}
		took := s.each + time.Duration(random.Int64N(int64(s.jitter)+1))
		variants.Go(func() {
			began := time.Now()
			wait(ctx, took)
			s.had.Add(int64(time.Since(began)))
			release()
			<-places
		})
		wait(ctx, roundTrip)
	}
	variants.Wait()
	s.ended = time.Now()
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// TestAShortStudyOvertakesALongOne: 20 token-seconds in variants of 1 s on 2 tokens take 10 s alone.
// Behind a study of an hour, of the same tenant or another, they must take no more than twice that.
func TestAShortStudyOvertakesALongOne(t *testing.T) {
	for n, tenant := range []string{"same", "other", "same", "other"} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), time.Hour)
			tok := newTokens(2, time.Now)
			var running sync.WaitGroup
			jitter := time.Duration(n/2) * 10 * time.Millisecond // without, all end at the same instants: the worst case
			long := &study{tenant: "same", priority: 5, each: time.Second, wide: 4, jitter: jitter}
			running.Go(func() { long.run(ctx, tok) })
			wait(ctx, 10*time.Minute+300*time.Millisecond)
			short := &study{tenant: tenant, priority: 5, variants: 20, each: time.Second, wide: 4, jitter: jitter}
			began := time.Now()
			short.run(ctx, tok)
			if took := short.ended.Sub(began); took > 20*time.Second {
				t.Errorf("tenant %s: took %s, alone it takes 10 s", tenant, took)
			} else {
				t.Logf("tenant %s, variants of 1 s and up to %s: took %s, alone it takes 10 s", tenant, jitter, took)
			}
			stop()
			running.Wait()
		})
	}
}

// TestTenantsGetEqualShares: what a tenant has to do, and in pieces of which length, does not matter.
func TestTenantsGetEqualShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const whole = 30 * time.Minute
		ctx, stop := context.WithTimeout(t.Context(), whole)
		defer stop()
		tok := newTokens(2, time.Now)
		studies := []*study{{tenant: "a", each: 100 * time.Millisecond}, {tenant: "b", each: time.Second}, {tenant: "b", each: 2 * time.Second}}
		for range 5 {
			studies = append(studies, &study{tenant: "c", each: 3 * time.Second})
		}
		var running sync.WaitGroup
		for _, s := range studies {
			s.priority, s.wide = 5, 4
			running.Go(func() { s.run(ctx, tok) })
		}
		running.Wait()
		had := map[string]time.Duration{}
		for _, s := range studies {
			had[s.tenant] += time.Duration(s.had.Load())
		}
		for tenant, got := range had {
			if share := got.Seconds() / (2 * whole.Seconds()); math.Abs(share-1./3) > 0.03 {
				t.Errorf("tenant %s had %.1f %% of the machine, want a third", tenant, share*100)
			}
		}
	})
}

// TestPriorityMultipliesTheShare: priority 9 weighs 2^((9-5)/2) = 4 times as much as 5, so it gets four of five tokens.
func TestPriorityMultipliesTheShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const whole = 20 * time.Minute
		ctx, stop := context.WithTimeout(t.Context(), whole)
		defer stop()
		tok := newTokens(2, time.Now)
		urgent := &study{tenant: "a", priority: 9, each: 500 * time.Millisecond, wide: 4, jitter: 20 * time.Millisecond}
		usual := &study{tenant: "a", priority: 5, each: 500 * time.Millisecond, wide: 4, jitter: 20 * time.Millisecond}
		var running sync.WaitGroup
		running.Go(func() { urgent.run(ctx, tok) })
		running.Go(func() { usual.run(ctx, tok) })
		running.Wait()
		if share := time.Duration(urgent.had.Load()).Seconds() / (2 * whole.Seconds()); math.Abs(share-0.8) > 0.04 {
			t.Errorf("priority 9 had %.1f %%, want 80 %%", share*100)
		}
	})
}

// TestAStreamOfShortStudiesStarvesNobody: every new study has had nothing yet, so by service alone the
// long one would wait for minutes. It must get a token every few seconds all the same.
func TestAStreamOfShortStudiesStarvesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const stream = 5 * time.Minute
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute+stream)
		defer stop()
		tok := newTokens(2, time.Now)
		long := &study{tenant: "a", priority: 5, each: time.Second, wide: 4}
		var running sync.WaitGroup
		running.Go(func() { long.run(ctx, tok) })
		wait(ctx, 10*time.Minute)
		before := long.had.Load()
		running.Go(func() {
			for ctx.Err() == nil {
				(&study{tenant: "a", priority: 5, variants: 8, each: time.Second, wide: 4}).run(ctx, tok)
			}
		})
		running.Wait()
		// One turn of 1 s after each 5 s without, whatever else it is owed.
		if got, least := time.Duration(long.had.Load()-before), stream/7; got < least {
			t.Errorf("the long study had %s of tokens in %s, want at least %s", got, stream, least)
		}
	})
}

// TestLongTurnsAreNoPrivilege: a study whose variants take 20 s does not get the machine back after
// the 5 s of patience, which would leave a short one a fifth of it.
func TestLongTurnsAreNoPrivilege(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const whole = time.Hour
		ctx, stop := context.WithTimeout(t.Context(), whole)
		defer stop()
		tok := newTokens(1, time.Now)
		coarse := &study{tenant: "a", priority: 5, each: 20 * time.Second, wide: 2}
		fine := &study{tenant: "b", priority: 5, each: time.Second, wide: 2}
		var running sync.WaitGroup
		running.Go(func() { coarse.run(ctx, tok) })
		running.Go(func() { fine.run(ctx, tok) })
		running.Wait()
		if share := time.Duration(fine.had.Load()).Seconds() / whole.Seconds(); share < 0.4 {
			t.Errorf("the study of short variants had %.1f %% of the machine, want nearly half", share*100)
		}
	})
}

// TestTokensComeBack: whoever stops waiting, releases twice or leaves with tokens in hand leaves the
// allocation as it was.
func TestTokensComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tok := newTokens(2, time.Now)
		a, b := tok.join("a", 5), tok.join("b", 5)
		var releases []func()
		for range 2 {
			release, err := a.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			releases = append(releases, release)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 3)
		for range 2 {
			go func() { _, err := b.Acquire(ctx); ended <- err }()
		}
		go func() { _, err := b.Acquire(t.Context()); ended <- err }()
		synctest.Wait()
		if held, waiting := tok.inUse(); held != 2 || waiting != 3 {
			t.Fatalf("%d held, %d waiting; want 2 and 3", held, waiting)
		}
		cancel()
		for range 2 {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Fatalf("the wait ended with %v", err)
			}
		}
		releases[0]()
		releases[0]()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if held, waiting := tok.inUse(); held != 2 || waiting != 0 {
			t.Fatalf("%d held, %d waiting; want 2 and 0", held, waiting)
		}
		go func() { _, err := b.Acquire(t.Context()); ended <- err }()
		synctest.Wait()
		b.leave()
		b.leave()
		if err := <-ended; !errors.Is(err, errLeft) {
			t.Fatalf("waiting for a token of a simulation that left ended with %v", err)
		}
		if _, err := b.Acquire(t.Context()); !errors.Is(err, errLeft) {
			t.Fatalf("one that left asked for a token and got %v", err)
		}
		a.leave()
		releases[1]()
		if held, waiting := tok.inUse(); held != 0 || waiting != 0 {
			t.Fatalf("%d held, %d waiting at the end", held, waiting)
		}
	})
}

// TestServiceDecays: a token held for a very long time is worth halfLife/ln 2 = 86.56 token-seconds, half
// of that a half-life after it was released, and a tenant that is gone is forgotten.
func TestServiceDecays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tok := newTokens(1, time.Now)
		a := tok.join("a", 5)
		release, err := a.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wait(t.Context(), time.Hour)
		release()
		want := func(expected float64) {
			t.Helper()
			a.settle(time.Now())
			if math.Abs(a.service-expected) > 0.01 {
				t.Errorf("service %.3f, want %.3f", a.service, expected)
			}
		}
		want(86.56)
		wait(t.Context(), halfLife)
		want(43.28)
		a.leave()
		tok.join("b", 5)
		if len(tok.tenants) != 2 {
			t.Errorf("%d tenants are known, want the one that left too", len(tok.tenants))
		}
		wait(t.Context(), 30*time.Minute)
		tok.join("b", 5)
		if len(tok.tenants) != 1 {
			t.Errorf("%d tenants are known, want the one left to be forgotten", len(tok.tenants))
		}
	})
}
