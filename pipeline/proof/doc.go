// Package proof runs the true programs, whatif and whatif-worker, on every runner there is and holds their
// results against each other; and it kills what takes part in a job on Dataflow at every moment there is a
// name for. It has tests only.
//
//	the tests' own network: nothing but a loopback
//	  whatif run, whatif serve --jobs--> fake Dataflow --> Prism --> whatif-worker
//	        |                                                             |
//	        +-------- snapshot, plan, rows: fake Cloud Storage -----------+
//
// What only the real services can show is in docs/runners.md.
package proof
