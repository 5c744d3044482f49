// Package inputs resolves what a configuration refers to: files within the allowed folders, objects below the
// allowed prefixes of buckets, and uploads.
//
//	slots/2026-07-*.parquet --+                                  +-> size, mtime, SHA-256   (digests, cached)
//	/data/slots.parquet ------+-> reference -> os.Root -> file --+-> text of the campaigns (documents, cached)
//	file:///data/slots.parquet+                 of a root        +-> what a snapshot holds (catalogs, cached)
//	upload:<sha256> ----------+-> os.Root of the tenant's uploads
//	slots/2026-07-*.parquet --+-> reference -> prefix of a bucket -> object at a generation -> the same
//	gs://bucket/data/s.parquet+
//
// # What can be reached
//
// A configuration is written by someone who may submit, not by someone who may read this machine's disk. So a
// name is first held against a strict syntax (reference.go), then opened below a root by os.Root, which
// follows no symbolic link that leaves it nor any absolute one, and only if it is a regular file (root.go). The results folder is
// never an input, even within a root: the uploads and results of other tenants are there. Nothing about a
// place outside the roots is looked up, so no message can depend on what is there.
//
// What is handed on is the file's real path, without any symbolic link, and its digest. A job's process opens
// that path later by itself; should it have become another file by then, the digest tells, and the job
// computes nothing of it. So what happens to a path after it was pinned can make a job fail, not make it read
// something else.
//
// In a bucket there are no links and no `..`: a name that was cleaned lies below a prefix if it begins with it. So all
// that is ever asked of a bucket begins with the root's prefix, of a pattern too. That a bucket can't be
// reached is neither "no such file", since the next root may have another file of the name, nor a mistake of the
// configuration: the same submission may be made again.
//
// # Cost
//
// 300 submissions a second name the same snapshot: each costs one stat for each of its files. A file that has
// not changed since it was hashed, by device, inode, size and times, is not read again; one that changed in the
// two seconds before it was hashed is, since a second change within the clock's granularity would not show.
// An object is looked at for each submission, and its bytes are fetched once a generation, into the machine's cache; a
// download outlasts the request that began it. What is missing from a cache is made once, however many wait for it. What a snapshot holds is read by another
// process within bounds of time and memory, those of an upload narrower; two are read at a time, of a tenant one.
package inputs
