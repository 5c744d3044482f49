package limit

import (
	"bytes"
	"os"
	"runtime/metrics"
	"strconv"
)

// InUse is the memory of this process in bytes: what the system counts as resident, which has in it
// what C libraries (DuckDB) allocate. Where the system does not tell (no /proc), what Go's runtime holds.
func InUse() int64 {
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if pages, ok := residentPages(text); ok {
			return pages * int64(os.Getpagesize())
		}
	}
	return held()
}

// residentPages reads the second field of /proc/<pid>/statm (proc_pid_statm(5)).
func residentPages(statm []byte) (int64, bool) {
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages, err == nil && pages > 0
}

// held is what the runtime has mapped and not given back: what GOMEMLIMIT counts.
func held() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}
