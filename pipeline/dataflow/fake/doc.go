// Package fake is a Dataflow service for tests that runs the jobs it is given, for real: it takes the model
// and the worker program out of object storage as Beam's container does, starts the program, and runs the
// model on Beam's own local runner, Prism.
//
//	projects.locations.jobs.create --> job, pending --> Engine: Prism(model, worker program) --> done, failed
//	                     .list, .get, .getMetrics, .messages.list: what it says
//	                     .update: cancels
//	Faults: answers that are lost, refusals, outages, one request each
//
// What it does is what the service documents; each part cites where. Where the documents contradict each
// other (whether a second job of an active name is refused or answered with the first) it can do either.
//
// It can't show what Prism has not got. A bundle that fails fails Prism's whole job: so the service's four
// attempts at a bundle are four runs of the whole job here, each of which finds the rows of those before.
// There is no autoscaling and no dynamic rebalancing, work runs on one machine, and bundles are as Prism cuts
// them: all that waits in one. Quotas, permissions and networks are answers without anything behind them.
//
// Prism listens on every interface and runs any program it is asked to. So the engine refuses to start where
// there is any network but the loopback; tests get there by Isolated.
package fake
