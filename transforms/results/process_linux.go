package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// machine names one boot of one kernel and one space of process numbers: containers of one machine have their own.
func machine() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + space
}

// startOf is the time a process began, in the kernel's ticks: the 22nd field of proc(5)'s stat. It is empty for a
// process that is no more; known is false where that can't be told.
func startOf(pid int) (start string, known bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) {
		return "", true
	}
	// The second field is the program's name in parentheses, which may hold anything.
	end := strings.LastIndexByte(string(stat), ')')
	if err != nil || end < 0 {
		return "", false
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 20 {
		return "", false
	}
	if fields[0] == "Z" || fields[0] == "X" { // it is dead, and not yet waited for
		return "", true
	}
	return fields[19], true
}
