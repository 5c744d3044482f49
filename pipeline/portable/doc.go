// Package portable runs pipelines on any runner that offers Beam's job service: Flink behind its job
// server, and others like it.
//
//	Submit --GetJobs: one of that name?--> found
//	       --Prepare, Run----------------> started       job service -----> Flink: job manager
//	Job.Status --GetState, GetJobMetrics-------------->     |                  |          |
//	           --GET /jobs, if that one forgot, or is dead, and Flink's address is known -+
//	                                                                           |
//	                           Pool <--StartWorker, StopWorker-- task manager, task manager, ..
//	                            |                                     ^
//	                            +--> worker process, .. --Fn API------+
//
// A job service keeps its jobs in memory: one that was started again knows none of them, though Flink
// goes on with them. So an endpoint may name Flink's own address too, where the job is found by its name.
//
// Workers come to be as the environment says: a Pool beside each task manager starts them
// (external=HOST:PORT), or the task manager does itself (process=COMMAND). Either way the worker's program
// is there already, and nothing is staged.
//
// Flink gives each slot its share of the variants as one bundle, and a slot that is lost its whole share
// again. What has a row is passed over then (transforms.Job.Elsewhere), so that a lost slot costs the
// variant it had in hand. Exchanges are blocking for the same reason: with pipelined ones, Flink's own
// choice, one lost slot starts all of them again.
//
// Neither the job service nor the workers' services know authentication, and Beam's servers listen on
// every interface: they belong into a network of their own.
package portable
