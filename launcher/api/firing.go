package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/pipeline"
)

// firedWithin bounds how long a firing may look for its inputs.
const firedWithin = time.Minute

// Fire makes the submission of one firing of a schedule: its configuration is checked and its inputs are pinned as
// they are then, in turn with what is posted. A schedule is its tenant's and outlives the key that made it, but
// gets no more than a key could ask for: see allowance.
func (a *API) Fire(ctx context.Context, c store.Schedule, at time.Time) (*store.Submission, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, firedWithin, fmt.Errorf("its inputs could not be looked up within %s", lasting(firedWithin)))
	defer cancel()
	s := a.server
	tier, err := s.allowance(ctx, c)
	if err != nil {
		return nil, err
	}
	study, err := s.firedStudy(ctx, c)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	sub, err := submissionOf(study, c.Tenant, s.Now().UTC(), s.Random)
	if err != nil {
		return nil, err
	}
	s.waiters.add(c.Tenant)
	sub.Simulation.Priority = min(c.Priority, tier.MaxPriority)
	sub.Simulation.SubmittedBy = c.CreatedBy
	sub.Simulation.ScheduleID = c.ID
	sub.Webhook = c.Webhook
	sub.FireTime = at
	return &sub, nil
}

// firedStudy checks a schedule's configuration.
func (s *server) firedStudy(ctx context.Context, c store.Schedule) (*pipeline.Study, error) {
	done, err := s.checking.take(ctx, len(c.Config.Text))
	if err != nil {
		return nil, err
	}
	defer done()
	return pipeline.Check(ctx, c.Config.Name, []byte(c.Config.Text), s.Source(c.Tenant))
}

// allowance is the tier that a firing is held to, and an error if there is no room for one more simulation or
// nobody left whose tier it could be.
func (s *server) allowance(ctx context.Context, c store.Schedule) (store.Tier, error) {
	keys, err := s.Store.Keys(ctx)
	if err != nil {
		return store.Tier{}, err
	}
	tiers, err := s.Store.Tiers(ctx)
	if err != nil {
		return store.Tier{}, err
	}
	tier, ok := tierOf(c, keys, tiers)
	if !ok {
		return tier, fmt.Errorf("no API key of the tenant %s is valid any more, so its schedules rest", c.Tenant)
	}
	if tier.MaxQueued == 0 {
		return tier, nil
	}
	waiting, err := s.waiters.of(ctx, c.Tenant)
	if err == nil && waiting >= tier.MaxQueued {
		err = fmt.Errorf("%s of this tenant were not finished, which is as many as its tier allows, so this firing was left out", counted(waiting, "simulation"))
	}
	return tier, err
}

// standardTier is what everybody has where there are no keys.
const standardTier = "standard"

// tierOf is what a schedule may have: the most of what the valid keys of its creator's name may, or, if those are
// revoked, the most of what any of the tenant's may. ok is false if the tenant has keys no more.
func tierOf(c store.Schedule, keys []store.Key, tiers []store.Tier) (tier store.Tier, ok bool) {
	byName := map[string]store.Tier{}
	for _, t := range tiers {
		byName[t.Name] = t
	}
	if len(keys) == 0 {
		return byName[standardTier], true
	}
	valid := slices.DeleteFunc(slices.Clone(keys), func(k store.Key) bool { return k.Tenant != c.Tenant || k.RevokedAt != nil })
	ofCreator := slices.DeleteFunc(slices.Clone(valid), func(k store.Key) bool { return k.Name != c.CreatedBy })
	if len(ofCreator) > 0 {
		valid = ofCreator
	}
	if len(valid) == 0 {
		return tier, false
	}
	tier = byName[valid[0].Tier]
	for _, k := range valid[1:] {
		other := byName[k.Tier]
		tier.MaxPriority = max(tier.MaxPriority, other.MaxPriority)
		tier.MaxQueued = max(tier.MaxQueued, other.MaxQueued) * min(1, tier.MaxQueued, other.MaxQueued) // 0 is no bound
	}
	return tier, true
}

// maxSchedules bounds the schedules of a tenant. Some more may come about when several are made at the same moment.
const maxSchedules = 1000

// roomForSchedule refuses one more schedule than a tenant may have.
func (s *server) roomForSchedule(ctx context.Context, tenant string) error {
	page := store.Page{Size: 200}
	for n := 0; ; {
		list, next, err := s.Store.Schedules(ctx, tenant, page)
		if err != nil {
			return err
		}
		if n += len(list); n >= maxSchedules {
			return refuse(tooManySchedules, "this tenant has %s, which is as many as there may be", counted(n, "schedule"))
		}
		if next == "" {
			return nil
		}
		page.Token = next
	}
}
