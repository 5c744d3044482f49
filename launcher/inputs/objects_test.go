package inputs

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/transforms/objects"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// inBucket is a world whose first root is gs://bucket/data and whose second is a folder.
func inBucket(t *testing.T, change func(*Options)) (*objecttest.GCS, *world) {
	t.Helper()
	g := objecttest.Server(t, "bucket", "other")
	t.Setenv("WHATIF_CACHE", t.TempDir())
	w := newWorld(t, func(o *Options) {
		o.Roots = append([]string{"gs://bucket/data"}, o.Roots...)
		if change != nil {
			change(o)
		}
	})
	t.Cleanup(w.in.Close)
	return g, w
}

func TestObjectsOfARoot(t *testing.T) {
	g, w := inBucket(t, nil)
	g.Put("bucket", "data/slots/a.parquet", []byte("abc"))
	g.Put("bucket", "data/slots/a.parquet.rejected.parquet", []byte("x"))
	g.Put("bucket", "data/campaigns.yaml", []byte("- {id: c1}\n"))
	b, err := objects.Open(t.Context(), "gs://bucket/data")
	if err != nil {
		t.Fatal(err)
	}
	o, err := b.Stat(t.Context(), "slots/a.parquet")
	if err != nil {
		t.Fatal(err)
	}
	want := []model.PinnedInput{{
		URI: "gs://bucket/data/slots/a.parquet", Generation: strconv.FormatInt(o.Generation, 10), Size: 3, Modified: model.Instant(o.Updated.UnixMicro()),
		SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", // FIPS 180-4, example of "abc"
	}}
	for _, uri := range []string{"slots/a.parquet", "./slots//a.parquet", "slots/*", "*/[a-c].parquet", "gs://bucket/data/slots/a.parquet", "gs://bucket/data//slots/?.parquet"} {
		got, err := w.in.For("acme").Inventory(t.Context(), uri)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", uri, err, diff)
		}
	}
	if n := g.Count(objecttest.Read); n != 1 {
		t.Errorf("its bytes were read %d times", n)
	}
	d, err := w.in.For("acme").Campaigns(t.Context(), "campaigns.yaml")
	if diff := cmp.Diff(model.Document{Name: "campaigns.yaml", Text: "- {id: c1}\n", SHA256: digest("- {id: c1}\n")}, d); err != nil || diff != "" {
		t.Error(err, diff)
	}
	g.Put("bucket", "data/slots/a.parquet", []byte("abd")) // another generation is another input
	if got, err := w.in.For("acme").Inventory(t.Context(), "slots/a.parquet"); err != nil || got[0].SHA256 != digest("abd") {
		t.Errorf("%v, %v", got, err)
	}
}

// TestBucketsAndFoldersInOrder: a relative path is that of the first root that has it; a bucket that can't be
// read now is not passed over, for the next root may have another file of that name.
func TestBucketsAndFoldersInOrder(t *testing.T) {
	g, w := inBucket(t, nil)
	g.Put("bucket", "data/both.yaml", []byte("1"))
	write(t, w.root+"/both.yaml", "2")
	write(t, w.root+"/only.yaml", "3")
	src := w.in.For("acme")
	for uri, want := range map[string]string{"both.yaml": "1", "only.yaml": "3", w.root + "/both.yaml": "2"} {
		d, err := src.Campaigns(t.Context(), uri)
		pins, err2 := src.Inventory(t.Context(), uri)
		if err != nil || err2 != nil || d.Text != want || len(pins) != 1 || pins[0].SHA256 != digest(want) {
			t.Errorf("%s: %q %v, %v %v", uri, d.Text, pins, err, err2)
		}
	}
	w.in.patience.look = 50 * time.Millisecond
	for name, fault := range map[string]objecttest.Fault{"503": {Status: 503}, "403": {Status: 403}, "no answer": {Until: make(chan struct{})}} {
		fault.Times = objecttest.Always
		g.Break(fault)
		for _, uri := range []string{"both.yaml", "only.yaml", "on*.yaml"} {
			_, err := src.Campaigns(t.Context(), uri)
			_, err2 := src.Inventory(t.Context(), uri)
			for _, err := range []error{err, err2} {
				if !retryable(err) || strings.Contains(err.Error(), "no file") || strings.Contains(err.Error(), "bucket") || !strings.Contains(err.Error(), shown(uri)) {
					t.Errorf("%s, %s: %v", name, uri, err)
				}
			}
		}
		if _, err := src.Inventory(t.Context(), w.root+"/both.yaml"); err != nil {
			t.Errorf("%s: a file of another root: %v", name, err)
		}
		g.Heal()
	}
}

// retryable tells whether an error is one that pipeline.Check hands back, and the API answers as overload.
func retryable(err error) bool {
	b, ok := errors.AsType[interface {
		error
		Busy() bool
	}](err)
	return ok && b.Busy() && errors.Is(err, context.DeadlineExceeded)
}

// TestASnapshotThatCannotBeFetchedIsNoMistake: where its catalog is wanted, too.
func TestASnapshotThatCannotBeFetchedIsNoMistake(t *testing.T) {
	g, w := inBucket(t, nil)
	g.Put("bucket", "data/a.parquet", []byte("abc"))
	src := w.in.For("acme")
	pins, err := src.Inventory(t.Context(), "a.parquet")
	if err != nil {
		t.Fatal(err)
	}
	w.opens = func(context.Context, []model.PinnedInput) error { return model.NewFault(model.Storage, "503") }
	if _, err := src.Catalog(t.Context(), pins, inventory.Options{}); !retryable(err) {
		t.Errorf("%v", err)
	}
}

// TestADownloadOutlastsWhoWaits: whoever has no patience is told to come again, and finds it further.
func TestADownloadOutlastsWhoWaits(t *testing.T) {
	g, w := inBucket(t, nil)
	g.Put("bucket", "data/a.parquet", []byte("abc"))
	w.in.patience.fetch = 20 * time.Millisecond
	release := make(chan struct{})
	g.Break(objecttest.Fault{Op: objecttest.Read, Until: release})
	src := w.in.For("acme")
	for range 2 {
		if _, err := src.Inventory(t.Context(), "a.parquet"); !retryable(err) || !strings.Contains(err.Error(), "still being fetched") {
			t.Errorf("%v", err)
		}
	}
	close(release)
	w.in.patience.fetch = 10 * time.Second
	if pins, err := src.Inventory(t.Context(), "a.parquet"); err != nil || pins[0].SHA256 != digest("abc") || g.Count(objecttest.Read) != 1 {
		t.Errorf("%v, %v after %d downloads", pins, err, g.Count(objecttest.Read))
	}
	g.Break(objecttest.Fault{Op: objecttest.Read, Until: make(chan struct{})})
	g.Put("bucket", "data/b.parquet", []byte("abc"))
	w.in.patience.fetch = time.Millisecond
	if _, err := src.Inventory(t.Context(), "b.parquet"); !retryable(err) {
		t.Errorf("%v", err)
	}
	w.in.Close() // ends the one under way
	if _, err := src.Inventory(t.Context(), "b.parquet"); err == nil {
		t.Error("something was fetched after the end")
	}
}

// TestHostileNamesReachNoOtherObject: of the bucket beside the root, of other buckets and of the disk.
func TestHostileNamesReachNoOtherObject(t *testing.T) {
	g, w := inBucket(t, nil)
	for _, name := range []string{"canary.yaml", "data", "datax/canary.yaml", "data2/ok.yaml", "etc/passwd"} {
		g.Put("bucket", name, []byte(secret))
	}
	g.Put("other", "data/canary.yaml", []byte(secret))
	g.Put("bucket", "data/ok.yaml", []byte("fine"))
	g.Put("bucket", "data/sub/ok.yaml", []byte("fine"))
	names := append(w.hostile(),
		"gs://bucket", "gs://bucket/", "gs://bucket/data", "gs://bucket/data/", "gs://bucket/data/.", "gs://bucket/data/..", "gs://bucket/data/../canary.yaml", "gs://bucket/data/../../other/data/canary.yaml",
		"gs://bucket/canary.yaml", "gs://bucket/*", "gs://bucket/dat?/canary.yaml", "gs://bucket/datax/canary.yaml", "gs://bucket/data*/canary.yaml", "gs://bucket/[d]atax/canary.yaml", "gs://bucket/{data,datax}/canary.yaml",
		"gs://other/data/canary.yaml", "gs://oth*/data/canary.yaml", "gs://*/data/canary.yaml", "gs://bucket/data/%2e%2e/canary.yaml", "gs://bucket/data/..%2fcanary.yaml", `gs://bucket/data/..\canary.yaml`,
		"gs://bucket//canary.yaml", "gs://bucket//data/../canary.yaml", "gs:///bucket/canary.yaml", "gs:/bucket/canary.yaml", "gs:bucket/canary.yaml", "gs://", "gs:", "gs://.", "gs://../bucket/canary.yaml", "GS://bucket/canary.yaml",
		"gs://bucket@other/data/canary.yaml", "gs://bucket:80/canary.yaml", "gs://other#bucket/data/ok.yaml", "gs://other?bucket/data/canary.yaml", "gs://bucket/data?/../canary.yaml", "gs://bucket/data/ok.yaml#1", "gs://bucket/data/ok.yaml\x00",
		"../canary.yaml", "../*.yaml", "../../other/data/canary.yaml", "data/canary.yaml", "*/../canary.yaml", "gs://BUCKET/data/ok.yaml", "storage.googleapis.com/other/data/canary.yaml", "https://storage.googleapis.com/other/data/canary.yaml")
	src := w.in.For("acme")
	for _, uri := range names {
		pins, err := src.Inventory(t.Context(), uri)
		for _, pin := range pins {
			if pin.SHA256 != digest("fine") || !strings.HasPrefix(pin.URI, "gs://bucket/data/") {
				t.Errorf("%q reached %s", uri, pin.URI)
			}
		}
		d, err2 := src.Campaigns(t.Context(), uri)
		if err2 == nil && d.Text != "fine" {
			t.Errorf("%q: campaigns from outside: %.40q", uri, d.Text)
		}
		for _, err := range []error{err, err2} {
			w.checkMessage(t, uri, err)
			if retryable(err) {
				t.Errorf("%q: %v", uri, err)
			}
		}
	}
	for _, r := range g.Requests() {
		if r.Bucket != "bucket" || !strings.HasPrefix(r.Name, "data/") {
			t.Errorf("the server was asked to %s %s/%s", r.Op, r.Bucket, r.Name)
		}
	}
}

// TestASlowUploadHoldsUpNobody, of its tenant or another, and the space that it is about to take is not given away.
func TestASlowUploadHoldsUpNobody(t *testing.T) {
	one := int64(len(campaigns))
	g, w := inBucket(t, func(o *Options) {
		o.Results, o.Scratch, o.MaxTenantBytes = "gs://bucket/data/results", t.TempDir(), 2*one
	})
	text := func(name string) string { return strings.ReplaceAll(campaigns, "c1", name) }
	begun, goOn := make(chan struct{}), make(chan struct{})
	g.Break(objecttest.Fault{Op: objecttest.Create, Name: "acme/" + digest(text("c2")), Do: func() { close(begun); <-goOn }})
	upload := func(tenant, text string) chan error {
		done := make(chan error, 1)
		go func() { _, err := w.in.Upload(t.Context(), tenant, strings.NewReader(text)); done <- err }()
		return done
	}
	slow := upload("acme", text("c2"))
	<-begun
	for _, c := range []struct {
		tenant, name string
		want         error
	}{{"other", "c2", nil}, {"acme", "c3", nil}, {"acme", "c4", ErrTenantFull}} {
		select {
		case err := <-upload(c.tenant, text(c.name)):
			if !errors.Is(err, c.want) {
				t.Errorf("%s of %s: %v, want %v", c.name, c.tenant, err, c.want)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s of %s waits for the slow one", c.name, c.tenant)
		}
	}
	close(goOn)
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

// TestUploadsInABucket: where results are in a bucket, uploads are too, each tenant's own, and no input root.
func TestUploadsInABucket(t *testing.T) {
	g, w := inBucket(t, func(o *Options) {
		o.Results, o.Scratch, o.MaxTenantBytes = "gs://bucket/data/results", t.TempDir(), 100
	})
	up, err := w.in.Upload(t.Context(), "acme", strings.NewReader(campaigns))
	if err != nil || up.SHA256 != digest(campaigns) || up.Kind != KindCampaigns {
		t.Fatalf("%+v, %v", up, err)
	}
	if again, err := w.in.Upload(t.Context(), "acme", strings.NewReader(campaigns)); err != nil || again != up {
		t.Errorf("again: %+v, %v", again, err)
	}
	if text, ok := g.Get("bucket", "data/results/_uploads/acme/"+up.SHA256); !ok || string(text) != campaigns {
		t.Errorf("the bucket holds %q", text)
	}
	uri := "upload:" + up.SHA256
	pins, err := w.in.For("acme").Inventory(t.Context(), uri)
	if err != nil || len(pins) != 1 || pins[0].URI != "gs://bucket/data/results/_uploads/acme/"+up.SHA256 || pins[0].SHA256 != up.SHA256 || !w.in.uploaded(pins) {
		t.Errorf("%+v, %v", pins, err)
	}
	if d, err := w.in.For("acme").Campaigns(t.Context(), uri); err != nil || d.Text != campaigns {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := w.in.For("other").Inventory(t.Context(), uri); err == nil || !strings.Contains(err.Error(), "there is no upload") {
		t.Errorf("another tenant's: %v", err)
	}
	for _, uri := range []string{"results/_uploads/acme/" + up.SHA256, "results/*/*/*", "gs://bucket/data/results/_uploads/acme/" + up.SHA256, "*/_uploads/acme/*"} {
		if pins, err := w.in.For("other").Inventory(t.Context(), uri); err == nil {
			t.Errorf("%s reached %v", uri, pins)
		}
		if _, err := w.in.For("other").Campaigns(t.Context(), uri); err == nil {
			t.Errorf("%s was read as campaigns", uri)
		}
	}
	if _, err := w.in.Upload(t.Context(), "acme", strings.NewReader(campaigns+campaigns+"# more\n")); err == nil {
		t.Error("campaigns with one id twice were taken")
	}
	if _, err := w.in.Upload(t.Context(), "acme", strings.NewReader(strings.ReplaceAll(campaigns, "c1", strings.Repeat("c", 90)))); !errors.Is(err, ErrTenantFull) {
		t.Errorf("more than a tenant may have: %v", err)
	}
	if got := g.Names("bucket"); len(got) != 1 {
		t.Errorf("the bucket holds %v", got)
	}
}
