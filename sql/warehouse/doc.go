// Package warehouse opens a store of results and answers SQL over it.
//
// OpenDuckDB reads the result files in place through the views of package sql: nothing is installed,
// started or kept. What it opens is a reader: one SELECT at a time, in bounded memory and threads,
// confined to the results folder, and no statement that could change a file.
package warehouse
