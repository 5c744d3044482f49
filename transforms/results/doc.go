// Package results is the store of what simulations found: one Parquet file of one row for each
// attempt at a variant, there whole or not there at all, and never changed after.
//
//	<results>/simulation_id=<id>/_plan.json                          what was asked, written first
//	                             _attempts/<n>                       number n is taken by a job
//	                             _started/<variant>.<n>              that job began with that variant
//	                             variant_id=<id>/attempt=<n>.parquet what came of it
//	                             _lock                               held by whoever runs it
//	                             _launcher                           a launcher is not done with it: retention keeps it
//
// It is in one of two places, which behave alike. In a folder a file is written beside its place under a name
// that begins with a dot, made durable, linked to its final name without replacing anything, and the folder made
// durable. In a bucket an object is made whole on the condition that its name is free. So a reader that lists
// sees complete files only, whatever was killed, and two writers of one name can't overwrite each other: the
// second finds its name taken and is told whether by the same bytes.
//
// Locks are the kernel's in a folder, and leases in a bucket (lease.go). A removal takes the folder's name away,
// or deletes the plan, before anything else of a simulation. Programs that read files read a bucket's by its
// mirror on this machine (mirror.go).
//
// Which row of a variant counts is decided by the rows alone (model.Counting): the succeeded one
// with the lowest number, else the failed one with the highest.
package results
