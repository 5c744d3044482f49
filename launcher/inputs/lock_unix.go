//go:build unix

package inputs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes a file for this process; false if another has it. The kernel lets go of it with the file's
// last handle, so whoever died has none.
func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
