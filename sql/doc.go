// Package sql holds the views that a study is read by, one folder a view, embedded.
//
//	result files --> variant_results --> counted ----------> variants, variant_metrics, comparison, frequency,
//	                 (all attempts)      (one row a variant)  parameter_effects, failures, pareto(x, y)
//	                        |                 |
//	                        +-----------------+--> counted_details --> campaign_results, campaign_frequency,
//	                                               (nested results)    group_results, breakdown_results, contention
//
// Each folder of views/ has the view in a file a dialect (duckdb.sql), its columns with their meaning
// (columns.txt, the same in every dialect), and for the tests a small input and the rows expected of
// it, derived by hand. Package warehouse opens a store of results with these views over it.
package sql
