package engine

// sell books the visit to its winner and returns the price.
func (s *state) sell(v *visit) int64 {
	r := v.winner
	h, l := &s.hot[r], &s.ledger[r]
	price := v.bid
	if s.plan.secondPrice && h.flags&flagFixed == 0 {
		price = min(v.bid, max(s.block.floor[v.j], v.top.price(r)))
	}
	if l.impressions == 0 {
		l.first = v.t
	}
	l.last = v.t
	l.impressions++
	l.delivered++
	l.spend += price // an impression at m micros CPM costs m nanos
	l.spent += price
	l.today += price
	if h.flags&(flagFinance|flagPaced) != 0 {
		s.settle(v, h, l)
	}
	if h.flags&flagCapped != 0 && s.block.cell[v.j] != 0 {
		s.countCaps(s.block.cell[v.j], r)
	}
	if at := s.block.request[v.j]; at != 0 {
		s.sep.record(at, r)
	}
	return price
}

// settle closes the gates that a win has closed.
func (s *state) settle(v *visit, h *hot, l *ledger) {
	r := v.winner
	if l.delivered >= l.goal {
		s.reachGoal(r)
		s.setOpen(r)
		return
	}
	if l.spent > l.calm || l.today > l.calmToday {
		s.watchBudget(r)
		s.setOpen(r)
	}
	if h.flags&flagPaced != 0 && s.repace(r, int64(s.block.slot[v.j]), v.t) {
		s.setOpen(r)
	}
}

// countUnfilled counts the visit under the latest of the first failed gates (semantics 5).
func (s *state) countUnfilled(v *visit) {
	m := &s.tally
	switch {
	case v.lost&lostSeparation != 0:
		m.UnfilledSeparated++
	case v.lost&lostFrequency != 0:
		m.UnfilledFrequencyCapped++
	default:
		s.countClosed(v)
	}
}

// countClosed counts a visit for which no campaign came as far as its frequency caps.
func (s *state) countClosed(v *visit) {
	reached := s.reached.row(v.j)
	for _, r := range s.failed[:v.failed] {
		reached[r>>6] &^= 1 << (r & 63) // out by budget, whether or not it is paced as well
	}
	var paced, budget, goal uint64
	for w, x := range reached {
		goal |= x & s.goalDone[w]
		budget |= x &^ s.goalDone[w] & s.spentOut[w]
		paced |= x &^ s.goalDone[w] &^ s.spentOut[w]
	}
	for _, r := range s.failed[:v.failed] {
		reached[r>>6] |= 1 << (r & 63)
	}
	m, set := &s.tally, s.matched(false)
	switch {
	case paced != 0:
		m.UnfilledPaced++
	case budget != 0 || v.failed > 0:
		m.UnfilledBudgetSpent++
	case goal != 0:
		m.UnfilledGoalReached++
	case v.lost&lostIdentity != 0:
		m.UnfilledUnidentified++
	case s.targeted(s.block.slot[v.j], &set, v.j, s.live, s.candRow):
		m.UnfilledBelowFloor++
	default:
		m.UnfilledNoCampaignTargeted++
	}
}

// targeted finds the candidates that pass the first gate at a slot, given where its rows stand in a set without the
// floor's: into out. It reports whether there are any.
func (s *state) targeted(slot uint32, set *rowSet, at int, live, out []uint64) bool {
	if len(set.unions) == 0 {
		copy(out, live)
	} else {
		match(out, live, set, at, 1, 0, len(live))
	}
	if s.plan.residuals {
		s.checkResiduals(out, slot, 0, len(out))
	}
	some := uint64(0)
	for _, x := range out {
		some |= x
	}
	return some != 0
}
