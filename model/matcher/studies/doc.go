// Package studies makes small random studies for tests: slots and a scenario that use every feature
// of a simulation at once, in the shapes in which two implementations are most likely to differ.
// Bids tie often, goals, budgets and caps are small, a few users have most of the slots, times
// coincide and lie around clock changes.
//
// The same generator is driven by a seeded random source, for tests that count, and by the bytes
// of a fuzzer, which then mutates studies:
//
//	Source --Random--> []model.Slot, *model.Scenario
//
// Only tests import it.
package studies
