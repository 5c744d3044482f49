package pipeline

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// setAttributes makes the process die with this one, keeps the terminal's signals from it (the
// supervisor decides what they mean), and gives it a network of its own if it is to be isolated.
func setAttributes(cmd *exec.Cmd, isolated bool) error {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if isolated {
		a.Cloneflags = syscall.CLONE_NEWNET
		if uid := os.Geteuid(); uid != 0 {
			// In a user namespace of its own an ordinary user may make a network, and keeps its files.
			a.Cloneflags |= syscall.CLONE_NEWUSER
			a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
			a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
		}
	}
	cmd.SysProcAttr = a
	return nil
}

// refusals are what kernels say that give no namespace: it is forbidden, by a profile too, there are
// too many of them, or they are not built in.
var refusals = []syscall.Errno{syscall.EPERM, syscall.EACCES, syscall.ENOSPC, syscall.EUSERS, syscall.EINVAL, syscall.ENOSYS}

// startError explains why a process could not be started.
func startError(command []string, runner string, err error) error {
	refused := func(errno syscall.Errno) bool { return errors.Is(err, errno) }
	if runner == Prism && slices.ContainsFunc(refusals, refused) {
		return cannotIsolate(fmt.Errorf("a network namespace is refused: %w", err))
	}
	return fmt.Errorf("pipeline: start %s: %w", strings.Join(command, " "), err)
}

// networkNamespace names the network that this process sees.
func networkNamespace() (string, error) {
	name, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return "", fmt.Errorf("which network this process has: %w", err)
	}
	return name, nil
}

// isolate makes sure that this process has another network than the one named and brings its loopback up.
func isolate(outside string) error {
	if err := checkIsolated(outside); err != nil {
		return cannotIsolate(err)
	}
	if err := loopbackUp(); err != nil {
		return cannotIsolate(err)
	}
	return nil
}

func loopbackUp() (err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("a socket to bring the loopback up: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, lo); err != nil {
		return fmt.Errorf("read the loopback's flags: %w", err)
	}
	lo.SetUint16(lo.Uint16() | unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring the loopback up: %w", err)
	}
	return nil
}

// limitData bounds what this process may allocate: beyond it the runtime gives up, which ends the process.
func limitData(bytes int64) error {
	limit := unix.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)}
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &limit); err != nil {
		return fmt.Errorf("pipeline: bound the memory of this process: %w", err)
	}
	return nil
}
