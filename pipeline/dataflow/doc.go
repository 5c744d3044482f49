// Package dataflow runs simulations on Google Cloud Dataflow.
//
// Workers there are machines of Google's that run Beam's container, which fetches our worker program from
// object storage. So a job is three things: the program, stored once for each content; the pipeline's
// model, stored for each job; and a description of few lines, which refers to both.
//
//	Submit:  find by name --there--------------------------------------------------> Job
//	           |none                                                                  ^
//	           v                                                                      |
//	         <staging>/whatif-worker-<sha256>/worker      create-only, skipped if it is there
//	         <staging>/<name>/<sha256>/model              create-only                 |
//	           v                                                                      |
//	         projects.locations.jobs.create, clientRequestId = name  --created--------+
//	           |lost answer, 5xx, 429: again, the same                                |
//	           +--409: there is one--> find by name ----------------------------------+
//
// A job comes into being once, whatever is retried: its name says which attempt at which simulation it is,
// and the service takes one job of a clientRequestId and name, ever, and one active job of a name.
//
// We ask for state, counters and messages ourselves, one question at a time: Beam's own loop waits without
// looking at its context. The translation of a pipeline to the service's job is Beam's, which knows what
// its containers expect.
package dataflow
