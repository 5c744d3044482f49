// Package synthetic makes a study out of nothing: a log of slots, campaigns that contend for them,
// and a configuration of levers to try on them. Its figures are those of real logs and of real
// campaigns; docs/generate.md puts both side by side.
//
//	Options --visitors--> slots per user --sessions, pages, sizes, floors--> slots.parquet
//	   |                                            |
//	   |                                    a sample of users
//	   |                                            v
//	   +--line items, flights, targeting--> goals scaled until the requested fill comes out --> campaigns.yaml, study.yaml
//
// A user has a heavy-tailed number of slots, an age, a place, interests and devices for good, and
// comes in sessions. The same Options give the same bytes: every draw comes from a seeded PCG
// stream of its own purpose, no map is iterated and no clock is read.
package synthetic
