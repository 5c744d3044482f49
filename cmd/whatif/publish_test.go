package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/transforms/objects"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// TestWhatIsSentIsThereWholeOrNotAtAll: what was sent before one file failed is taken back, also when the command
// was interrupted, and what others have under a name stays.
func TestWhatIsSentIsThereWholeOrNotAtAll(t *testing.T) {
	folder := t.TempDir()
	for _, name := range studyFiles {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var said strings.Builder
	c := &console{out: &said, err: &said}
	for what, trouble := range map[string]func(*objecttest.GCS, context.CancelFunc) (left []string){
		"no permission": func(g *objecttest.GCS, _ context.CancelFunc) []string {
			g.Break(objecttest.Fault{Op: objecttest.Create, Name: "study.yaml", Status: 403})
			return nil
		},
		"another was faster": func(g *objecttest.GCS, _ context.CancelFunc) []string {
			g.Break(objecttest.Fault{Op: objecttest.Create, Name: "study.yaml", Rival: []byte("theirs")})
			return []string{"a/study.yaml"}
		},
		"interrupted": func(g *objecttest.GCS, cancel context.CancelFunc) []string {
			g.Break(objecttest.Fault{Op: objecttest.Create, Name: "study.yaml", Status: 503, Times: objecttest.Always, Do: cancel})
			return nil
		},
	} {
		g := objecttest.Server(t)
		bucket, err := objects.Open(t.Context(), "gs://bucket/a")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := trouble(g, cancel)
		if err := c.send(ctx, bucket, folder, studyFiles); err == nil {
			t.Errorf("%s: no error", what)
		}
		if got := g.Names("bucket"); !slices.Equal(got, left) {
			t.Errorf("%s: the bucket holds %v, want %v", what, got, left)
		}
		g.Heal()
		if left == nil {
			if err := c.send(t.Context(), bucket, folder, studyFiles); err != nil || len(g.Names("bucket")) != len(studyFiles) {
				t.Errorf("%s: once it is over: %v, %v", what, g.Names("bucket"), err)
			}
		}
		cancel()
	}
}
