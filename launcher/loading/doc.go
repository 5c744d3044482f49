// Package loading brings what a launcher's simulations found into BigQuery, while nobody waits for it.
//
//	a simulation ends ----------------> waiting --a few seconds--> sql/loads: rounds --> BigQuery
//	the launcher starts, and now and     ^   |
//	then: what is not known to be loaded-+   +--failed: again later, at most every hour
//
// What is to be loaded is kept nowhere but in the result store: a simulation whose rows are all in settled
// rounds is marked there, and one that isn't is found again after any restart, by any launcher.
package loading
