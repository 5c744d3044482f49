// Package limit bounds what a client may ask: token buckets, load shedding.
//
//	identified request --> Limiter.Take(key, tier) --no--> 429, Retry-After
//	                         | bucket of the key            RateLimit, RateLimit-Policy on every answer
//	                         v
//	                       Shedder.Admit(class) ----no--> 503, Retry-After
//	                         | memory in use, requests of its class in flight, of which
//	                         v a tenant has half
//	                       Bytes.Take(tenant, n) --no--> 503, Retry-After
//	                         | of bodies on their way and answered
//	                         v
//	                       the work
//
// The two answer different questions. A limiter asks whether this key has asked too often, whatever the
// launcher's load; a shedder asks whether the launcher can take one more request, whoever sent it.
//
// # The bucket
//
// A bucket holds at most Burst tokens and gets PerMinute back a minute; a request takes one. What is
// kept of it is the deficit d: how much is missing until it is full, in units of which a token has
// 60,000,000, so that a microsecond gives back exactly PerMinute units and all arithmetic is in whole
// numbers (below 2^53: Lua's numbers are doubles):
//
//	d := max(0, d - PerMinute * microseconds since)
//	allowed if d + token <= Burst * token; then d := d + token
//
// A bucket that nobody keeps is full, so that full ones can be forgotten; and when the tier changes, the
// same deficit counts against the new size and shrinks at the new pace, at once.
//
// Local keeps the buckets in the process. Shared keeps them in Redis, for several launchers of one
// store, by one atomic script on the server's clock; when Redis is away requests pass and are counted.
package limit
