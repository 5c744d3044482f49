package pipeline

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/whatif-machine/whatif/model"
)

// TestAMachineThatCannotIsolateSaysSo, and what to do, for each errno of clone(2) and user_namespaces(7);
// nothing of that concerns the direct runner or a program that isn't there.
func TestAMachineThatCannotIsolateSaysSo(t *testing.T) {
	said := func(runner string, errno syscall.Errno) bool {
		err := startError([]string{"job"}, runner, &fs.PathError{Op: "fork/exec", Path: "job", Err: errno})
		return errors.Is(err, errno) && strings.Contains(err.Error(), "can't isolate Prism") && strings.Contains(err.Error(), "--runner direct")
	}
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EACCES, syscall.ENOSPC, syscall.EUSERS, syscall.EINVAL, syscall.ENOSYS} {
		if !said(Prism, errno) || said(Direct, errno) {
			t.Errorf("%v on prism: %v, on direct: %v", errno, said(Prism, errno), said(Direct, errno))
		}
	}
	if said(Prism, syscall.ENOENT) {
		t.Error("a program that isn't there is taken for a kernel's refusal")
	}
}

// TestMemoryOfAProcessThatReadsACatalogIsBounded: it dies, and says of what.
func TestMemoryOfAProcessThatReadsACatalogIsBounded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "slots.parquet")
	writeSnapshot(t, file, 50_000)
	pin, err := pinned(file)
	if err != nil {
		t.Fatal(err)
	}
	request := catalogRequest{Files: []model.PinnedInput{pin}, MemoryBytes: 1 << 20}
	if _, err := askCatalog(t.Context(), catalogCommand(), request); err == nil || !strings.Contains(err.Error(), "1 MiB of memory") || strings.Contains(err.Error(), "\n") {
		t.Errorf("50,000 slots in 1 MiB: %v", err)
	}
	request.MemoryBytes = 1 << 40
	if answer, err := askCatalog(t.Context(), catalogCommand(), request); err != nil || answer.Catalog == nil || answer.Catalog.Slots != 50_000 {
		t.Errorf("50,000 slots in 1 TiB: %v", err)
	}
}
