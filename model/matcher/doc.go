// Package matcher simulates one variant: every slot of the inventory, in the order of time, goes to
// the campaign that wins it, and the figures of the variant are counted.
//
//	slots --shift, copies, edits, sample--> opportunities, in order of (time, slot_id, copy)
//	                                             |
//	each campaign: targeted > floor > identity > goal > budget > pacing > frequency > separation
//	                                             |
//	those that pass: priority > need > bid > tie-break --> the winner, its price --> the counts
//
// Reference is the plain implementation. It follows the semantics section by section, a rule to a
// function, with maps and loops, and takes the slots as a log tells them. It is the judge of
// matcher/engine, which runs in production and equals it to the last integer; neither imports
// the other. The studies worked out by hand (testdata/studies), the random studies and the fuzz
// target of this package hold both to that.
//
// # Readings
//
// Where the semantics leave room, both implementations follow these readings:
//
//  1. Every slots.floor_cpm edit's result below 0 becomes 0 before the next edit sees it, and the
//     value of set and add is a CPM: it is itself rounded half to even to micros first (section 1).
//  2. A breakdown lists the values that occur among the simulated slots of the variant, for section 8
//     counts simulated slots only; a value that occurs only in slots which `slots.where` or the
//     sample dropped has no row.
//  3. A slot copied from one without a request_id is in a request of its own, like its original.
//  4. The local date can go back (a zone whose clocks go back just after midnight). A daily budget and a
//     window of days then return to the spend and the count that they had before: both are looked
//     up by date, not reset at its change.
//  5. What was before is taken from the campaign as written, also where an edit changes or sets the
//     goal, the budget or the flight: a goal that only an edit sets has nothing delivered before.
//  6. `expected` is null for a campaign without a goal, and `goal_shortfall` sums over those with one.
//  7. Several caps of one campaign that are equal in (per, units) cannot be written; every cap counts
//     for itself. A cap group applies to a campaign by its fields as written, enabled or not.
//  8. With `slots.sample`, sampled_share is 1 where there was no slot to sample from.
//  9. An impression of a campaign whose advertiser (category) is empty neither clashes nor is it
//     clashed with under one_per_request advertiser (category).
package matcher
