// Package queue runs what the store holds: it claims simulations under leases, runs each in a child process
// through the pipeline, shares the machine's CPU among them, and fires schedules.
//
//	store.Claim --> claim: prepare     the plan beside its results-to-be, the variants in the store
//	                  |
//	                  +--> take up     rows that were committed but not recorded are recorded; the rest is to do
//	                  |       |
//	                  |       v
//	                  |    pipeline.Run --asks for--> tokens: one a variant, shared fairly
//	                  |       |    |
//	                  |       |    +--events--> recorder: batches --> store.Record
//	                  |       +--progress--> meter --> heartbeat --> store: the lease goes on; what its user wishes
//	                  |       |
//	                  +-------+ trouble that may pass, a few times
//	                  v
//	                end: Finish | Suspend (pause) | Release (the launcher stops) | nothing (the lease is lost)
//
// What is durable is in the store and the result store; a queue that dies takes nothing along. Its simulations
// stay running until their leases run out, the next to claim them finds what is left, and attempts
// are numbered under the lease, so that one that was only stopped and comes back can change nothing.
//
// A job elsewhere may outlive its simulation; it is ended here as well (remnants.go).
//
// Every goroutine of a claim ends with it, and every claim with Stop.
package queue
