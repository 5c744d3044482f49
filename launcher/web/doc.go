// Package web has the launcher's pages for people: what runs and what came of it, one simulation as it
// goes, and the HTTP interface to read.
//
//	/                     simulations, newest first; what happened lately; a configuration to check or submit
//	/simulations/{id}     state and progress, live; comparison; failures; notes; short links
//	/docs                 the interface, drawn from /openapi.json
//
// The pages are static and the same for everyone. All they show comes from the HTTP interface, asked
// with the key that the reader gives, which stays in that browser tab. They load nothing from
// elsewhere, and a content security policy forbids it.
package web
