// Package install makes what package sql describes in BigQuery, and again makes only what is missing or
// has changed.
//
//	datasets.get --none--> datasets.insert
//	tables.get ---none--> tables.insert; lacks columns, descriptions, the filter --> tables.patch
//	tables.get, routines.get --none, or the mark in its description is another's--> CREATE OR REPLACE (jobs.insert)
//
// Views are made by the statements that `whatif sql print` prints, in their order, because each must find those
// that it reads. Nothing is ever dropped, and no column taken away.
package install
