// Package transforms holds the steps of a simulation as Beam composites, one a file, each with the
// line of what goes in and what comes out:
//
//	ExpandVariants: Impulse                 -> KV<variant id, Variant>
//	MatchVariants:  KV<variant id, Variant> -> VariantResult, Failure
//	FailedRows:     Failure                 -> VariantResult
//	WriteVariant:   VariantResult           -> string (the path committed)
//
// What they need of a simulation they read from the result store, by the address in Job: a runner
// hands each step to any process, so a step carries an address and never the study itself. A
// process reads the plan, the campaigns and the snapshot once, whatever the number of variants.
//
// Variants are handed out longest first, by an estimate of their work, so that none runs alone at the end.
//
// One variant can't take another down: each is simulated in a goroutine of its own, recovered, with
// a time limit and a bound on its memory checked before anything is allocated, and whatever goes
// wrong with it becomes a failed row. A step returns an error only when the job is cancelled, when
// results can't be stored at all, or when a variant ignores that it is over (ErrRecycle).
package transforms
