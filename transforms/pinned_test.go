package transforms

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// pinnedObjects puts objects into a bucket and pins them as they are, by a cache of their own.
func pinnedObjects(t *testing.T, g *objecttest.GCS, texts ...string) (pins []model.PinnedInput) {
	t.Helper()
	bucket, err := objects.Open(t.Context(), "gs://bucket")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		g.Put("bucket", text+".parquet", []byte(text))
		o, err := bucket.Stat(t.Context(), text+".parquet")
		if err != nil {
			t.Fatal(err)
		}
		pin, err := objects.NewCache(t.TempDir(), 0).Pin(t.Context(), bucket, o)
		if err != nil {
			t.Fatal(err)
		}
		pins = append(pins, pin)
	}
	return pins
}

// TestInputsAreBroughtHere: objects as files with their bytes, files as they are, in the order of the pins.
func TestInputsAreBroughtHere(t *testing.T) {
	g := objecttest.Server(t)
	pins := pinnedObjects(t, g, "one", "two")
	file := filepath.Join(t.TempDir(), "three")
	pins = append(pins, model.PinnedInput{URI: "file://" + file, Size: 5})
	local, err := Localize(t.Context(), objects.NewCache(t.TempDir(), 0), pins)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"one", "two"} {
		data, err := os.ReadFile(local.Paths[i])
		sum := sha256.Sum256([]byte(text))
		if here := local.Pins()[i]; err != nil || string(data) != text || here.URI != local.Paths[i] || here.Modified != 0 || here.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%q, %v, pinned here as %+v", data, err, here)
		}
	}
	if local.Paths[2] != file || local.Pins()[2] != pins[2] {
		t.Errorf("a file of this machine is %s, %+v", local.Paths[2], local.Pins()[2])
	}
	said := local.Rename(errors.New("reading " + local.Paths[1] + ": " + file + ": bad"))
	if want := "reading gs://bucket/two.parquet: " + file + ": bad"; said.Error() != want {
		t.Errorf("%q, want %q", said, want)
	}
	if err := local.Release(); err != nil {
		t.Error(err)
	}
}

// TestWhatInputsThatDoNotComeMean: one that changed is not tried again, trouble on the way is, and whoever
// gives up is told that.
func TestWhatInputsThatDoNotComeMean(t *testing.T) {
	g := objecttest.Server(t)
	pins := pinnedObjects(t, g, "here", "changed", "gone")
	g.Put("bucket", "changed.parquet", []byte("another"))
	if err := g.Remove("bucket", "gone.parquet"); err != nil {
		t.Fatal(err)
	}
	for _, pin := range pins[1:] {
		plan := &model.Plan{Inventory: []model.PinnedInput{pins[0], pin}}
		_, err := Localize(t.Context(), objects.NewCache(t.TempDir(), 0), plan.Inventory)
		for _, err := range []error{err, CheckInputs(t.Context(), plan)} {
			if f := model.FaultOf(err); err == nil || f.Reason != string(model.InputChanged) || f.Retryable || !strings.Contains(f.Message, pin.URI) {
				t.Errorf("%s: %v", pin.URI, err)
			}
		}
	}
	plan := &model.Plan{Inventory: pins[:1]}
	if err := CheckInputs(t.Context(), plan); err != nil {
		t.Error(err)
	}
	g.Break(objecttest.Fault{Status: 403, Times: objecttest.Always})
	_, err := Localize(t.Context(), objects.NewCache(t.TempDir(), 0), plan.Inventory)
	for _, err := range []error{err, CheckInputs(t.Context(), plan)} {
		if f := model.FaultOf(err); err == nil || f.Reason != string(model.Storage) || !f.Retryable {
			t.Errorf("without permission: %v", err)
		}
	}
	g.Heal()
	ctx, cancel := context.WithCancel(t.Context())
	g.Break(objecttest.Fault{Do: cancel, Until: make(chan struct{})})
	if _, err := Localize(ctx, objects.NewCache(t.TempDir(), 0), plan.Inventory); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	other := &model.Plan{Inventory: []model.PinnedInput{{URI: "s3://bucket/x", SHA256: pins[0].SHA256}}}
	if err := CheckInputs(t.Context(), other); model.FaultOf(err).Reason != string(model.InvalidInput) {
		t.Errorf("of another kind: %v", err)
	}
}
