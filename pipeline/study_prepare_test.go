package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

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
	for _, uri := range []string{"s3://bucket/slots.parquet", "upload:abc"} {
		config := writeStudy(t, bids(1), "")
		text, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		writeText(t, config, strings.Replace(string(text), "inventory: slots.parquet", "inventory: "+uri, 1))
		_, err = Prepare(t.Context(), config)
		if err == nil || !strings.Contains(err.Error(), "local files and gs:// only") || !strings.Contains(err.Error(), uri) {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

// TestPrepareEstimatesAndPins a study of 400 slots, three campaigns and six variants.
func TestPrepareEstimatesAndPins(t *testing.T) {
	config := writeStudy(t, bids(5), "")
	study, err := Prepare(t.Context(), config, Measure)
	if err != nil {
		t.Fatal(err)
	}
	e := study.Estimate
	if e.Slots != studySize || e.Campaigns != 3 || e.Decisions != 6*studySize || e.DecisionsPerSecond == assumedPace || e.Duration <= 0 || e.StateBytes <= 0 || e.MemoryBytes <= e.StateBytes {
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

// TestWhatIsNotMeasuredIsAssumed: whoever doesn't ask gets sizes only, and a baseline that panics or
// needs more than half of the free memory is no reason to fall over.
func TestWhatIsNotMeasuredIsAssumed(t *testing.T) {
	study, err := Prepare(t.Context(), writeStudy(t, bids(2), ""))
	if err != nil {
		t.Fatal(err)
	}
	if e := study.Estimate; e.Slots != studySize || e.Decisions != 3*studySize || e.DecisionsPerSecond != 0 || e.StateBytes != 0 {
		t.Errorf("not asked: %+v", e)
	}
	for name, machine := range map[string]estimated{
		"the state panics":      {state: func() int64 { panic("no state") }},
		"simulating panics":     {state: func() int64 { return 500 }, panics: true},
		"more than half of all": {state: func() int64 { return 501 }},
	} {
		e := study.Estimate
		if err := e.foretell(t.Context(), study.Config, study.Variants, machine, 0, 1000); err != nil || e.DecisionsPerSecond != assumedPace || e.Duration <= 0 {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	e := study.Estimate
	half := estimated{state: func() int64 { return 500 }}
	if err := e.foretell(t.Context(), study.Config, study.Variants, half, 0, 1000); err != nil || e.DecisionsPerSecond == assumedPace || e.StateBytes != 500 {
		t.Errorf("half of all: %+v, %v", e, err)
	}
}

// estimated is a simulator with a state and a temper to choose.
type estimated struct {
	state  func() int64
	panics bool
}

func (e estimated) StateBytes(*model.Scenario) int64 { return e.state() }
func (e estimated) Simulate(context.Context, *model.Scenario) (*model.Metrics, error) {
	if e.panics {
		panic("a slot too many")
	}
	return &model.Metrics{Slots: 1}, nil
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

// TestTailCutsNoCharacter where it cuts, and nothing at all of what fits.
func TestTailCutsNoCharacter(t *testing.T) {
	for _, n := range []int{1500, 2500} { // 4,500 and 7,500 bytes, of which 6,144 fit
		tail := &tail{}
		tail.note(strings.Repeat("\u20ac", n))
		s := tail.String()
		if !utf8.ValidString(s) || (n == 1500) != (s == strings.Repeat("\u20ac", n)+"\n") {
			t.Errorf("%d characters: %d bytes, valid: %v", n, len(s), utf8.ValidString(s))
		}
	}
}

// TestPrepareLetsGoOfTheSnapshot: its 50,000 slots take 4 MB and more with the engine's index, which
// the job's process will need.
func TestPrepareLetsGoOfTheSnapshot(t *testing.T) {
	config := writeStudy(t, bids(1), "")
	writeSnapshot(t, filepath.Join(filepath.Dir(config), "slots.parquet"), 50_000)
	prepare := func() *Study {
		study, err := Prepare(t.Context(), config, Measure)
		if err != nil {
			t.Fatal(err)
		}
		return study
	}
	prepare() // what libraries keep for good is there then
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	study := prepare()
	runtime.ReadMemStats(&after)
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 1<<20 || study.Estimate.MemoryBytes < 2<<20 {
		t.Errorf("%d bytes are held after a study of %d", held, study.Estimate.MemoryBytes)
	}
}

// TestNamesThatLookLikePatterns: a folder and a file may be called as they like.
func TestNamesThatLookLikePatterns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "q3 [draft]*")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.parquet", "[ab].parquet"} {
		writeText(t, filepath.Join(dir, name), "")
	}
	for inventory, want := range map[string]string{"a.parquet": "a.parquet", "?.parquet": "a.parquet", "[ab].parquet": "[ab].parquet", "[abc].parquet": "a.parquet"} {
		src := &ownFiles{folder: dir}
		pattern, err := src.locate(inventory)
		if err != nil {
			t.Fatal(err)
		}
		if files, err := src.find(pattern); err != nil || len(files) != 1 || files[0] != filepath.Join(dir, want) {
			t.Errorf("%s is %q, %v", inventory, files, err)
		}
	}
}
