// Package reading answers the views of the result store for the launcher: a request names a
// simulation, a view and what of it, and gets a page of rows with the SQL that made it.
//
//	Request --choose--> selection --SQL--> warehouse of (simulation, revision) --> page of rows, or CSV
//	             |                              ^
//	             +-- BadRequest                 +-- kept open a while, a few at a time
//
// Every statement is ours: views, columns and metrics come from the tables of package sql, values are
// bound. What is printed beside an answer is the same statement with its values in place.
//
// So many questions are answered at a time; who waits too long for his turn gets ErrBusy. Answers are
// read in batches of bounded size, so that neither a page nor a CSV of a million rows needs more memory
// than a batch. No answer is sent while its question has its turn: who takes it slowly, or never, keeps
// nobody else from his.
//
// Values are as JSON has them: whole numbers as numbers, also beyond 2^53, where some readers of JSON
// round them (money has its exact amount in billionths and an amount in units beside it); what is no
// number is null, never NaN or infinite; times are in UTC, days without a time.
package reading
