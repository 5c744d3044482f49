// Package bigquerytest is BigQuery for tests: one model of what it documents about load jobs, with two faces.
//
//	package loads ---------------------------------> Direct --+
//	                                                          +--> [ faults ] --> Service: jobs, tables, quotas
//	the real client, the true program ----HTTP-----> Server --+
//
// Each behaviour names the page that documents it. What the model can't tell is what only BigQuery itself can:
// docs/bigquery.md lists it.
package bigquerytest
