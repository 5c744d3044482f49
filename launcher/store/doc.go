// Package store is the launcher's memory: what was submitted, where it stands, who runs it. It is
// one SQLite file of one launcher, or a PostgreSQL database that several launchers share; the same
// statements run on both and one suite of tests holds both to the same behaviour.
//
// A simulation moves like this, and the database itself refuses any other move:
//
//	           run_at has come       Claim            Suspend (a pause was wished)
//	scheduled ----------------> queued ----> running <-------------------------> paused
//	    |                         ^  |         | |                     Resume      |
//	    |                  Retry  |  |         | | Finish                          |
//	    |                         |  |         | +--> succeeded                   |
//	    |                         +--|---------|----- partially_failed             |
//	    |                         |  |         |      failed                       |
//	    v                         |  v         v                                   v
//	cancelled <-------------------+--+---------+-----------------------------------+
//
// and one variant of it like this:
//
//	pending --> running --> succeeded (final)
//	 ^  |        |  |
//	 |  |        |  +-----> failed ----+
//	 |  +--------+--------> cancelled -+
//	 +---------------------------------+ Retry
//
// Three promises carry the rest:
//
//   - What a method has returned is on disk. A change, its event and the counts that follow from it
//     are one transaction, so a reader never sees one without the others.
//   - Who runs a simulation holds its lease. Every claim counts the simulation's epoch up, every change
//     names its epoch, and one that is not the latest or has run out is refused (ErrLeaseLost): a
//     launcher that was stopped and comes back can waste work but change nothing.
//   - Any change locks its simulation's row first. That numbers the events without gaps and
//     puts the changes of one simulation in one order, whoever makes them.
//
// Times are kept as microseconds since 1970 UTC, documents by the SHA-256 of their text.
package store
