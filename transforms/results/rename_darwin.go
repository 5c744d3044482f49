package results

import "golang.org/x/sys/unix"

// renameNew moves a file to a name that must be free.
func renameNew(from, to string) error { return unix.RenamexNp(from, to, unix.RENAME_EXCL) }
