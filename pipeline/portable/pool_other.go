//go:build !linux

package portable

import "os/exec"

// dieWithMe leaves it to the leash.
func dieWithMe(*exec.Cmd) {}
