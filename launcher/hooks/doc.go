// Package hooks tells others when a simulation is finished.
package hooks
