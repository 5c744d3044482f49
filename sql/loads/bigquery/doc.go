// Package bigquery is BigQuery as package loads needs it: one table, made and kept as the row struct says, and
// load jobs into it.
//
//	model.VariantResult --> Schema --> tables.insert / tables.patch     (what is missing is added, nothing else changed)
//	                                        |
//	files (Parquet) ------- load job -------+--> rows                   (list inference, WRITE_APPEND, CREATE_NEVER)
package bigquery
