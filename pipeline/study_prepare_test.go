package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/model"
)

// TestPrepareTellsEveryMistakeOfEveryFile: one in the configuration's own text, one in the campaigns
// file it names, and an inventory that is not there, in one go.
func TestPrepareTellsEveryMistakeOfEveryFile(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "study.yaml")
	writeText(t, config, "name: x\ninventory: none-*.parquet\ncampaigns: campaigns.yaml\n")
	writeText(t, filepath.Join(dir, "campaigns.yaml"), "- {id: a, bid_cpm: 1, gaol: 3}\n")
	_, err := Prepare(t.Context(), config)
	problems, ok := errors.AsType[model.Problems](err)
	if !ok || len(problems) != 2 {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"goal", "none-*.parquet"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %s named", err, want)
		}
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestAddressesOfOtherPlacesAreRefusedClearly(t *testing.T) {
	for _, uri := range []string{"gs://bucket/slots.parquet", "upload:abc"} {
		config := writeStudy(t, bids(1), "")
		text, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		writeText(t, config, strings.Replace(string(text), "inventory: slots.parquet", "inventory: "+uri, 1))
		_, err = Prepare(t.Context(), config)
		if err == nil || !strings.Contains(err.Error(), "local files only") || !strings.Contains(err.Error(), uri) {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

// TestPrepareEstimatesAndPins a study of 400 slots, three campaigns and six variants.
func TestPrepareEstimatesAndPins(t *testing.T) {
	config := writeStudy(t, bids(5), "")
	study, err := Prepare(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	e := study.Estimate
	if e.Slots != studySize || e.Campaigns != 3 || e.Decisions != 6*studySize || !e.Measured || e.Duration <= 0 || e.StateBytes <= 0 || e.MemoryBytes <= e.StateBytes {
		t.Errorf("%+v", e)
	}
	slots := filepath.Join(filepath.Dir(config), "slots.parquet")
	info, err := os.Stat(slots)
	if err != nil {
		t.Fatal(err)
	}
	if len(study.Pinned) != 1 || study.Pinned[0].URI != slots || study.Pinned[0].Size != info.Size() ||
		int64(study.Pinned[0].Modified) != info.ModTime().UnixMicro() || len(study.Pinned[0].SHA256) != 64 {
		t.Errorf("%+v", study.Pinned)
	}
}

// TestControlGroups reads the folders of a process's group and those above it.
func TestControlGroups(t *testing.T) {
	membership := filepath.Join(t.TempDir(), "cgroup")
	writeText(t, membership, "12:cpu:/legacy\n0::/user/job\n")
	got := controlGroups(membership, "/sys/fs/cgroup")
	want := []string{"/sys/fs/cgroup/user/job", "/sys/fs/cgroup/user", "/sys/fs/cgroup"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%v, want %v", got, want)
	}
	limit := filepath.Join(t.TempDir(), "memory.max")
	writeText(t, limit, "1073741824\n")
	if n, ok := numberIn(limit); !ok || n != 1<<30 {
		t.Errorf("%d %v", n, ok)
	}
	writeText(t, limit, "max\n")
	if _, ok := numberIn(limit); ok {
		t.Error("no limit was read as one")
	}
}

// TestTailKeepsBothEnds of what a process said, within bounds.
func TestTailKeepsBothEnds(t *testing.T) {
	tail := &tail{}
	tail.note("first")
	for range 100 {
		tail.note(strings.Repeat("x", 1000))
	}
	tail.note("last")
	if s := tail.String(); !strings.HasPrefix(s, "first\n") || !strings.HasSuffix(s, "last\n") || len(s) > 2*maxTail+10 {
		t.Errorf("%d bytes: %.20q .. %q", len(s), s, s[len(s)-10:])
	}
}
