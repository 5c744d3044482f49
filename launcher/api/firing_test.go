package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/pipeline"
)

// nightly is a schedule of alice's.
func nightly() store.Schedule {
	c := store.Schedule{ID: "nightly", Tenant: "acme", Priority: 3, CreatedBy: "alice", Webhook: "https://hooks.example.com/done"}
	c.Config.Name, c.Config.Text = scheduledName, study
	return c
}

var firedAt = time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC)

// TestFiring: a firing is a submission of its own, with inputs as they are then.
func TestFiring(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Now = func() time.Time { return firedAt.Add(time.Second) } })
	c := nightly()
	sub, err := f.api.Fire(t.Context(), c, firedAt)
	if err != nil {
		t.Fatal(err)
	}
	sim := sub.Simulation
	if sim.Tenant != "acme" || sim.ScheduleID != "nightly" || sim.Priority != 3 || sim.Variants != 4 || !strings.HasPrefix(sim.ID, "20260308-") || !sub.FireTime.Equal(firedAt) ||
		sub.Webhook != c.Webhook || len(sub.Inputs.Inventory) != 1 || sub.Inputs.Config.Text != study {
		t.Errorf("fired %+v", sub)
	}
	c.Config.Text = strings.Replace(study, "slots.parquet", "gone.parquet", 1)
	if _, err := f.api.Fire(t.Context(), c, firedAt); err == nil || !strings.Contains(err.Error(), "gone.parquet") {
		t.Errorf("inputs that are not there: %v", err)
	}
}

// TestFiringsAreHeldToTheirTier as it is now: in their priority, and in how many may wait. What waits anyway counts.
func TestFiringsAreHeldToTheirTier(t *testing.T) {
	f := newFixture(t, nil)
	f.submitted("alice")
	for _, c := range []struct {
		priority, queued int
		refused          bool
	}{{2, 0, false}, {9, 2, false}, {9, 1, true}} {
		if err := f.store.PutTier(t.Context(), store.Tier{Name: "standard", PerMinute: 600, Burst: 100, MaxPriority: c.priority, MaxQueued: c.queued}); err != nil {
			t.Fatal(err)
		}
		f.api.server.waiters.tenants = map[string]*tally{} // a second has gone by
		sub, err := f.api.Fire(t.Context(), nightly(), firedAt)
		if c.refused {
			if err == nil || !strings.Contains(err.Error(), "1 simulation of this tenant") {
				t.Errorf("%+v: %v", c, err)
			}
			continue
		}
		if err != nil || sub.Simulation.Priority != min(3, c.priority) {
			t.Errorf("%+v: %+v, %v", c, sub, err)
		}
	}
}

// TestWhoseTierAFiringHas: its creator's; when that is revoked, the most that the tenant has; nobody's when all are.
func TestWhoseTierAFiringHas(t *testing.T) {
	past := firedAt
	key := func(tenant, name, tier string, revoked bool) store.Key {
		k := store.Key{ID: tenant + name + tier, Tenant: tenant, Name: name, Tier: tier}
		if revoked {
			k.RevokedAt = &past
		}
		return k
	}
	tiers := []store.Tier{
		{Name: "standard", MaxPriority: 5}, {Name: "low", MaxPriority: 1, MaxQueued: 10},
		{Name: "high", MaxPriority: 9, MaxQueued: 5}, {Name: "free", MaxPriority: 2},
	}
	for _, c := range []struct {
		name             string
		keys             []store.Key
		ok               bool
		priority, queued int
	}{
		{"no keys at all", nil, true, 5, 0},
		{"its creator's, not that of others", []store.Key{key("acme", "alice", "low", false), key("acme", "bob", "high", false)}, true, 1, 10},
		{"the most of the creator's", []store.Key{key("acme", "alice", "low", false), key("acme", "alice", "high", false)}, true, 9, 10},
		{"no bound is most", []store.Key{key("acme", "alice", "low", false), key("acme", "alice", "free", false), key("acme", "alice", "low", false)}, true, 2, 0},
		{"revoked: the most of the tenant's", []store.Key{key("acme", "alice", "free", true), key("acme", "bob", "high", false), key("acme", "carol", "low", false), key("other", "alice", "free", false)}, true, 9, 10},
		{"all revoked", []store.Key{key("acme", "alice", "low", true), key("other", "alice", "high", false)}, false, 0, 0},
	} {
		tier, ok := tierOf(nightly(), c.keys, tiers)
		if ok != c.ok || tier.MaxPriority != c.priority || tier.MaxQueued != c.queued {
			t.Errorf("%s: %+v, %v", c.name, tier, ok)
		}
	}
}

// TestASchedulesTenantWithoutKeysRests: nobody could submit, so nothing is fired.
func TestASchedulesTenantWithoutKeysRests(t *testing.T) {
	f := newFixture(t, nil)
	c := nightly()
	c.Tenant = "nobody"
	if _, err := f.api.Fire(t.Context(), c, firedAt); err == nil || !strings.Contains(err.Error(), "no API key of the tenant nobody") {
		t.Errorf("fired: %v", err)
	}
}

// TestFiringsWaitForTheBench: a large configuration is not read while others take up the room.
func TestFiringsWaitForTheBench(t *testing.T) {
	asked := make(chan struct{}, 1)
	f := newFixture(t, func(o *Options) {
		source := o.Source
		o.Source = func(tenant string) pipeline.Source {
			asked <- struct{}{}
			return source(tenant)
		}
	})
	done, err := f.api.server.checking.take(t.Context(), checkedAtOnce)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.api.Fire(ctx, nightly(), firedAt); err == nil || len(asked) != 0 {
		t.Errorf("it was checked although there was no room: %v", err)
	}
	done()
	if _, err := f.api.Fire(t.Context(), nightly(), firedAt); err != nil {
		t.Error(err)
	}
}

// TestSchedulesAreBounded for a tenant; others have room, and so has it when one was deleted.
func TestSchedulesAreBounded(t *testing.T) {
	f := newFixture(t, nil)
	c := nightly()
	c.Cron, c.Timezone, c.Missed, c.NextAt = "0 0 1 1 *", "UTC", store.MissedSkip, firedAt.AddDate(10, 0, 0)
	for i := range maxSchedules {
		c.ID, c.Name = fmt.Sprintf("s%04d", i), "nightly"
		if _, err := f.store.CreateSchedule(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	one := ask{
		method: "POST", path: "/v1/schedules", as: "submitter",
		body: `{"name":"x","cron":"0 0 * * *","config":"name: x\ninventory: slots.parquet\ncampaigns: [{id: a, bid_cpm: 1}]\n"}`,
	}
	f.refused(tooManySchedules, one)
	other := one
	other.as = "bob"
	f.into(nil, http.StatusCreated, other)
	f.into(nil, http.StatusNoContent, ask{method: "DELETE", path: "/v1/schedules/s0000", as: "submitter"})
	f.into(nil, http.StatusCreated, one)
}
