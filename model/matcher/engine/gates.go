package engine

// setOpen recomputes whether the candidate at rank r passes goal, budget (as far as that is certain) and pacing.
func (s *state) setOpen(r int) {
	w, bit := r>>6, uint64(1)<<(r&63)
	if (s.goalDone[w]|s.spentOut[w]|s.paced[w])&bit != 0 {
		s.open[w] &^= bit
	} else {
		s.open[w] |= bit
	}
	if (s.goalDone[w]|s.spentOut[w])&bit != 0 {
		s.setCheck(r, false)
	}
}

// setCheck notes whether the candidate's budget is to be checked slot by slot, and how many there are.
func (s *state) setCheck(r int, on bool) {
	w, bit := r>>6, uint64(1)<<(r&63)
	if was := s.check[w]&bit != 0; was == on {
		return
	}
	s.check[w] ^= bit
	if s.checks--; on {
		s.checks += 2
	}
	if s.checkWords[w>>6] &^= 1 << (w & 63); s.check[w] != 0 {
		s.checkWords[w>>6] |= 1 << (w & 63)
	}
}

// reachGoal closes a campaign whose goal is reached, for good.
func (s *state) reachGoal(r int) {
	w, bit := r>>6, uint64(1)<<(r&63)
	s.goalDone[w] |= bit
	s.since[r] = s.reached.count(r)
}

// watchBudget closes or opens a campaign by its budgets: closed where not even its least bid fits, to be checked
// slot by slot where its greatest bid does not.
func (s *state) watchBudget(r int) {
	w, bit := r>>6, uint64(1)<<(r&63)
	c, l := &s.plan.cands[r], &s.ledger[r]
	if s.goalDone[w]&bit != 0 {
		return
	}
	closed, unsure := false, false
	if c.terms.budget != unset {
		left := c.terms.budget - l.spent
		closed, unsure = c.low > left, c.high > left
	}
	if c.terms.daily != unset {
		left := c.terms.daily - l.today
		closed, unsure = closed || c.low > left, unsure || c.high > left
	}
	was := s.spentOut[w]&bit != 0
	switch {
	case closed && !was:
		s.spentOut[w] |= bit
		s.since[r] = s.reached.count(r)
	case !closed && was:
		s.spentOut[w] &^= bit
		s.losses[r].budget += s.reached.count(r) - s.since[r]
	}
	s.setCheck(r, unsure && !closed)
}

// affords reports whether an effective bid fits in what is left of the campaign's budgets.
func (s *state) affords(r int, bid int64) bool {
	t, l := s.plan.cands[r].terms, &s.ledger[r]
	return (t.budget == unset || bid <= t.budget-l.spent) && (t.daily == unset || bid <= t.daily-l.today)
}

// repace pauses a campaign that is ahead of its schedule at slot i, of time t; it reports whether it is.
func (s *state) repace(r int, i, t int64) bool {
	l, p := &s.ledger[r], &s.paces[r]
	if !p.traffic {
		until := p.release(l.delivered, l.spent)
		if until <= t {
			return false
		}
		if until < s.plan.horizonEnd {
			s.wheel.set(r, until)
			s.clock.next = min(s.clock.next, s.wheel.wakeAt) // it may be due within the present slice
		}
	} else {
		after := p.after(l.delivered, l.spent)
		if s.isPast(after, i, t) {
			return false
		}
		s.awaitSlot(r, max(after, i))
	}
	s.paced[r>>6] |= 1 << (r & 63)
	return true
}

// isPast reports whether a slot's time is before that of slot i, t; slot -1 is before all.
func (s *state) isPast(slot, i, t int64) bool {
	if slot >= i {
		return false
	}
	// The slot before i stands in the cache, the other may not.
	times := s.engine.snap.Times()
	return slot < 0 || int64(times[i-1]) < t || int64(times[slot]) < t
}

// awaitSlot looks at a paced campaign again once a slot has passed.
func (s *state) awaitSlot(r int, slot int64) {
	if slot < int64(len(s.engine.hashes))-1 {
		s.traffic.set(r, slot+1)
	}
}

// wakeByTraffic ends the pause of the campaigns for which enough slots have passed at slot i, of time t.
func (s *state) wakeByTraffic(i, t int64) {
	s.traffic.wake(i, func(r int) {
		if !s.isPast(s.traffic.due[r]-1, i, t) {
			s.awaitSlot(r, i) // slots of one instant pass together
			return
		}
		s.wakeUp(r)
	})
}

// settleLosses moves what the closed campaigns missed into their losses, once all slots are visited.
func (s *state) settleLosses() {
	s.reached.finish()
	s.offered.finish()
	s.unknown.finish()
	for r := range s.losses {
		w, bit := r>>6, uint64(1)<<(r&63)
		missed := s.reached.total[r] - s.since[r]
		switch {
		case s.goalDone[w]&bit != 0:
			s.losses[r].goal += missed
		case s.spentOut[w]&bit != 0:
			s.losses[r].budget += missed
		}
	}
}
