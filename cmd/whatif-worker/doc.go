// Command whatif-worker works for runners beyond the machine that a simulation was started on.
//
//	Dataflow: Beam's container --starts--> whatif-worker --worker --id .. --control_endpoint ..
//	Flink:    whatif-worker pool --listen 127.0.0.1:50000 --starts, for each worker asked for--> itself
//
// It is the pipeline and nothing else: one static file that runs on any Linux, without DuckDB, SQLite or C.
package main
