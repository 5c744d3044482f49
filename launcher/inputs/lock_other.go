//go:build !unix

package inputs

import "os"

// tryLock takes nothing where there are no such locks: an open file can't be removed there either.
func tryLock(*os.File) (bool, error) { return true, nil }
