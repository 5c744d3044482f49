// Package googlesql checks every statement that we give to BigQuery with GoogleSQL's own analyser, which
// knows names, types and positions, and executes nothing.
//
//	sql, launcher/reading, docs --their tests write--> *.json --> dataset, table, views, function --> queries
//	                                                              (each into the catalog of the next)
//
// A module of its own, because the analyser takes minutes and 6.5 GB of memory to build. ./check does both
// steps.
package googlesql
