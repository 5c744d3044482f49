// Package objecttest is Cloud Storage for tests: a server of the test's own process, on loopback, and faults to
// order.
//
//	package objects --HTTP--> [ faults | what Cloud Storage documents and the fake leaves out ] --> fake-gcs-server
//
// The front adds, each with the page that says so: preconditions of deletion, sessions of resumable uploads,
// and the words that tell a missing bucket from a missing object.
package objecttest
