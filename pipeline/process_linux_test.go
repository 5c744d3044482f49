package pipeline

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
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
