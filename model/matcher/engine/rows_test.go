package engine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/matcher/studies"
)

// begun is a scenario as it stands before its first slot.
func begun(t *testing.T, slots []model.Slot, sc *model.Scenario) *state {
	t.Helper()
	snap, err := inventory.Build(slots, inventory.Options{Location: sc.Location, ShiftDays: sc.ShiftDays})
	if err != nil {
		t.Fatal(err)
	}
	e := New(snap)
	p, err := e.compile(sc)
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.countVisits(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	s := &state{engine: e, plan: p, floorMasks: map[uint64]int{}}
	s.reserve(&meter{}, c)
	if err := s.decideVisits(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.begin(c)
	return s
}

// TestTargetingRows compares the rows, fused, united and checked, with evaluating each expression.
func TestTargetingRows(t *testing.T) {
	matched := 0
	for seed := range uint64(150) {
		s := begun(t, studySlots(seed), studyScenario(seed))
		p := s.plan
		all := make([]uint64, p.words)
		setFirst(all, len(p.cands))
		row := make([]uint64, p.words)
		offs := make([]uint32, len(p.tables)+1)
		set := rowSet{rows: s.rows, offs: offs, stride: 1, unions: p.unions[:len(p.columns)]}
		for i := range uint32(len(s.engine.hashes)) {
			for k := range p.tables {
				offs[k] = s.rowAt(&p.tables[k], i)
			}
			s.targeted(i, &set, 0, all, row)
			for r := range p.cands {
				n, err := bind(p.cands[r].campaign.Targeting, s.engine.snap)
				if err != nil {
					t.Fatal(err)
				}
				want := n.holds(i)
				if got := row[r>>6]>>(r&63)&1 == 1; got != want {
					t.Fatalf("study %d, slot %d, campaign %q: targeted %v, want %v", seed, i, p.cands[r].campaign.ID, got, want)
				}
				if want {
					matched++
				}
			}
		}
	}
	if matched < 10_000 {
		t.Errorf("only %d matches were compared", matched)
	}
}

var rowShape = studies.Shape{Slots: 60, Campaigns: 40, Users: 8}

func studySlots(seed uint64) []model.Slot {
	slots, _ := studies.Random(studies.Seeded(seed), rowShape)
	return slots
}

func studyScenario(seed uint64) *model.Scenario {
	_, sc := studies.Random(studies.Seeded(seed), rowShape)
	return sc
}

// manySets is a snapshot whose multi-valued dimension, of so many values, has too many sets for a row each.
func manySets(r *rand.Rand, values int) []model.Slot {
	slots := make([]model.Slot, 3*tableRows)
	for i := range slots {
		slots[i] = model.Slot{ID: string(appendInt(nil, int64(i))), Time: model.Instant(i),
			Scalars: map[string]string{"country": []string{"US", "CA", "MX"}[r.IntN(3)]}}
		if r.IntN(10) > 0 {
			slots[i].Sets = map[string][]string{"segments": interests(r, values, 1+r.IntN(4))}
		}
	}
	return slots
}

func interests(r *rand.Rand, values, n int) []string {
	var out []string
	for range n {
		if v := string(appendInt([]byte("v"), int64(r.IntN(values)))); !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// TestUnitedRows: lists, several lists, negations of and alternatives to a dimension with many sets, of so few values
// that it is cut into chunks and of so many that it is not.
func TestUnitedRows(t *testing.T) {
	for _, values := range []int{26, 200} {
		r := rand.New(rand.NewPCG(8, 0))
		s := begun(t, manySets(r, values), manyLists(r, values))
		dim := s.engine.snap.Dimension("segments")
		_, whole := s.plan.layout.groupOf[dim]
		if cut := len(s.plan.layout.chunks[dim]) > 1; whole || cut != (values == 26) {
			t.Fatalf("%d values: one atom %v, in chunks %v", values, whole, cut)
		}
		for {
			more, err := s.fillBlock()
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				break
			}
			s.compareBlock(t)
		}
	}
}

func manyLists(r *rand.Rand, values int) *model.Scenario {
	in := func(dim string, values ...string) *model.Expr {
		return &model.Expr{Op: model.OpIn, Dimension: dim, Values: values}
	}
	list := func() *model.Expr {
		return in("segments", append(interests(r, values, 1+r.IntN(values/8)), "unheard of")...)
	}
	combine := func(op model.ExprOp, args ...*model.Expr) *model.Expr { return &model.Expr{Op: op, Args: args} }
	sc := &model.Scenario{Policy: model.DefaultPolicy}
	for i := range 200 {
		c := model.Campaign{ID: string(appendInt(nil, int64(i))), Priority: 1 + i%3, BidCPM: model.CPM(i), Enabled: true}
		switch i % 6 {
		case 0:
			c.Targeting = list()
		case 1:
			c.Targeting = combine(model.OpAll, list(), in("country", "US"), list())
		case 2:
			c.Targeting = combine(model.OpNot, list())
		case 3:
			c.Targeting = combine(model.OpAny, list(), in("country", "CA"), in("country", "MX"))
		case 4:
			c.Targeting = combine(model.OpAny, combine(model.OpNot, list()), combine(model.OpNot, in("country", "US", "CA")))
		}
		sc.Campaigns = append(sc.Campaigns, c)
	}
	sc.Written = sc.Campaigns
	return sc
}

// compareBlock compares the block's rows with evaluating each expression.
func (s *state) compareBlock(t *testing.T) {
	t.Helper()
	all, row := make([]uint64, s.plan.words), make([]uint64, s.plan.words)
	setFirst(all, len(s.plan.cands))
	set := s.matched(false)
	for j, i := range s.block.slot[:s.block.n] {
		s.targeted(i, &set, j, all, row)
		for r := range s.plan.cands {
			n, err := bind(s.plan.cands[r].campaign.Targeting, s.engine.snap)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := row[r>>6]>>(r&63)&1 == 1, n.holds(i); got != want {
				t.Fatalf("slot %d, campaign %q: targeted %v, want %v", i, s.plan.cands[r].campaign.ID, got, want)
			}
		}
	}
}

// TestFloorRows: with more distinct bids than rows, what rows and the check of the rest say is still exact.
func TestFloorRows(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 0))
	var slots []model.Slot
	for i := range 300 {
		slots = append(slots, model.Slot{ID: string(appendInt(nil, int64(i))), Time: model.Instant(i), FloorCPM: model.CPM(r.IntN(12_000))})
	}
	sc := &model.Scenario{Policy: model.DefaultPolicy}
	for i := range 3 * floorRowsMost {
		c := model.Campaign{ID: string(appendInt(nil, int64(i))), Priority: 1 + r.IntN(16), BidCPM: model.CPM(r.IntN(12_000)), Enabled: true}
		if i%7 == 0 {
			c.Pricing = model.PricingFixed
		}
		sc.Campaigns = append(sc.Campaigns, c)
	}
	sc.Written = sc.Campaigns
	s := begun(t, slots, sc)
	if s.plan.floors.stepHigh < 2 {
		t.Fatal("a row for every bid")
	}
	for {
		more, err := s.fillBlock()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return
		}
		for j := range s.block.n {
			if s.block.matched < s.plan.words {
				s.matchRest(j)
			}
			row := s.reached.row(j)
			for rank := range s.plan.cands {
				c := s.plan.cands[rank].campaign
				want := c.Pricing == model.PricingFixed || int64(c.BidCPM) >= s.block.floor[j]
				if got := row[rank>>6]>>(rank&63)&1 == 1; got != want {
					t.Fatalf("bid %d, floor %d: passes %v, want %v", c.BidCPM, s.block.floor[j], got, want)
				}
			}
		}
	}
}

// TestFloorTablesAreMadeOnce has an edit of all floors: it needs one table, for all blocks. Making that of no edits too
// would push it out, block after block.
func TestFloorTablesAreMadeOnce(t *testing.T) {
	sc := studyScenario(1)
	sc.Slots.Floors = []model.FloorEdit{{Op: model.OpMultiply, Value: decimal.NewFromInt(2)}}
	s := begun(t, studySlots(1), sc)
	for range 3 {
		s.block.n = copy(s.block.slot[:], []uint32{0, 1})
		if err := s.readFloors(); err != nil {
			t.Fatal(err)
		}
	}
	if _, edited := s.floorMasks[1]; !edited || len(s.floorMasks) != 1 || len(s.floorTables) != 1 {
		t.Errorf("tables of %v in %d places, want that of the edit alone", s.floorMasks, len(s.floorTables))
	}
}

// TestSegments: with more starts and ends of flights than segments, availability is still exact.
func TestSegments(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 0))
	const horizon = 10_000
	slots := []model.Slot{{ID: "first"}, {ID: "last", Time: horizon - 1}}
	for i := range 500 {
		slots = append(slots, model.Slot{ID: string(appendInt(nil, int64(i))), Time: model.Instant(r.IntN(horizon)), UserID: string(appendInt(nil, int64(r.IntN(90))))})
	}
	sc := &model.Scenario{Policy: model.DefaultPolicy, Report: model.Report{Losses: true}}
	for i := range 700 {
		start := model.Instant(r.IntN(horizon) - horizon/10)
		end := start + 1 + model.Instant(r.IntN(horizon))
		sc.Campaigns = append(sc.Campaigns, model.Campaign{ID: string(appendInt(nil, int64(i))), Start: &start, End: &end, Enabled: true})
	}
	sc.Written = sc.Campaigns
	s := begun(t, slots, sc)
	if err := s.findAvailability(t.Context()); err != nil {
		t.Fatal(err)
	}
	for rank := range s.plan.cands {
		want, users := int64(0), map[string]bool{}
		c := s.plan.cands[rank].campaign
		for _, slot := range slots {
			if slot.Time >= *c.Start && slot.Time < *c.End {
				want++
				users[slot.UserID] = true
			}
		}
		delete(users, "")
		if got := s.seen.found[rank]; got != (seen{want, int64(len(users))}) {
			t.Fatalf("flight %d to %d: %+v, want %d slots and %d users", *c.Start, *c.End, got, want, len(users))
		}
	}
}
