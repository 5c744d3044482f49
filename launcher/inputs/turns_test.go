package inputs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/pipeline"
)

// snapshot is a file of a root that was pinned.
func (w *world) snapshot(name string) []model.PinnedInput {
	return []model.PinnedInput{{URI: w.root + "/" + name, SHA256: digest(name)}}
}

func (w *world) ask(ctx context.Context, tenant, name string) error {
	_, err := w.in.For(tenant).Catalog(ctx, w.snapshot(name), inventory.Options{})
	return err
}

// TestCatalogsAreReadWithinBounds: a file of a root that hangs is given up after a minute, an upload after 20
// seconds, and both are told what to do. An upload has less memory, and bounded rows.
func TestCatalogsAreReadWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		w.opens = func(ctx context.Context, _ []model.PinnedInput) error { <-ctx.Done(); return ctx.Err() }
		upload := func() error {
			_, err := w.in.Upload(t.Context(), "acme", bytes.NewReader([]byte("PAR1 hangs")))
			return err
		}
		for _, c := range []struct {
			ask    func() error
			after  time.Duration
			bounds pipeline.CatalogBounds
			advice string
		}{
			{func() error { return w.ask(t.Context(), "acme", "hangs") }, time.Minute, pipeline.CatalogBounds{}, "fewer files"},
			{upload, 20 * time.Second, pipeline.CatalogBounds{MemoryBytes: 512 << 20, Rows: 5_000_000}, "below an input root"},
		} {
			began := time.Now()
			err := c.ask()
			if took := time.Since(began); took != c.after || w.bounds != c.bounds {
				t.Errorf("after %v with %+v, want %v and %+v", took, w.bounds, c.after, c.bounds)
			}
			if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), fmt.Sprintf("longer than %v", c.after)) || !strings.Contains(err.Error(), c.advice) {
				t.Errorf("%v: that it took longer than %v, and %q", err, c.after, c.advice)
			}
		}
		if left, err := os.ReadDir(w.results + "/_uploads/acme"); err != nil || len(left) != 0 {
			t.Errorf("what hung left %v, %v", left, err)
		}
	})
}

// TestNoTenantHoldsUpAnother: of a tenant one snapshot is read at a time, of all two. Who waits for a minute is
// told so, and who gives up waits no longer.
func TestNoTenantHoldsUpAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil)
		goOn := make(chan struct{})
		w.opens = func(_ context.Context, files []model.PinnedInput) error { // a process that does not end when it is told to
			if strings.Contains(files[0].URI, "slow") {
				<-goOn
			}
			return nil
		}
		var slow sync.WaitGroup
		slow.Go(func() {
			if err := w.ask(t.Context(), "acme", "slow"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		expect := func(tenant, name string, want error, after time.Duration) {
			t.Helper()
			began := time.Now()
			if err := w.ask(t.Context(), tenant, name); !errors.Is(err, want) || time.Since(began) != after {
				t.Errorf("%s of %s: %v after %v, want %v after %v", name, tenant, err, time.Since(began), want, after)
			}
		}
		expect("acme", "quick", errBusy, time.Minute)
		expect("acme", "quick", context.DeadlineExceeded, time.Minute) // busy is something that passes
		expect("other", "quick", nil, 0)
		expect("acme", "quick", nil, 0) // kept by now
		slow.Go(func() {
			if err := w.ask(t.Context(), "other", "slow2"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		expect("third", "another", errBusy, time.Minute)
		ctx, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		if err := w.ask(ctx, "third", "another"); err == nil || errors.Is(err, errBusy) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who gave up: %v", err)
		}
		close(goOn)
		slow.Wait()
		expect("third", "another", nil, 0)
		if n := len(w.in.turns.tenants) + len(w.in.turns.places); n != 0 {
			t.Errorf("%d turns are left", n)
		}
	})
}

// TestErrorsNameNoPathOfTheServer: a file of a root has its name there, an upload its own.
func TestErrorsNameNoPathOfTheServer(t *testing.T) {
	w := newWorld(t, nil)
	cause := errors.New("the cause")
	w.opens = func(_ context.Context, files []model.PinnedInput) error {
		return fmt.Errorf("%s: row 7: %w; compare %s", files[0].URI, cause, files[len(files)-1].URI)
	}
	sent := digest("PAR1")
	for _, c := range []struct {
		files []model.PinnedInput
		want  string
	}{
		{append(w.snapshot("slots/a"), w.snapshot("slots/a.parquet")...), "slots/a: row 7: the cause; compare slots/a.parquet"},
		{[]model.PinnedInput{{URI: w.results + "/_uploads/acme/" + sent}}, "upload:" + sent + ": row 7: the cause; compare upload:" + sent},
	} {
		_, err := w.in.For("acme").Catalog(t.Context(), c.files, inventory.Options{})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || !errors.Is(err, cause) || strings.Contains(err.Error(), w.folder) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
	if _, err := w.in.Upload(t.Context(), "acme", strings.NewReader("PAR1")); !errors.Is(err, ErrNotAnInput) || strings.Contains(err.Error(), w.folder) || !strings.Contains(err.Error(), "the upload: row 7") {
		t.Errorf("an upload that can't be read: %v", err)
	}
	if err := os.Remove(w.root); err != nil {
		t.Fatal(err)
	}
	src := w.in.For("acme")
	_, inventoryErr := src.Inventory(t.Context(), "slots/*.parquet")
	_, campaignsErr := src.Campaigns(t.Context(), "campaigns.yaml")
	for _, err := range []error{inventoryErr, campaignsErr} {
		if err == nil || strings.Contains(err.Error(), w.folder) || !strings.Contains(err.Error(), "an input root can't be opened") {
			t.Errorf("a root that is gone: %v", err)
		}
	}
}
