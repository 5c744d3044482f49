// Package engine is the matcher that runs in production: it simulates a variant on a columnar snapshot and
// equals matcher.Reference to the last integer, some hundred times faster.
//
//	scenario --compile--> plan: candidates in rank order, rows of bits, rules, buffer sizes
//	                        |
//	snapshot --> layout: dimensions fused, the code of each slot's combination
//	                        |
//	             block of 64 visits: codes --> rows, users' state touched, AND of rows --> reached
//	                        |
//	             each visit: reached --AND open--> offered --caps, clashes--> candidates
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
// Targeted dimensions are fused where few combinations of the values that conditions tell apart occur (layout); one
// row for each combination says which candidates let it pass. A dimension of many sets of values is cut into chunks:
// a slot's row is the union of one for each. What a slot's combinations are is worked out once per process. The
// floor is such a row too: by the floor's place among the bids. So are live flights: blocks end where one starts
// or ends. So are the gates that don't depend on the slot: a campaign's
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
