//go:build !linux && !darwin

package results

import (
	"errors"
	"fmt"
)

// renameNew is not to be had here: no system call moves without replacing.
func renameNew(from, to string) error {
	return fmt.Errorf("rename %s to %s without replacing: %w", from, to, errors.ErrUnsupported)
}
