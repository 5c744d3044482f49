// Package client is the Go client of the launcher's HTTP interface: submit a study, walk away, come
// back. It speaks in the types of package wire.
//
//	Submit --> id            Simulation, List, Latest: where it stands
//	                         Events: every change as it happens, through cuts of the connection
//	                         Table, CSV: the comparison and the other views, also while it runs
//	                         Cancel, Pause, Resume, Retry, Delete
//
// A call tries again when that is safe: always where nothing can have been done (429, no
// connection), and after a lost answer or a 502, 503 or 504 only where doing it twice is the same as
// doing it once. A submission is such a call: it carries an idempotency key, one of its own making if
// the caller gives none. Waits grow exponentially with full jitter, honour Retry-After, and are bounded
// together by Options.Patience.
//
// What the launcher refuses is an *[Error] with its stable code:
//
//	sim, err := c.Submit(ctx, client.Submission{Config: text})
//	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Code == "INVALID_CONFIGURATION" {
//		for _, p := range refused.Errors { .. }
//	}
package client
