package inventory_test

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the processor time of this process so far, all threads together. On a machine that others use too,
// it leaves out the time that they had.
func cpuTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
