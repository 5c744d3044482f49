package portable

import (
	"os/exec"
	"syscall"
)

// dieWithMe has the kernel end a process with this one, even one that reads no leash. Signals of a terminal
// are for the pool.
func dieWithMe(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
