// Package pipeline turns a configuration into a simulation and runs it.
//
//	Check:   configuration and a Source of its inputs -> Study (checked whole, inputs pinned)
//	Prepare: Check for files and objects that this user may read, and what running it would take
//	Submit:  Study -> Plan in the result store, under an id; nothing has run yet
//	PlanOf:  the same plan later, from what a launcher kept of the submission
//	Run:     supervises the processes that run the plan's variants, until each has a row that counts
//	RunJob:  what such a process does: build the Beam pipeline, give it to a runner, tell how it goes
//
// Run never simulates anything itself. It starts its own program again, one process at a time, hands
// it a job on standard input and reads what happens from its standard output, a JSON object a line.
// Whatever a variant does to its process, the supervisor lives: it reads from the result store what
// has been committed and gives the rest to the next process.
//
//	Run (holds the simulation's lock)                       process "run-job"
//	  agenda: which variants, after which delay  --job-->     Impulse -> Expand -> Match -> Write
//	  Tokens, if variants must not begin at once <--want--      |          |        |       |
//	                                             --go-->        |          |        |       |
//	  Observe, Progress      <--started, committed, given_up, progress------+       result store: one row a variant
//	  next round             <--end
//
// A supervisor that is killed takes its job with it. One that is stopped does not: it says `alive` now and
// then, and a job that has not heard that for RunOptions.Silence ends itself. Reading a snapshot that nobody
// has trusted yet is left to a process of its own too (ReadCatalog).
//
// What happens to a variant from round to round:
//
//	             +---------------- failed, retryable, tries left: wait, again ---------------+
//	             v                                                                           |
//	pending -> in a round with others -> row committed -> settled                            |
//	   ^         |  process died twice with it in flight                                     |
//	   |         v                                                                           |
//	   |      alone in a round -> row committed -> settled                                   |
//	   |         |  a third death                                                            |
//	   |         v                                                                           |
//	   |      failed row, reason crashed                                                     |
//	   +- process ended without reaching it ----------------------------------------------- -+
package pipeline
