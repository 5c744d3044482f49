package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheWorkerIsSmall in what it reaches: neither a database nor anything that needs C, so that it runs in any
// container, and nothing of the product but the way to a variant's row.
func TestTheWorkerIsSmall(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{len .CgoFiles}} {{.Standard}}", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	reached := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(reached) < 100 {
		t.Fatalf("%d packages: %s", len(reached), out)
	}
	for _, line := range reached {
		name, _, _ := strings.Cut(line, " ")
		for _, no := range []string{"duckdb", "sqlite", "whatif/launcher", "whatif/sql", "whatif/cmd/whatif "} {
			if strings.Contains(name+" ", no) {
				t.Errorf("it reaches %s", name)
			}
		}
		if strings.HasSuffix(line, " false") && !strings.HasSuffix(line, " 0 false") {
			t.Errorf("%s needs C", name)
		}
	}
}

// TestTheProgram builds without C, runs from an empty folder, and says what it wants.
func TestTheProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "whatif-worker")
	build := exec.Command("go", "build", "-ldflags", "-s -w -X main.version=v1.2.3", "-o", file, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--version"}, 0, "whatif-worker v1.2.3\n"},
		{nil, 1, "a runner starts it"},
		{[]string{"pool", "--listen", "0.0.0.0:0"}, 1, "loopback only"},
		{[]string{"pool", "now"}, 1, "--listen"},
		{[]string{"--semi_persist_dir=/tmp", "--no-such-flag"}, 1, "no-such-flag"},
		{[]string{"--semi_persist_dir=/tmp"}, 1, "without --worker"},
	} {
		cmd := exec.Command(file, c.args...)
		cmd.Dir = t.TempDir()
		out, _ := cmd.CombinedOutput() // its status is looked at
		if cmd.ProcessState.ExitCode() != c.status || !strings.Contains(string(out), c.says) {
			t.Errorf("%q: status %d, %s", c.args, cmd.ProcessState.ExitCode(), out)
		}
	}
}
