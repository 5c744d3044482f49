// Package engine is the matcher that runs in production: it simulates a variant on a columnar snapshot and
// equals matcher.Reference to the last integer, some hundred times faster.
//
//	scenario --compile--> plan: candidates in rank order, rows of bits, rules, buffer sizes
//	                        |
//	snapshot --> block of 64 visits: columns read, users' state touched
//	                        |
//	             each visit: AND of rows --> reached --AND open--> offered --caps, clashes--> candidates
//	                        |                   |                     |                        |
//	                        |                 lanes                 lanes                first by rank wins
//	                        v
//	             winner, price --> ledger, cells, requests, log --(user by user)--> reach, frequency, breakdowns
//
// # Rank order
//
// The enabled campaigns that can match a slot of the horizon are candidates, in the order of priority, greatest
// effective bid and id. A candidate's rank is its bit in every row of bits. The first candidate by rank that
// passes all gates wins, unless others share its bid, or a bid that depends on the slot may still beat it: the
// look ends at the first candidate whose greatest bid is lower.
//
// # Rows of bits
//
// For each targeted dimension, and each value that the candidates tell apart, one row says which candidates let it
// pass; small dimensions are fused, so that a slot has one row for several. The floor is such a row too: by
// the floor's place among the bids. So are live flights, and the gates that don't depend on the slot: a campaign's
// bit in open falls when its goal is reached, its budget is spent, or it is ahead of its schedule, and rises at an
// instant that is known by then (a wheel of timers, the turn of the day). Targeting across dimensions and bids
// that depend on the slot are settled one by one, only where rows leave them unsettled.
//
// # Losses
//
// First failures are counted without visiting campaigns one by one. Two positional population counts (lanes)
// tell how many slots came to the goal gate and how many passed pacing; what a gate turned away is the
// difference of what came to it and what passed it. A closed goal or budget is an interval of the first
// count. Frequency, separation and identity count the few bits they take away. How many slots and users a
// campaign's targeting matches is the same for all variants that leave targeting, flights and slots alone: it
// is counted once and remembered.
//
// # User state
//
// A user's counters stand in one region of 64-bit cells (see caps), those at their limit first: the frequency gate
// reads these only. The regions of the block's users are touched before the block is decided, so that their
// cache misses overlap.
//
// A variant's buffers are sized before any is taken, named in one place (state.reserve), and used again by the next
// variant; nothing is allocated per slot.
package engine
