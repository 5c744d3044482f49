// Package limit bounds what a client may ask: token buckets, load shedding.
package limit
