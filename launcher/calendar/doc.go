// Package calendar says when a schedule is due: a cron expression in a time zone, through its clock changes.
//
//	30 2 * * mon-fri
//	|  | | | +------ day of the week   0-7 or sun-sat, 0 and 7 are Sunday
//	|  | | +-------- month             1-12 or jan-dec
//	|  | +---------- day of the month  1-31
//	|  +------------ hour              0-23
//	+--------------- minute            0-59
//
// Fields are those of crontab(5): `*`, numbers, names, ranges, lists, and steps of a range or of `*`. If both
// days are restricted, a date that fits one of them will do; a field that begins with `*` restricts nothing
// in this sense. For the common ones there are @hourly, @daily, @weekly, @monthly and @yearly.
//
// # Clock changes
//
// The rules are those of cron(8) by Paul Vixie, who distinguishes two kinds of schedule. "Local time changes
// of less than three hours, such as those caused by the Daylight Saving changes, are handled in a special
// way. This only applies to jobs that run at a specific time and jobs that run with a granularity greater
// than one hour. Jobs that run more frequently are scheduled normally. If time was adjusted one hour
// forward, those jobs that would have run in the interval that has been skipped will be run immediately.
// Conversely, if time was adjusted backward, running the same job twice is avoided." As in his program, one
// whose minute or hour begins with `*` is of the frequent kind. So, in New York:
//
//	local time         01:00   01:30   03:00   03:30          00:30   01:00   01:30   01:00   01:30   02:00
//	                       2026-03-08, 02:00-03:00 skipped        2026-11-01, 01:00-02:00 shown twice
//	30 2 * * *                            X
//	30 1 * * *                    X                                              X
//	*/30 * * * *              X       X       X       X            X       X       X       X       X       X
//
// # Why not a library's Next
//
// netresearch/go-cron fires a daily job of 01:30 twice when the clocks go back, loses the changes that are not
// of whole hours, and gives up after five years, though 29 February may be eight years away. Its parser
// also takes much that we don't promise. It serves the tests, as a second opinion away from clock changes.
package calendar
