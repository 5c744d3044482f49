// Package client is the Go client of the launcher's HTTP interface.
package client
