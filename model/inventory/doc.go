// Package inventory holds the slots of a study: the snapshot. In memory it is columnar,
// dictionary-coded, sorted and immutable, so that every variant of a process can share it; on disk
// it is one or more Parquet files that any tool can read. The package also makes snapshots from logs.
//
//	logs --Import--> snapshot (Parquet) --Load--> Snapshot --(engine)--> metrics
//	                                   \-ReadSlots-> model.Slot (plain form, for the reference and tools)
//
// # Memory
//
// A slot costs 28 bytes (time, hash of its id, user, request, floor) and one code of 1, 2 or 4 bytes
// per dimension, the narrowest that fits; texts are held once per distinct value. Slot ids and user
// ids are kept as XXH64 hashes only, because every draw of the semantics depends on the hashes alone.
//
// Loading goes column by column within a row group, a page at a time:
//
//	page --dictionary entry to code, once each--> codes of 1, 2 or 4 bytes --in order of (time, slot_id)--> Snapshot
//
// It holds the texts of ids besides, to find duplicates and to sort by them; a column that is sorted leaves its
// memory to the next. At the most that is about three times what the snapshot will hold (BenchmarkLoad).
//
// # Files
//
// A snapshot file has a row per slot. Columns with the names of semantics 2 are read as such, every other
// column is a dimension:
//
//	slot_id    text (or integer), required
//	time       TIMESTAMP in ms, us, ns or INT96; finer than a microsecond is floored, one without UTC
//	           adjustment is read in the study's time zone; Writer writes microseconds, UTC
//	user_id    text or integer, null or empty: unidentified
//	request_id text or integer, null or empty: a request of its own
//	floor_cpm  DECIMAL, DOUBLE (read as its shortest decimal text) or integer, in units, null: 0;
//	           Writer writes DECIMAL(18,6), which holds every CPM exactly
//	others     text, integer, boolean, decimal, double, date: a scalar dimension, null: missing;
//	           a LIST of them: a multi-valued one, where null and empty lists are missing
//
// Files are hostile until validated: sizes and counts are checked against bounds before anything is
// allocated for them, and a panic of the Parquet library is an error of the file.
package inventory
