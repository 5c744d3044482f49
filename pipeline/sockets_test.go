package pipeline

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/transforms"
)

// TestNothingListensBeyondLoopback looks at the sockets of the supervisor and of its job while
// variants are running, on each runner. One variant runs until the run is cancelled.
func TestNothingListensBeyondLoopback(t *testing.T) {
	for _, runner := range []string{Direct, Prism} {
		t.Run(runner, func(t *testing.T) {
			store, plan := submit(t, writeStudy(t, []string{"1.000005", "2"}, ""))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := options(store, plan)
			file := filepath.Join(t.TempDir(), "pid")
			o.Simulator, o.Runner, o.Command = faulty, runner, withPid(file)
			looked := false
			o.Progress = func(p Progress) {
				if p.Running == 0 || looked {
					return
				}
				looked = true
				job := pidIn(t, file)
				for _, pid := range []int{os.Getpid(), job} {
					checkListeners(t, pid)
				}
				if found := listeners(t, job); (len(found) > 0) != (runner == Prism) {
					t.Errorf("the job listens at %v: of the runners, Prism does", found)
				}
				cancel()
			}
			if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) || !looked {
				t.Errorf("%v, looked: %v", err, looked)
			}
		})
	}
}

// checkListeners fails for a listener that another machine or another network of this one can reach.
// A process in a network of its own that consists of a loopback is reached by nobody.
func checkListeners(t *testing.T, pid int) {
	t.Helper()
	if own(t, pid) != own(t, os.Getpid()) {
		if links := interfaces(t, pid); !slices.Equal(links, []string{"lo"}) {
			t.Errorf("process %d has a network of its own, with %v", pid, links)
		}
		return
	}
	for _, address := range listeners(t, pid) {
		if !address.IsLoopback() {
			t.Errorf("process %d listens at %v", pid, address)
		}
	}
}

// own names the network of a process.
func own(t *testing.T, pid int) string {
	t.Helper()
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// interfaces are those of a process's network that have carried or could carry a byte.
func interfaces(t *testing.T, pid int) (names []string) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, counts, ok := strings.Cut(line, ":")
		fields := strings.Fields(counts)
		// Tunnels that a kernel puts into each new network are down and have carried nothing.
		if ok && (strings.TrimSpace(name) == "lo" || fields[0] != "0" || fields[8] != "0") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// listeners are the addresses at which a process listens, found by the inodes of its sockets.
func listeners(t *testing.T, pid int) (addresses []net.IP) {
	t.Helper()
	sockets := map[string]bool{}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if inode, ok := strings.CutPrefix(target, "socket:["); err == nil && ok {
			sockets[strings.TrimSuffix(inode, "]")] = true
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			const listening = "0A"
			if len(fields) > 9 && fields[3] == listening && sockets[fields[9]] {
				addresses = append(addresses, addressOf(t, fields[1]))
			}
		}
	}
	return addresses
}

// addressOf reads the kernel's form of an address: words of four bytes, the lowest byte first.
func addressOf(t *testing.T, text string) net.IP {
	t.Helper()
	address, _, _ := strings.Cut(text, ":")
	ip, err := hex.DecodeString(address)
	if err != nil {
		t.Fatal(err)
	}
	for word := range slices.Chunk(ip, 4) {
		slices.Reverse(word)
	}
	return ip
}

// TestTheSocketTableIsRead opens one listener on loopback and one on every interface.
func TestTheSocketTableIsRead(t *testing.T) {
	for address, loopback := range map[string]bool{"127.0.0.1:0": true, "0.0.0.0:0": false} {
		l, err := net.Listen("tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		found := listeners(t, os.Getpid())
		if len(found) != 1 || found[0].IsLoopback() != loopback {
			t.Errorf("listening at %s, found %v", address, found)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPrismIsRefusedInTheOpen gives an order for Prism to a process that shares its supervisor's network.
func TestPrismIsRefusedInTheOpen(t *testing.T) {
	store, plan := submit(t, writeStudy(t, bids(1), ""))
	network, err := networkNamespace()
	if err != nil {
		t.Fatal(err)
	}
	o := order{Runner: Prism, Network: network, Job: transforms.Job{
		Results: store.URI(), SimulationID: plan.SimulationID, Attempt: 1, Simulator: transforms.Engine,
		Parallelism: 1, MemoryBytes: 1 << 30, Timeout: 1 << 30, Grace: 1 << 30,
	}}
	line, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var out, logs bytes.Buffer
	in, hold := openPipe(t, append(line, '\n'))
	err = RunJob(context.Background(), in, &out, &logs)
	hold()
	if err != nil || !strings.Contains(out.String(), "can't isolate Prism") || !strings.Contains(out.String(), `"failed"`) {
		t.Errorf("%v: %s", err, out.String())
	}
	if found := listeners(t, os.Getpid()); len(found) != 0 {
		t.Errorf("listeners at %v", found)
	}
}

// openPipe holds data and stays open until it is let go, as a supervisor's pipe does.
func openPipe(t *testing.T, data []byte) (in *os.File, letGo func()) {
	t.Helper()
	in, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	return in, func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}
