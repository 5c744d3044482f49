//go:build unix

package objects

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// fetching has this test binary be a program that fetches a pin and holds it until its standard input ends.
const fetching = "OBJECTS_TEST_FETCH"

func TestMain(m *testing.M) {
	if os.Getenv(fetching) == "" {
		os.Exit(m.Run())
	}
	if err := fetchAndHold(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func fetchAndHold() error {
	var pin model.PinnedInput
	if err := json.Unmarshal([]byte(os.Getenv(fetching)), &pin); err != nil {
		return err
	}
	f, err := UserCache().Fetch(context.Background(), pin)
	if err != nil {
		return err
	}
	fmt.Println(f.Path)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// fetcher is such a program.
type fetcher struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines chan string
}

func startFetcher(t *testing.T, cache string, pin model.PinnedInput) *fetcher {
	t.Helper()
	text := must[[]byte](t)(json.Marshal(pin))
	f := &fetcher{cmd: exec.CommandContext(t.Context(), os.Args[0]), lines: make(chan string, 100)}
	f.cmd.Env = append(os.Environ(), fetching+"="+string(text), "WHATIF_CACHE="+cache)
	f.stdin = must[io.WriteCloser](t)(f.cmd.StdinPipe())
	out := must[io.ReadCloser](t)(f.cmd.StdoutPipe())
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(f.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			f.lines <- s.Text()
		}
	}()
	return f
}

// end has the program let go.
func (f *fetcher) end(t *testing.T) {
	t.Helper()
	if err := errors.Join(f.stdin.Close(), f.cmd.Wait()); err != nil {
		t.Error(err)
	}
}

// pinOf pins an object by a cache of its own.
func pinOf(t *testing.T, g *objecttest.GCS, data []byte) model.PinnedInput {
	t.Helper()
	g.Put("bucket", "x.parquet", data)
	b := must[*Bucket](t)(Open(t.Context(), "gs://bucket"))
	o := must[Object](t)(b.Stat(t.Context(), "x.parquet"))
	return must[model.PinnedInput](t)(NewCache(t.TempDir(), 0).Pin(t.Context(), b, o))
}

// TestProcessesFetchOnce: of several processes of a machine one downloads, and none removes what another reads.
func TestProcessesFetchOnce(t *testing.T) {
	g := objecttest.Server(t)
	data := random(3 << 20)
	pin := pinOf(t, g, data)
	before := g.Count(objecttest.Read)
	dir := filepath.Join(t.TempDir(), "cache")
	var all []*fetcher
	for range 3 {
		all = append(all, startFetcher(t, dir, pin))
	}
	for _, f := range all {
		if path := <-f.lines; path != filepath.Join(dir, pin.SHA256) {
			t.Fatalf("a process says %q", path)
		}
	}
	if n := g.Count(objecttest.Read) - before; n != 1 {
		t.Errorf("%d downloads by three processes", n)
	}
	c := NewCache(dir, 1)
	if err := c.makeRoom(1, true); err != nil || !c.has(pin) {
		t.Errorf("what three processes have in use was removed (%v)", err)
	}
	for _, f := range all {
		f.end(t)
	}
	if err := c.makeRoom(1, false); err != nil || c.has(pin) {
		t.Errorf("what nobody has in use stayed beyond the bound (%v)", err)
	}
}

// TestKilledWhileItDownloads: what a killed process leaves is no file of the cache, stops nobody, and goes.
func TestKilledWhileItDownloads(t *testing.T) {
	g := objecttest.Server(t)
	data := random(40 << 20) // three parts of a download
	pin := pinOf(t, g, data)
	dir := filepath.Join(t.TempDir(), "cache")
	held := g.Break(objecttest.Fault{Op: objecttest.Read, Skip: 1, Times: objecttest.Always, Until: make(chan struct{})})
	f := startFetcher(t, dir, pin)
	until(t, "two of three parts are held back", func() bool { return g.Happened(held) == 2 })
	if err := f.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := f.cmd.Wait(); err == nil {
		t.Error("it ended well")
	}
	g.Heal()
	c := NewCache(dir, 0)
	if c.has(pin) || !slices.Contains(names(t, c), pin.SHA256+newSuffix) {
		t.Errorf("the killed process left %v", names(t, c))
	}
	other := startFetcher(t, dir, pin)
	if path := <-other.lines; !strings.HasSuffix(path, pin.SHA256) {
		t.Errorf("the next one says %q", path)
	}
	other.end(t)
	if got := names(t, c); !slices.Equal(got, []string{pin.SHA256}) {
		t.Errorf("left: %v", got)
	}
}

// TestWhatWasAbandonedIsSwept: also when nobody wants that object any more.
func TestWhatWasAbandonedIsSwept(t *testing.T) {
	_, _, c := cached(t, 0)
	abandoned, going := strings.Repeat("a", 64), strings.Repeat("b", 64)
	for _, key := range []string{abandoned, going} {
		if err := os.MkdirAll(c.path(key+newSuffix), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	leave := must[func() error](t)(c.enter(t.Context(), going))
	if err := c.makeRoom(1, false); err != nil {
		t.Fatal(err)
	}
	if got := names(t, c); !slices.Equal(got, []string{going + lockSuffix, going + newSuffix}) {
		t.Errorf("left: %v", got)
	}
	if err := leave(); err != nil {
		t.Error(err)
	}
}
