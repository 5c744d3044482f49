package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// chunkWords is the number of words that the kernels work on at a time: one cache line, 512 campaigns.
const chunkWords = 8

// candidate is an enabled campaign that can match a slot of the horizon.
type candidate struct {
	index    int // in Scenario.Campaigns
	campaign *model.Campaign
	terms    *terms
	bids     bids
	low      int64 // least effective bid
	high     int64 // greatest
	id       int32 // place of its id among all candidates', by bytes
	where    []*node
	rest     *node   // what the columns leave to be checked slot by slot, or nil
	groups   []int32 // cap groups that apply to it
	capped   bool    // a cap or cap group applies
}

// entry is an enabled campaign: one that is reported on.
type entry struct {
	index int
	terms terms
	rank  int32 // -1: it never matches
}

// plan is a scenario compiled: everything that does not depend on the slots that a variant visits, and
// what sizes the buffers. Candidates are in rank order: priority, highest effective bid first, id. A
// candidate's rank is its bit in every row of bits.
type plan struct {
	sc                       *model.Scenario
	draws                    draws
	horizonStart, horizonEnd int64
	entries                  []entry
	cands                    []candidate
	words                    int // of a row of bits: a multiple of chunkWords

	predicates   []predicate
	predicateIDs map[string]int32
	truths       []truthTable // none if predicates are evaluated one by one
	always       uint64       // predicates that are true everywhere

	named       map[*inventory.Dimension][]uint32 // values that the targeting of all campaigns names
	layout      *layout
	tables      []table
	columns     []column
	unions      []uint32 // tables of each column, and one row of the floor
	rowsEnd     int      // words of all tables' rows
	mostClasses int      // of an atom that is fused with others
	caps        caps
	visits      visitRules
	floors      floorRules
	bytes       int64 // what the plan itself takes, about

	varying      int  // candidates whose bid depends on the slot
	residuals    bool // some candidate has targeting across dimensions
	skipsUnknown bool // some candidate is not for visitors who are not identified
	secondPrice  bool
	byNeed       bool
	whole        bool // all candidates are to be run through all gates
	key          []byte
}

func (p *plan) losses() bool { return p.sc.Report.Losses }

// compile makes the plan of a scenario.
func (e *Engine) compile(sc *model.Scenario) (*plan, error) {
	if len(sc.Written) != len(sc.Campaigns) {
		return nil, fmt.Errorf("the scenario has %d campaigns as written and %d after edits", len(sc.Written), len(sc.Campaigns))
	}
	if len(sc.Campaigns) > model.MaxCampaigns {
		return nil, fmt.Errorf("%d campaigns; at most %d are possible", len(sc.Campaigns), model.MaxCampaigns)
	}
	start, end := e.snap.Horizon()
	p := &plan{sc: sc, draws: drawsOf(sc), horizonStart: int64(start), horizonEnd: int64(end), predicateIDs: map[string]int32{}, named: map[*inventory.Dimension][]uint32{}}
	for i := range sc.Campaigns {
		if err := e.compileCampaign(p, i); err != nil {
			return nil, fmt.Errorf("campaign %q: %w", sc.Campaigns[i].ID, err)
		}
	}
	p.rank()
	for _, name := range sc.Report.Breakdowns {
		if e.snap.Dimension(name) == nil {
			return nil, fmt.Errorf("report.breakdowns: the snapshot has no dimension %q", name)
		}
	}
	err := errors.Join(e.compileCaps(p), e.compileVisits(p), e.compileFloors(p))
	if err != nil {
		return nil, err
	}
	e.compileColumns(p)
	p.choosePaths()
	p.tabulateTruths()
	p.measure()
	return p, nil
}

func (e *Engine) compileCampaign(p *plan, i int) error {
	c := &p.sc.Campaigns[i]
	targeting, err := bind(c.Targeting, e.snap)
	p.mentions(targeting) // those that are out too, so that all variants read slots alike
	if !c.Enabled {
		return nil
	}
	p.entries = append(p.entries, entry{index: i, rank: -1, terms: termsOf(&p.sc.Written[i], c, p.horizonStart, p.horizonEnd)})
	if err != nil {
		return fmt.Errorf("targeting: %w", err)
	}
	cand := candidate{index: i, campaign: c, where: targeting.conjuncts(nil)}
	p.bytes += targeting.size()
	if cand.bids, err = tabulate(c); err != nil {
		return err
	}
	for _, a := range c.BidAdjustments {
		at, err := e.predicate(p, a.When)
		if err != nil {
			return fmt.Errorf("bid adjustment: %w", err)
		}
		cand.bids.when = append(cand.bids.when, at)
	}
	if !p.entries[len(p.entries)-1].terms.overlaps() || !satisfiable(cand.where) {
		return nil
	}
	cand.low, cand.high = cand.bids.bounds()
	cand.groups = groupsOf(p.sc.CapGroups, &p.sc.Written[i])
	cand.capped = len(c.FrequencyCaps) > 0
	for _, g := range cand.groups {
		cand.capped = cand.capped || len(p.sc.CapGroups[g].FrequencyCaps) > 0
	}
	p.cands = append(p.cands, cand)
	return nil
}

// groupsOf lists the cap groups that select a campaign as written.
func groupsOf(groups []model.CapGroup, written *model.Campaign) []int32 {
	var out []int32
	for g := range groups {
		if model.MatchCampaign(groups[g].Where, written) {
			out = append(out, int32(g))
		}
	}
	return out
}

// satisfiable is false where an expression without dimensions, such as {any: []}, rules every slot out.
func satisfiable(where []*node) bool {
	for _, n := range where {
		if len(n.dimensions(nil)) == 0 && !n.holds(0) {
			return false
		}
	}
	return true
}

// rank puts the candidates in rank order.
func (p *plan) rank() {
	slices.SortFunc(p.cands, func(a, b candidate) int { return cmp.Compare(a.campaign.ID, b.campaign.ID) })
	for i := range p.cands {
		p.cands[i].id = int32(i)
	}
	slices.SortStableFunc(p.cands, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.campaign.Priority, b.campaign.Priority), cmp.Compare(b.high, a.high))
	})
	at := make(map[int]int, len(p.entries))
	for i := range p.entries {
		at[p.entries[i].index] = i
	}
	for r := range p.cands {
		e := &p.entries[at[p.cands[r].index]]
		e.rank, p.cands[r].terms = int32(r), &e.terms
	}
	p.words = wordsFor(len(p.cands))
}

// choosePaths finds out which steps of the loop the variant can do without.
func (p *plan) choosePaths() {
	skips := p.sc.Policy.UnidentifiedUsers != model.ServeUnknowns
	for r := range p.cands {
		c := &p.cands[r]
		p.residuals = p.residuals || c.rest != nil
		if c.bids.varies() {
			p.varying++
		}
		p.skipsUnknown = p.skipsUnknown || skips && c.capped
	}
	p.byNeed, p.secondPrice = p.sc.Policy.WithinPriority == model.ByNeed, p.sc.Policy.Auction == model.SecondPrice
	p.whole = p.byNeed || p.sc.Report.Losses || p.sc.Report.Contention
}

// measure estimates the plan's own memory and that of the result.
func (p *plan) measure() {
	const perEntry, perCandidate, perResult = 160, 512, 2048
	n := int64(len(p.sc.Campaigns))
	p.bytes += n * (2*perEntry + 2*perCandidate + perResult)
	for r := range p.cands {
		p.bytes += 16 * int64(len(p.cands[r].bids.table))
	}
	p.bytes += 104*int64(len(p.caps.rules)) + 16*int64(len(p.caps.list)) + 64<<10
}

func appendInt(b []byte, v int64) []byte { return strconv.AppendInt(b, v, 10) }
