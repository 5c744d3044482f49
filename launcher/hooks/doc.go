// Package hooks tells others when a simulation is finished.
//
//	store.Finish --same transaction--> delivery: pending
//	                                      |  leased to one launcher while it tries
//	                                      v
//	               check URL --> resolve --> check every address --> connect (checked again) --> POST, signed
//	                                      |
//	         2xx: delivered <-------------+-------------> 410, or the last try: dead (metric, log)
//	                                      |
//	         anything else: pending, tried again after min(6 h, 5 s * 2^n) times a random share of it
//
// A delivery is made at least once: an answer that is lost, or a launcher that dies between the answer
// and noting it, makes it come again, under the same webhook-id. Twenty tries take about a day.
//
// A receiver that does not answer at all is spared: while it is away, one try in half a minute finds out
// whether it is back, and its other deliveries are put off, so that they don't keep those of others
// waiting.
//
// Requests follow the Standard Webhooks specification 1.0.0: headers webhook-id, webhook-timestamp and
// webhook-signature, the latter `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, keyed by
// a secret of the tenant (Secret).
//
// A webhook makes the launcher ask an address that a user wrote, from inside the operator's network.
// So: only hosts that the operator allowed; https only; no redirects, no proxy, no user or password in
// the URL; and no address that is not public, whatever the name resolves to at the moment of connecting.
// An operator who wants a receiver in the own network allows it by its address and port, not by a name.
package hooks
