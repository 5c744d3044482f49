// Package launcher puts the service together that takes submissions and sees them through.
//
//	        api: HTTP --------------------------------------- web: pages
//	       /    |     \            \              \
//	access    inputs   store      reading          hub: event streams
//	limit      |         |            |
//	        pipeline   queue --------+-- results: one file a variant's attempt
//	                     |
//	                job processes
//
// Run starts its parts from the store upwards and stops them in the opposite order: first nothing new is
// taken, then what is under way is answered, then the queue gives its leases back, so that another
// launcher, or the next start, goes on where this one was.
package launcher
