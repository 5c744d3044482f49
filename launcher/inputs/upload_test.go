//go:build unix

package inputs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

const campaigns = "- {id: c1, advertiser: acme, bid_cpm: 2}\n"

// left is what lies in the tenants' folders of uploads.
func (w *world) left(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(w.results + "/_uploads/*/*")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		names = append(names, strings.TrimPrefix(path, w.results+"/_uploads/"))
	}
	return names
}

func TestUploadCampaigns(t *testing.T) {
	w := newWorld(t, nil)
	want := Upload{SHA256: digest(campaigns), Size: int64(len(campaigns)), Kind: KindCampaigns}
	for range 2 { // the same again is the same
		got, err := w.in.Upload(t.Context(), "acme", iotest.OneByteReader(strings.NewReader(campaigns)))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	}
	if got := w.left(t); len(got) != 1 || got[0] != "acme/"+want.SHA256 {
		t.Errorf("on disk: %v", got)
	}
	doc, err := w.in.For("acme").Campaigns(t.Context(), "upload:"+want.SHA256)
	if diff := cmp.Diff(model.Document{Name: "upload:" + want.SHA256, Text: campaigns, SHA256: want.SHA256}, doc); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := w.in.For("other").Campaigns(t.Context(), "upload:"+want.SHA256); err == nil || !strings.Contains(err.Error(), "there is no upload") {
		t.Errorf("another tenant's: %v", err)
	}
}

func TestUploadSnapshot(t *testing.T) {
	w := newWorld(t, nil)
	snapshot := "PAR1 whatever the stub takes PAR1"
	var seen string
	w.opens = func(_ context.Context, files []model.PinnedInput) error {
		text, err := os.ReadFile(files[0].URI)
		seen = string(text)
		return err
	}
	up, err := w.in.Upload(t.Context(), "acme", strings.NewReader(snapshot))
	if err != nil || up.Kind != KindSnapshot || seen != snapshot {
		t.Fatalf("%+v %v, checked %q", up, err, seen)
	}
	pins, err := w.in.For("acme").Inventory(t.Context(), "upload:"+up.SHA256)
	if err != nil || len(pins) != 1 || pins[0].URI != w.results+"/_uploads/acme/"+up.SHA256 || pins[0].SHA256 != up.SHA256 {
		t.Fatal(pins, err)
	}
	// What it holds was read when it came.
	if _, err := w.in.For("acme").Catalog(t.Context(), pins, inventory.Options{}); err != nil || w.catalogs.Load() != 1 {
		t.Errorf("%v after %d reads", err, w.catalogs.Load())
	}
	w.opens = func(_ context.Context, files []model.PinnedInput) error {
		return fmt.Errorf("%s: no column slot_id", files[0].URI)
	}
	_, err = w.in.Upload(t.Context(), "acme", strings.NewReader("PAR1 but no snapshot"))
	if !errors.Is(err, ErrNotAnInput) || !strings.Contains(err.Error(), "the upload: no column slot_id") || strings.Contains(err.Error(), w.results) {
		t.Errorf("a Parquet file that is no snapshot: %v", err)
	}
	// One that was damaged on the disk is not taken for what it was.
	if err := os.WriteFile(pins[0].URI, []byte("PAR1 damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := w.in.For("acme").Inventory(t.Context(), "upload:"+up.SHA256); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("damaged: %v", err)
	}
	w.opens = nil
	if _, err := w.in.Upload(t.Context(), "acme", strings.NewReader(snapshot)); err != nil {
		t.Error(err)
	}
	if _, err := w.in.For("acme").Inventory(t.Context(), "upload:"+up.SHA256); err != nil {
		t.Errorf("uploaded again: %v", err)
	}
}

// TestUploadRefused: what is not taken leaves nothing.
func TestUploadRefused(t *testing.T) {
	broken := errors.New("the line broke")
	w := newWorld(t, func(o *Options) { o.MaxUploadBytes = model.MaxDocumentBytes + 1000 })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		tenant string
		body   io.Reader
		want   string
		is     error
	}{
		"empty":            {body: strings.NewReader(""), want: "empty", is: ErrNotAnInput},
		"too large":        {body: strings.NewReader(strings.Repeat("#", model.MaxDocumentBytes+1001)), want: "more than", is: ErrTooLarge},
		"endless":          {body: endless{}, want: "more than", is: ErrTooLarge},
		"no document":      {body: strings.NewReader(strings.Repeat("#", model.MaxDocumentBytes+1)), want: "no Parquet file", is: ErrNotAnInput},
		"binary":           {body: strings.NewReader("\x7fELF\x00\x01"), want: "UTF-8"},
		"no campaigns":     {body: strings.NewReader("name: study\n"), want: "campaigns"},
		"wrong campaigns":  {body: strings.NewReader("- {id: c1, bid_cpm: -1}\n"), want: "bid_cpm"},
		"interrupted":      {body: io.MultiReader(strings.NewReader(campaigns), iotest.ErrReader(broken)), want: "the line broke", is: broken},
		"caller gave up":   {ctx: gone, body: strings.NewReader(campaigns), want: "canceled", is: context.Canceled},
		"no tenant":        {tenant: "-", body: strings.NewReader(campaigns), want: "tenant"},
		"tenant that goes": {tenant: "../acme", body: strings.NewReader(campaigns), want: "tenant"},
		"hidden tenant":    {tenant: ".acme", body: strings.NewReader(campaigns), want: "tenant"},
		"tenant with NUL":  {tenant: "a\x00", body: strings.NewReader(campaigns), want: "tenant"},
		"tenant, a path":   {tenant: "a/b", body: strings.NewReader(campaigns), want: "tenant"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, tenant := c.ctx, c.tenant
			if ctx == nil {
				ctx = t.Context()
			}
			switch tenant {
			case "":
				tenant = "acme"
			case "-":
				tenant = ""
			}
			_, err := w.in.Upload(ctx, tenant, c.body)
			if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v, want one with %q", err, c.want)
			}
			if got := w.left(t); len(got) != 0 {
				t.Errorf("it left %v", got)
			}
			if _, err := w.in.For(tenant).Inventory(t.Context(), "upload:"+digest(campaigns)); err == nil {
				t.Error("it is there")
			}
		})
	}
	_, err := w.in.Upload(t.Context(), "acme", strings.NewReader("- {id: c1, bid_cpm: -1, x: 2}\n"))
	if problems, ok := errors.AsType[model.Problems](err); !ok || len(problems) < 2 {
		t.Errorf("wrong campaigns: %v, want every problem", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("#"), len(p))), nil }

// TestTenantBound: a tenant's uploads have a bound together, in which the same bytes count once.
func TestTenantBound(t *testing.T) {
	one := int64(len(campaigns))
	w := newWorld(t, func(o *Options) { o.MaxTenantBytes = 2*one + 1 })
	text := func(i int) string { return strings.Replace(campaigns, "c1", fmt.Sprintf("c%d", i), 1) }
	for _, i := range []int{1, 2, 1, 2} {
		if _, err := w.in.Upload(t.Context(), "acme", strings.NewReader(text(i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.in.Upload(t.Context(), "acme", strings.NewReader(text(3))); !errors.Is(err, ErrTenantFull) {
		t.Errorf("a third: %v", err)
	}
	if _, err := w.in.Upload(t.Context(), "other", strings.NewReader(text(3))); err != nil {
		t.Errorf("of another tenant: %v", err)
	}
	// Many at once don't get past it either.
	var all sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for i := range 40 {
		all.Go(func() {
			_, err := w.in.Upload(t.Context(), "crowd", strings.NewReader(text(i%9)))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				taken++
			} else if !errors.Is(err, ErrTenantFull) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	kept, err := filepath.Glob(w.results + "/_uploads/crowd/*")
	if err != nil || len(kept) != 2 || taken < 2 {
		t.Errorf("%d taken, on disk %v %v", taken, kept, err)
	}
	if got := w.left(t); len(got) != 5 {
		t.Errorf("on disk: %v", got)
	}
}

// TestSweep: what a killed launcher left goes at the start; what another receives at the moment stays.
func TestSweep(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := w.in.Upload(t.Context(), "acme", strings.NewReader(campaigns)); err != nil {
		t.Fatal(err)
	}
	write(t, w.results+"/_uploads/acme/"+temporary+"123", "half an upl")
	write(t, w.results+"/_uploads/b.c/"+temporary+"9", "")
	in, sent := io.Pipe()
	received := make(chan error)
	go func() {
		_, err := w.in.Upload(t.Context(), "acme", in)
		received <- err
	}()
	if _, err := sent.Write([]byte(campaigns)); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Results: w.results, Catalog: w.catalog}); err != nil {
		t.Fatal(err)
	}
	left := w.left(t)
	if len(left) != 2 || !strings.HasPrefix(left[0], "acme/"+temporary) || left[0] == "acme/"+temporary+"123" {
		t.Errorf("after the sweep: %v", left)
	}
	if _, err := sent.Write([]byte("- {id: c2, advertiser: b, bid_cpm: 3}\n")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sent.Close(), <-received); err != nil {
		t.Errorf("the upload under way: %v", err)
	}
	if left := w.left(t); len(left) != 2 {
		t.Errorf("at the end: %v", left)
	}
}

// TestUnwritable: a folder that can't be made is an error of the launcher, and nothing is harmed.
func TestUnwritable(t *testing.T) {
	w := newWorld(t, nil)
	write(t, w.results+"/_uploads/acme", "a file where the folder should be")
	if _, err := w.in.Upload(t.Context(), "acme", strings.NewReader(campaigns)); err == nil || !strings.Contains(err.Error(), "storing an upload") {
		t.Error(err)
	}
	if text, err := os.ReadFile(w.results + "/_uploads/acme"); err != nil || !strings.HasPrefix(string(text), "a file") {
		t.Errorf("%q %v", text, err)
	}
}

// asChild has a test run its body in a process of its own, which may be killed or bounded.
const asChild = "WHATIF_TEST_INPUTS_CHILD"

func child(t *testing.T, results string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.timeout=30s")
	cmd.Env = append(os.Environ(), asChild+"="+results)
	return cmd
}

// TestDiskFull: where the disk takes no more in the middle of an upload, nothing is left of it. The kernel's
// bound on the size of a file stands for the end of the disk.
func TestDiskFull(t *testing.T) {
	if results := os.Getenv(asChild); results != "" {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}); err != nil {
			t.Fatal(err)
		}
		in, err := New(Options{Results: results, Catalog: (&world{}).catalog})
		if err != nil {
			t.Fatal(err)
		}
		_, err = in.Upload(t.Context(), "acme", io.LimitReader(endless{}, 3<<20))
		if !errors.Is(err, syscall.EFBIG) {
			t.Fatalf("the disk took it all: %v", err)
		}
		return
	}
	w := newWorld(t, nil)
	if out, err := child(t, w.results).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if left := w.left(t); len(left) != 0 {
		t.Errorf("it left %v", left)
	}
}

// TestKilled: of an upload whose launcher is killed in the middle nothing is left after the next start.
func TestKilled(t *testing.T) {
	if results := os.Getenv(asChild); results != "" {
		in, err := New(Options{Results: results, Catalog: (&world{}).catalog})
		if err != nil {
			t.Fatal(err)
		}
		_, err = in.Upload(t.Context(), "acme", io.MultiReader(strings.NewReader(campaigns), stuck{}))
		t.Fatalf("the upload ended: %v", err)
	}
	w := newWorld(t, nil)
	cmd := child(t, w.results)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len(stuckSign))); err != nil {
		t.Fatal(err)
	}
	if left := w.left(t); len(left) != 1 {
		t.Errorf("in the middle of an upload: %v", left)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("it was not killed")
	}
	if _, err := New(Options{Results: w.results, Catalog: w.catalog}); err != nil {
		t.Fatal(err)
	}
	if left := w.left(t); len(left) != 0 {
		t.Errorf("after the next start: %v", left)
	}
}

// stuck is the rest of a body that never comes. It says so, so that its process can be killed then.
type stuck struct{}

const stuckSign = "stuck"

func (stuck) Read([]byte) (int, error) {
	fmt.Print(stuckSign)
	select {}
}
