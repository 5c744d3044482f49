//go:build killpoints

package killpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var (
	name, nth = told()
	passes    atomic.Int64
)

func told() (string, int64) {
	text, count, counted := strings.Cut(os.Getenv("WHATIF_KILLPOINT"), "#")
	n, err := strconv.ParseInt(count, 10, 64)
	if !counted || err != nil {
		n = 1
	}
	return text, n
}

// Here kills this process, as nothing could be caught or cleaned up, if it is the moment that was named.
func Here(moment string) {
	if moment != name || passes.Add(1) != nth || !first() {
		return
	}
	// The signal ends the process before Kill returns, or soon after.
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// first is true for one process only of those that share the file of WHATIF_KILLPOINT_ONCE: the successor
// of a killed process passes the moment unharmed.
func first() bool {
	file := os.Getenv("WHATIF_KILLPOINT_ONCE")
	if file == "" {
		return true
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return false
	}
	return f.Close() == nil
}
