package results

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects"
)

var (
	// ErrNotFound is wrapped by errors about a simulation, plan or row that is not there.
	ErrNotFound = errors.New("not found")
	// ErrRunning is wrapped by errors about a simulation that another process is running.
	ErrRunning = errors.New("is running")
	// ErrTaken is wrapped when a name of the store holds other bytes than those to be committed.
	ErrTaken = errors.New("already holds something else")
	// ErrDamaged is wrapped when a file of the store is not as it was committed.
	ErrDamaged = errors.New("damaged")
	// ErrTakenOver is wrapped when another process has taken over what this one had locked.
	ErrTakenOver = errors.New("was taken over")
)

// storageError says what the store was doing to which file, why it failed and what to do. Its
// chain holds the cause and a storage fault, which a result row and an exit code are made from.
type storageError struct {
	doing, path string
	cause       error
}

func (e *storageError) Error() string {
	if objects.IsURI(e.path) && !errors.Is(e.cause, ErrTaken) {
		return fmt.Sprintf("results: %s", e.cause) // which says all of it
	}
	return fmt.Sprintf("results: %s %s: %v; %s", e.doing, e.path, e.cause, advice(e.cause))
}

func (e *storageError) Unwrap() []error {
	return []error{e.cause, model.NewFault(model.Storage, e.Error())}
}

// failed wraps the cause of a failed file operation.
func failed(doing, path string, cause error) error {
	return &storageError{doing, path, cause}
}

// advice is what to do about a cause.
func advice(cause error) string {
	switch {
	case errors.Is(cause, syscall.ENOSPC), errors.Is(cause, syscall.EDQUOT), errors.Is(cause, syscall.EFBIG):
		return "make room there; what has been committed is safe, and resuming goes on from it"
	case errors.Is(cause, syscall.EROFS), errors.Is(cause, fs.ErrPermission):
		return "make the folder writable, or choose another one with --results"
	case errors.Is(cause, ErrTaken):
		return "two writers used one name: start a simulation in one place only"
	}
	return "check that disk; what has been committed before is not touched, and resuming goes on from it"
}
