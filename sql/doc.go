// Package sql holds the views that a study is read by, one folder a view, embedded, for DuckDB and for BigQuery.
//
//	variant_results --> counted --> variants, frequency, failures
//	(all attempts)      (one row a   figures --> variant_metrics, parameter_effects
//	       |             variant)    (a list      compared --> comparison, pareto(x, y)
//	       |                |         of metrics)
//	       +----------------+--> counted_details --> campaign_entries --> campaign_results, campaign_frequency
//	                             (nested results)    contention_entries --> contention
//	                                                 group_entries, breakdown_entries --> group_, breakdown_results
//
// A folder of views/ has the view in query.sql, for both dialects: what they say differently stands between
// {{ and }}, and dialect.go says what it means in each. Where that is not enough there is a file a dialect
// (duckdb.sql, bigquery.sql). Beside it are the columns with their meaning (columns.txt), the columns of the table that
// BigQuery charges for (scans.txt), and for the tests a small input and the rows expected of it, derived by hand.
//
// Package warehouse opens a store of results in DuckDB with these views over it; package install makes them in BigQuery.
package sql
