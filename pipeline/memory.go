package pipeline

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// assumedMemory is taken to be free where the system does not say.
const assumedMemory = 4 << 30

// freeMemory is what processes of this machine may still allocate: what the kernel calls available,
// or what is left of a control group's limit if that is less.
func freeMemory() int64 {
	free := int64(assumedMemory)
	if n, ok := fieldOf("/proc/meminfo", "MemAvailable:"); ok {
		free = n << 10 // in KiB
	}
	for _, dir := range controlGroups("/proc/self/cgroup", "/sys/fs/cgroup") {
		limit, limited := numberIn(filepath.Join(dir, "memory.max"))
		used, ok := numberIn(filepath.Join(dir, "memory.current"))
		if limited && ok {
			// Its page cache counts as used, though it can be had: no less than a quarter is assumed.
			free = min(free, max(limit-used, limit/4))
		}
	}
	return free
}

// controlGroups are the folders of this process's group and those above it (cgroup v2).
func controlGroups(membership, root string) []string {
	text, err := os.ReadFile(membership)
	if err != nil {
		return nil
	}
	var dirs []string
	for line := range strings.Lines(string(text)) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		for ok && path != "" {
			dirs = append(dirs, filepath.Join(root, path))
			if path == "/" || path == "." {
				break
			}
			path = filepath.Dir(path)
		}
	}
	return dirs
}

func numberIn(file string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil // "max" is no number: no limit
}

// fieldOf is the number after a name in a file of lines.
func fieldOf(file, name string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == name {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
