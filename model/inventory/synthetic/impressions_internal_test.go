package synthetic

import (
	"math"
	"slices"
	"testing"
)

// quantile is the smallest value that a share p of the values does not exceed.
func quantile(sorted []int32, p float64) int32 {
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

// Every user has a slot, all slots are given out, and about one in 27 of them to nobody known.
func TestVisitorsShareOutAllSlots(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{
		{Slots: 1, Users: 1}, {Slots: 2, Users: 1}, {Slots: 2, Users: 2}, {Slots: 1000, Users: 1}, {Slots: 1000, Users: 999},
		{Slots: 1000, Users: 1000}, {Slots: 20_000, Users: 4_000}, {Slots: 100_000, Users: 90_000}, {Slots: 300_000, Users: 30},
	} {
		v := newVisitors(stream(1, streamPopulation), &o, 1)
		total, known := 0, 0
		for i, n := range v.slots {
			if n < 1 {
				t.Fatalf("%d slots, %d users: visitor %d has %d slots", o.Slots, o.Users, i, n)
			}
			total += int(n)
			if i < v.identified {
				known += int(n)
			}
		}
		if total != o.Slots || v.identified != o.Users {
			t.Errorf("%d slots, %d users: got %d slots, %d users", o.Slots, o.Users, total, v.identified)
		}
		unknown := min(math.Round(0.0375*float64(o.Slots)), float64(o.Slots-o.Users))
		if float64(total-known) != unknown {
			t.Errorf("%d slots, %d users: %d unidentified slots, want %v", o.Slots, o.Users, total-known, unknown)
		}
	}
}

// The quantiles of real logs, as data with a mean of their own: a log of 3.7 days (mean 2.9) had
// p50/p90/p99/max 2/6/18/669, a news site (mean 6) 3/14/48/711, a social network (mean 45) a
// maximum over 1,200. One law does not go through all of them; it stays within these bounds.
func TestImpressionsResembleRealLogs(t *testing.T) {
	t.Parallel()
	type bounds struct{ low, high int32 }
	for _, log := range []struct {
		mean               float64
		p50, p90, p99, top bounds
	}{
		{2.9, bounds{2, 2}, bounds{5, 7}, bounds{12, 24}, bounds{500, 1000}},
		{5, bounds{2, 3}, bounds{5, 14}, bounds{18, 64}, bounds{669, 1200}},
		{6, bounds{2, 3}, bounds{5, 14}, bounds{40, 100}, bounds{669, 1200}},
		{45, bounds{8, 25}, bounds{60, 110}, bounds{400, 1000}, bounds{1200, 2400}},
	} {
		const users = 200_000
		o := Options{Slots: int(log.mean * users / (1 - unidentifiedShare)), Users: users}
		v := newVisitors(stream(3, streamPopulation), &o, 1)
		slots := slices.Clone(v.slots[:users])
		slices.Sort(slots)
		for _, q := range []struct {
			name string
			got  int32
			want bounds
		}{
			{"p50", quantile(slots, 0.5), log.p50}, {"p90", quantile(slots, 0.9), log.p90},
			{"p99", quantile(slots, 0.99), log.p99}, {"max", slots[users-1], log.top},
		} {
			t.Logf("mean %v: %s = %d", log.mean, q.name, q.got)
			if q.got < q.want.low || q.got > q.want.high {
				t.Errorf("mean %v: %s is %d, want %d to %d", log.mean, q.name, q.got, q.want.low, q.want.high)
			}
		}
	}
}
