// Package api is the launcher's HTTP interface.
package api
