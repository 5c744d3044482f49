// Package loads brings committed rows into a warehouse's table, each exactly once, in rounds.
//
//	<results>/_loads/<table>/rounds/00000007/manifest.json   which files, written before its job exists
//	                                         g0002.json      job 1 was seen to have failed; what job 2 leaves out
//	                                         settled.json    what the warehouse said of the job that succeeded
//	                         simulations/<id>/00000007       round 7 may hold files of this simulation
//	                                          complete.3.31  31 rows, up to attempt 3, are all in settled rounds
//
// All names are taken create-only, so loaders on any number of machines agree without talking:
//
//	files of finished --> marks --> manifest of round n+1 --> job (manifest, 1) --DONE--> settled --> round n+2
//	simulations                     (once n is settled)            |
//	                                                        DONE, error: g0002 --> job (manifest, 2) --> ..
//
// A file is in exactly one round: whoever makes round n+1 has seen round n, and after that looked at every round
// that is marked at its simulations; marks are left before a round is made, so none is missing, and a round made
// meanwhile has taken the number. A round has
// exactly one job that can succeed: the job's id is a hash of the manifest and the generation, the warehouse
// takes an id once, and a generation is made only after the job of the one before was seen to have failed,
// which loads nothing. So every step may be repeated by anybody, after any crash or lost answer.
//
// Rounds follow one another: a round is made when the one before is settled. What finishes meanwhile shares
// the next one, so the jobs a day stay few however many simulations finish, and at most one round, the last,
// is ever open.
//
// Files of a round that turn out to be gone (their simulation was deleted) or damaged are left out by the
// next generation; a round whose job can't read its files though they look well is given up, and its
// simulations then go alone. Files left out are free for another round.
package loads
