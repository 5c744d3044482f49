// Command whatif asks what would happen to an ads inventory if: a tighter frequency cap, a higher
// floor, more budget, another auction. It simulates every variant of a study and compares them.
//
// This package holds flags and printing only; the work is done by the rooms it imports. Results and
// data go to stdout, progress and messages to stderr. The exit status is 0 when all is done, 1 when
// it ran and something failed, 2 for wrong use or invalid input, 130 when interrupted.
package main
