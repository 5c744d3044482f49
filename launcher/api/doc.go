// Package api is the launcher's HTTP interface: who may ask what, and the answers in words.
//
//	request -> frame (id, panics, log, metrics) -> guard (host, origin) -> shedder -> key -> bucket -> scope -> route
//	                                                                                                             |
//	   store <- submit, list, control, notes, schedules, links --------------------------------------------------+
//	   hub   <- events: one look at the store for all who watch a simulation ------------------------------------+
//	   reader <- comparison and the other views, reports --------------------------------------------------------+
//
// Every route is registered with the scope that it needs, its errors and its Go types; the OpenAPI document
// at /openapi.json is made of the same. Whatever goes wrong is a problem of RFC 9457 with a code of the table
// in codes.go, also what chi, huma or a panic has to say.
//
// What a route does for a simulation of another tenant is what it does for one that does not exist.
package api
