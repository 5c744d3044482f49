package limit

import (
	"fmt"
	"math"
	"math/big"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/whatif-machine/whatif/launcher/store"
)

// subject is a limiter under the suite, and how much time passes for it.
type subject struct {
	limiter Limiter
	pass    func(time.Duration) // lets so much time pass; nil: its clock is not ours
}

// everyLimiter runs a test on each implementation. WHATIF_TEST_REDIS is the URL of a Redis.
func everyLimiter(t *testing.T, test func(t *testing.T, fresh func(t *testing.T) subject)) {
	t.Run("local", func(t *testing.T) {
		test(t, func(*testing.T) subject {
			var at atomic.Int64
			start := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
			now := func() time.Time { return start.Add(time.Duration(at.Load())) }
			return subject{NewLocal(now, 0), func(d time.Duration) { at.Add(int64(d)) }}
		})
	})
	url := os.Getenv("WHATIF_TEST_REDIS")
	if url == "" {
		t.Log("WHATIF_TEST_REDIS is not set: only the local limiter is tested; `.ci/redis start` prints a URL for it")
		return
	}
	t.Run("shared", func(t *testing.T) {
		test(t, func(t *testing.T) subject { return subject{limiter: newShared(t, url)} })
	})
}

func newShared(t *testing.T, url string) *Shared {
	t.Helper()
	s, err := NewShared(url, SharedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var keys atomic.Int64

// newKey names a bucket that nobody has used, in this run of the tests or another.
func newKey() string {
	return fmt.Sprintf("test:%d:%d", time.Now().UnixNano(), keys.Add(1))
}

// model is a token bucket as one would explain it, in exact fractions: it has some tokens, and gets
// perMinute/60,000,000 of one each microsecond until it is full. When its size changes, as many as were
// missing are missing.
type model struct {
	tokens *big.Rat
	size   int
	at     int64 // microseconds
}

func (m *model) take(t store.Tier, at int64) (allowed bool, remaining int, reset, retry time.Duration) {
	size := big.NewRat(int64(t.Burst), 1)
	if m.tokens == nil {
		m.tokens, m.size, m.at = new(big.Rat).Set(size), t.Burst, at
	}
	m.tokens.Add(m.tokens, big.NewRat(int64(t.Burst-m.size), 1))
	if m.tokens.Sign() < 0 {
		m.tokens.SetInt64(0)
	}
	rate := big.NewRat(int64(t.PerMinute), 60_000_000)
	m.tokens.Add(m.tokens, new(big.Rat).Mul(rate, big.NewRat(at-m.at, 1)))
	if m.tokens.Cmp(size) > 0 {
		m.tokens.Set(size)
	}
	m.size, m.at = t.Burst, at
	if one := big.NewRat(1, 1); m.tokens.Cmp(one) >= 0 {
		allowed = true
		m.tokens.Sub(m.tokens, one)
	} else {
		retry = micros(new(big.Rat).Quo(one.Sub(one, m.tokens), rate))
	}
	reset = retry
	if allowed {
		reset = micros(new(big.Rat).Quo(size.Sub(size, m.tokens), rate))
	}
	return allowed, int(new(big.Int).Quo(m.tokens.Num(), m.tokens.Denom()).Int64()), reset, retry
}

// micros rounds a number of microseconds up.
func micros(r *big.Rat) time.Duration {
	up := new(big.Int).Add(r.Num(), new(big.Int).Sub(r.Denom(), big.NewInt(1)))
	return time.Duration(up.Quo(up, r.Denom()).Int64()) * time.Microsecond
}

// Any sequence of requests under changing tiers is decided as the model says, to the microsecond.
func TestAsTheModel(t *testing.T) {
	everyLimiter(t, func(t *testing.T, fresh func(t *testing.T) subject) {
		s := fresh(t)
		rapid.Check(t, func(r *rapid.T) {
			buckets := []string{newKey(), newKey()}
			models := map[string]*model{buckets[0]: {}, buckets[1]: {}}
			tier := store.Tier{Name: "standard", PerMinute: 600, Burst: 3}
			for range rapid.IntRange(1, 40).Draw(r, "requests") {
				if rapid.IntRange(0, 4).Draw(r, "tier changes") == 0 {
					tier.Burst = rapid.IntRange(1, 8).Draw(r, "burst")
					tier.PerMinute = rapid.SampledFrom([]int{1, 7, 600, 60_000, 1_000_000, 60_000_000}).Draw(r, "per minute")
				}
				if s.pass != nil {
					s.pass(time.Duration(rapid.Int64Range(0, 3_000_000).Draw(r, "micros")) * time.Microsecond)
				}
				key := rapid.SampledFrom(buckets).Draw(r, "key")
				before := s.limiter.Failures()
				got := s.limiter.Take(t.Context(), key, tier)
				if s.limiter.Failures() > before { // a busy machine; it must not change the model
					r.Skip("Redis took too long")
				}
				allowed, remaining, reset, retry := models[key].take(tier, got.at)
				if got.Allowed != allowed || got.Remaining != remaining || got.Reset != reset || got.RetryAfter != retry || got.Limit != tier.Burst {
					r.Fatalf("tier %+v: got %+v, want %v, %d left, full in %v, next in %v", tier, got, allowed, remaining, reset, retry)
				}
			}
		})
	})
}

// The decision about the standard tier, 600 a minute and 100 at once: 100 pass, then one each 0.1 s.
func TestStandardTier(t *testing.T) {
	tier := store.Tier{Name: "standard", PerMinute: 600, Burst: 100}
	everyLimiter(t, func(t *testing.T, fresh func(t *testing.T) subject) {
		s, key := fresh(t), newKey()
		first := s.limiter.Take(t.Context(), key, tier)
		if !first.Allowed || first.Remaining != 99 || first.Limit != 100 || first.Window != 10*time.Second || first.Reset != 100*time.Millisecond {
			t.Errorf("first: %+v", first)
		}
		allowed, last := 1, first
		for last.Allowed && allowed < 1000 {
			if last = s.limiter.Take(t.Context(), key, tier); last.Allowed {
				allowed++
			}
		}
		back := int((last.at - first.at) / 100_000) // came back meanwhile, by the limiter's own clock
		if allowed != 100+back {
			t.Errorf("%d passed, and %d came back meanwhile", allowed, back)
		}
		if last.RetryAfter <= 0 || last.RetryAfter > 100*time.Millisecond || last.Remaining != 0 || last.Reset != last.RetryAfter {
			t.Errorf("last: %+v", last)
		}
		if s.pass == nil {
			return
		}
		s.pass(99_999 * time.Microsecond)
		if got := s.limiter.Take(t.Context(), key, tier); got.Allowed || got.RetryAfter != time.Microsecond {
			t.Errorf("after 0.099999 s: %+v", got)
		}
		s.pass(time.Microsecond)
		if got := s.limiter.Take(t.Context(), key, tier); !got.Allowed || got.Reset != 10*time.Second {
			t.Errorf("after 0.1 s: %+v", got)
		}
		s.pass(time.Hour)
		if got := s.limiter.Take(t.Context(), key, tier); !got.Allowed || got.Remaining != 99 {
			t.Errorf("after an hour: %+v", got)
		}
	})
}

// A changed tier acts on buckets that exist, on the next request.
func TestTierChangesActAtOnce(t *testing.T) {
	everyLimiter(t, func(t *testing.T, fresh func(t *testing.T) subject) {
		s, key := fresh(t), newKey()
		tier := store.Tier{Name: "t", PerMinute: 1, Burst: 2} // a minute a token: none comes back in this test
		take := func(perMinute, burst int, allowed bool, remaining int) {
			t.Helper()
			tier.PerMinute, tier.Burst = perMinute, burst
			if got := s.limiter.Take(t.Context(), key, tier); got.Allowed != allowed || got.Remaining != remaining {
				t.Errorf("of %d at once: %+v", burst, got)
			}
		}
		take(1, 2, true, 1)
		take(1, 2, true, 0)
		take(1, 2, false, 0)
		take(1, 5, true, 2) // two are missing of five, one is taken
		take(1, 2, false, 0)
		take(1, 3, true, 0)  // two are missing of three: what was missing of two
		take(0, 3, false, 0) // nothing at all
		take(1, 0, false, 0)
		take(1, -1, false, 0)
	})
}

// However many ask at once, no more pass than there are tokens.
func TestManyAtOnce(t *testing.T) {
	everyLimiter(t, func(t *testing.T, fresh func(t *testing.T) subject) {
		s, key := fresh(t), newKey()
		var allowed atomic.Int64
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range 20 {
					if s.limiter.Take(t.Context(), key, store.Tier{Name: "t", PerMinute: 1, Burst: 50}).Allowed {
						allowed.Add(1)
					}
				}
			})
		}
		all.Wait()
		// Redis may be late on a busy machine; then the request passed, whether its token was taken or not.
		undecided := s.limiter.Failures()
		if n := allowed.Load(); n-undecided > 50 || n < 50 {
			t.Errorf("%d of 400 passed, %d of them undecided", n, undecided)
		}
	})
}

// Numbers beyond all bounds neither overflow nor block.
func TestHugeTiers(t *testing.T) {
	everyLimiter(t, func(t *testing.T, fresh func(t *testing.T) subject) {
		s := fresh(t)
		for _, tier := range []store.Tier{
			{PerMinute: math.MaxInt, Burst: math.MaxInt}, {PerMinute: 1, Burst: math.MaxInt}, {PerMinute: math.MaxInt, Burst: 1},
		} {
			key := newKey()
			for range 3 {
				got := s.limiter.Take(t.Context(), key, tier)
				if tier.Burst > 1 && !got.Allowed || got.Limit > maxBurst || got.Remaining < 0 || got.Reset < 0 || got.Window <= 0 {
					t.Errorf("%+v: %+v", tier, got)
				}
			}
		}
	})
}
