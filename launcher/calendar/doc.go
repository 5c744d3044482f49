// Package calendar says when a schedule is due: cron expressions in a time zone, through its clock changes.
package calendar
