// Package engine is the matcher that runs in production: it simulates a variant on a columnar snapshot and
// equals matcher.Reference to the last integer, hundreds of times faster.
//
//	scenario --compile--> plan: candidates in rank order, tables of rows of bits, rules, buffer sizes
//	                        |
//	snapshot --> layout: dimensions fused, the code of each slot's combination (shared by variants)
//	                        |
//	block of 64 visits: codes, floor --> offsets of rows;  next block's users fetched
//	                        |
//	                    AND of rows, OR within a column --> reached      kernel match
//	                        |                                  |
//	each visit:         AND open --> less caps, clashes --> candidates   kernel intersect
//	                        |                                  |
//	                    first by rank wins              both --> lanes   kernel absorb, a block at a time
//	                        v
//	winner, price --> ledger, user's cells, request, log --(user by user)--> reach, frequency, breakdowns
//
// # Rank order
//
// The enabled campaigns that can match a slot of the horizon are candidates, in the order of priority, greatest
// effective bid and id. A candidate's rank is its bit in every row of bits. The first candidate by rank that
// passes all gates wins, unless others share its bid, or a bid that depends on the slot may still beat it: the
// look ends at the first candidate whose greatest bid is lower (and, where the second price is paid, than the second).
//
// # Rows of bits
//
// Targeted dimensions are fused where few combinations of the values that conditions tell apart occur (layout); one
// row for each combination says which candidates let it pass. A dimension of many sets of values is cut into chunks:
// a slot's row is the union of one for each. What a slot's combinations are is worked out once per process. The
// floor is such a row too: by the floor's place among the bids. So are live flights: blocks end where one starts
// or ends. So are the gates that don't depend on the slot: a campaign's
// bit in open falls when its goal is reached, its budget is spent, or it is ahead of its schedule, and rises at an
// instant or a slot that is known by then (two wheels of timers, the turn of the day). Targeting across dimensions and
// bids that depend on the slot are settled one by one, only where rows leave them unsettled.
//
// # Losses
//
// First failures are counted without visiting campaigns one by one. Two positional population counts (lanes)
// tell how many slots came to the goal gate and on how many a campaign passed all gates: the second less its
// impressions is outbid. A closed goal or budget is an interval of the first count. Frequency and separation count the
// few bits they take away, identity has lanes of its own, and pacing is what is left. How many slots and users a
// campaign's targeting matches is the same for all variants that leave targeting, flights and slots alone: it
// is counted once and remembered; what it matches and doesn't come to the goal gate has failed the floor.
//
// # User state
//
// A user's counters stand in one region of cells of 32 or 64 bits (see caps), those at their limit first: the frequency
// gate reads these only. The regions of the next block's users are fetched while the present block is decided.
//
// # Kernels
//
// Four kernels are AVX2 assembly; kernels.go says in plain Go what they compute, and is used where the processor has no
// AVX2 or the build has the tag purego. They work on vectors of 256 bits, on rows of any multiple of 512.
//
// A variant's buffers are sized before any is taken, named in one place (state.reserve), and used again by the next
// variant; nothing is allocated per slot.
package engine
