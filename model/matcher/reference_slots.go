package matcher

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
)

// copied is an id and the number of its copy: copy j of a user is another user, copy j of a request
// another request (section 9).
type copied struct {
	id   string
	copy int64
}

// opportunity is one slot that the variant simulates: a copy of a slot of the snapshot after the edits.
type opportunity struct {
	slot  *model.Slot
	copy  int64 // 0: the slot itself
	time  model.Instant
	hash  uint64 // slot hash
	floor model.CPM
	user  copied // id empty: unidentified
}

// identified reports whether the user of the slot is known.
func (o *opportunity) identified() bool { return o.user.id != "" }

// bootstrapQuantiles are the quantiles of Poisson(1) times 2^53 (section 10, normative).
var bootstrapQuantiles = [...]int64{
	3313563428353948, 6627126856707896, 8283908570884870, 8836169142277194, 8974234285125275, 9001847313694891,
	9006449485123161, 9007106938184343, 9007189119816991, 9007198251109507, 9007199164238759, 9007199247250509,
}

// makeOpportunities takes the slots through shift, bootstrap, where, floors, traffic and sample, in
// this order (section 9), and puts them in the order of their visit (section 2).
func (s *simulation) makeOpportunities(slots []model.Slot) error {
	total := int64(0) // slots before sampling
	for i := range slots {
		slot := &slots[i]
		t := s.shifted(slot.Time)
		if !allMatch(s.sc.Slots.Where, s.slotFields(slot, t)) {
			continue
		}
		floor, err := s.editedFloor(slot, t)
		if err != nil {
			return fmt.Errorf("slot %q: %w", slot.ID, err)
		}
		copies := s.bootstrapCopies(slot) * s.trafficCopies(slot, t)
		total += copies
		if !s.sampled(slot) {
			continue
		}
		for j := range copies {
			s.opportunities = append(s.opportunities, makeCopy(slot, j, t, floor))
		}
	}
	s.share = share{kept: int64(len(s.opportunities)), total: total}
	slices.SortFunc(s.opportunities, func(a, b *opportunity) int {
		return cmp.Or(cmp.Compare(a.time, b.time), strings.Compare(a.slot.ID, b.slot.ID), cmp.Compare(a.copy, b.copy))
	})
	return nil
}

// makeCopy is copy j of a slot: another slot hash, user and request than the slot itself (section 9).
func makeCopy(slot *model.Slot, j int64, t model.Instant, floor model.CPM) *opportunity {
	o := &opportunity{slot: slot, copy: j, time: t, floor: floor, hash: hash(slot.ID)}
	if j >= 1 {
		o.hash = mix(o.hash + uint64(j)*goldenGamma)
	}
	if slot.UserID != "" {
		o.user = copied{slot.UserID, j}
	}
	return o
}

// drawHash is what the draws of sections 9 and 10 depend on: the user, else the slot itself.
func drawHash(slot *model.Slot) uint64 {
	if slot.UserID == "" {
		return hash(slot.ID)
	}
	return hash(slot.UserID)
}

// bootstrapCopies is how often the replicate's resample takes the slot (section 10).
func (s *simulation) bootstrapCopies(slot *model.Slot) int64 {
	if s.sc.Replicate == 0 {
		return 1
	}
	u := unit(s.draw("bootstrap", drawHash(slot)))
	for k, quantile := range bootstrapQuantiles {
		if u < quantile {
			return int64(k)
		}
	}
	return int64(len(bootstrapQuantiles))
}

// editedFloor is the slot's floor after slots.floor_cpm, in the order of the parameters (section 9, reading 1).
func (s *simulation) editedFloor(slot *model.Slot, t model.Instant) (model.CPM, error) {
	floor := slot.FloorCPM
	for _, edit := range s.sc.Slots.Floors {
		if !matches(edit.Where, s.slotFields(slot, t)) {
			continue
		}
		var value model.CPM
		var err error
		if edit.Op == model.OpMultiply {
			floor, err = timesFactor(floor, edit.Value)
		} else if value, err = unitsToCPM(edit.Value); edit.Op == model.OpAdd {
			floor += value
		} else {
			floor = value
		}
		if err != nil {
			return 0, fmt.Errorf("slots.floor_cpm: %w", err)
		}
		floor = max(floor, 0)
	}
	return floor, nil
}

// trafficCopies is how often slots.traffic takes the slot (section 9).
func (s *simulation) trafficCopies(slot *model.Slot, t model.Instant) int64 {
	factor := decimal.NewFromInt(1)
	for _, edit := range s.sc.Slots.Traffic {
		if matches(edit.Where, s.slotFields(slot, t)) {
			factor = factor.Mul(edit.Factor)
		}
	}
	whole := factor.Floor()
	if below(s.draw("traffic", drawHash(slot)), factor.Sub(whole)) {
		return whole.IntPart() + 1
	}
	return whole.IntPart()
}

// sampled reports whether slots.sample keeps the slot (section 9).
func (s *simulation) sampled(slot *model.Slot) bool {
	return s.sc.Slots.Sample == nil || below(s.draw("sample", drawHash(slot)), *s.sc.Slots.Sample)
}

// slotFields looks up the dimensions of a slot, with those derived from its shifted local time (section 2).
func (s *simulation) slotFields(slot *model.Slot, t model.Instant) fields {
	return func(name string) []string {
		local := time.UnixMicro(int64(t)).In(s.location)
		switch name {
		case model.HourOfDay:
			return []string{strconv.Itoa(local.Hour())}
		case model.DayOfWeek:
			return []string{strings.ToLower(local.Weekday().String()[:3])}
		case model.Day:
			return []string{local.Format("2006-01-02")}
		}
		if value, ok := slot.Scalars[name]; ok {
			return []string{value}
		}
		return slot.Sets[name]
	}
}
