package synthetic_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/model/inventory/synthetic"
)

// digests lists the files of a folder with their sha256.
func digests(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%s %x\n", e.Name(), sha256.Sum256([]byte(read(t, filepath.Join(dir, e.Name())))))
	}
	return b.String()
}

// The same arguments give the same bytes, and every argument matters.
func TestSameArgumentsSameBytes(t *testing.T) {
	t.Parallel()
	base := synthetic.Options{Slots: 5_000, Campaigns: 20, Users: 1_500, Days: 3, Seed: 7, Fill: 0.8}
	make := func(change func(*synthetic.Options)) string {
		o := base
		o.Dir = filepath.Join(t.TempDir(), "study")
		change(&o)
		if _, err := synthetic.Generate(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		return digests(t, o.Dir)
	}
	same := func(*synthetic.Options) {}
	first := make(same)
	if n := strings.Count(first, "\n"); n != 4 {
		t.Fatalf("want four files, got\n%s", first)
	}
	if second := make(same); second != first {
		t.Errorf("two runs differ:\n%s\n%s", first, second)
	}
	for name, change := range map[string]func(*synthetic.Options){
		"slots":     func(o *synthetic.Options) { o.Slots++ },
		"campaigns": func(o *synthetic.Options) { o.Campaigns++ },
		"users":     func(o *synthetic.Options) { o.Users++ },
		"days":      func(o *synthetic.Options) { o.Days++ },
		"seed":      func(o *synthetic.Options) { o.Seed++ },
		"fill":      func(o *synthetic.Options) { o.Fill = 0.7 },
	} {
		if make(change) == first {
			t.Errorf("another %s gives the same files", name)
		}
	}
}
