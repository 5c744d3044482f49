// Package objects is object storage, as little of it as the product needs: Google Cloud Storage at gs://.
//
// Objects are made once under a name that must be free, read at the generation that was seen, and replaced
// or deleted only as the generation that was seen. So every request may be sent again after a lost answer:
//
//	Create --answer lost--> Create again --412: the name is taken--> read it: our bytes --> made
//	                                                                         others' ----> fs.ErrExist
//
// A request that fails in passing (429, 5xx, a broken connection, no answer in time) is sent again with
// growing pauses, for two minutes at most; then the error holds a fault of the reason storage. Everything
// read whole is checked against the CRC32C that the service keeps of it.
//
// What is read again and again, such as a snapshot, is kept on this machine's disk by its digest (Cache).
package objects
