// Package queue runs what the store holds: claims, leases, CPU tokens, schedules.
package queue
