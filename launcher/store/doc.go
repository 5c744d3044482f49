// Package store is the launcher's memory: what was submitted, where it stands, who runs it.
package store
