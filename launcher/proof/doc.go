// Package proof has what the launcher must show as tests of the true program on loopback: many
// submissions at once, crashes at every moment, many watchers, several launchers on one store.
//
//	go test ./launcher/proof                  the same proofs in small: a minute or two
//	WHATIF_FULL=1 go test ./launcher/proof    in the sizes that docs/launcher.md states, a quarter of an hour
//
// Times are judged in full size only, on a machine that does nothing else; in small they are reported.
//
// The program is built once for the tests, and once more with the moments of package killpoint. With
// WHATIF_TEST_POSTGRES set to the URL of a server, as `.ci/postgres start` prints it, the proofs run on
// PostgreSQL too.
package proof
