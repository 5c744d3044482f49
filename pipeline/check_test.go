package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/transforms/results"
)

// TestAPlanIsTheSameWheneverItIsMade: from the inputs of a submission, with campaigns inline or in a file,
// comes the plan that Submit writes at once.
func TestAPlanIsTheSameWheneverItIsMade(t *testing.T) {
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "slots.parquet"), studySize)
	writeText(t, filepath.Join(dir, "book.yaml"), bookYAML(3))
	for _, campaigns := range []string{bookYAML(3), "campaigns: book.yaml\n"} {
		config := filepath.Join(dir, "study.yaml")
		writeText(t, config, strings.Replace(listYAML(4, campaigns), "upload:0123", "slots.parquet", 1))
		study, err := Prepare(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		store, err := results.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		want, err := Submit(t.Context(), store, study, noon, "20260701-aaaaaaaaaa")
		if err != nil {
			t.Fatal(err)
		}
		if len(want.Variants) != 4 || (want.Campaigns == nil) != strings.Contains(campaigns, "id:") {
			t.Fatalf("%d variants, campaigns %v", len(want.Variants), want.Campaigns)
		}
		in := study.Inputs()
		got, err := PlanOf(&in, "20260701-aaaaaaaaaa", "", noon)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("submitted - and made later +:\n%s", diff)
		}
		if got, err = PlanOf(&in, "20260701-aaaaaaaaaa", "acme", noon.Add(time.Second)); err != nil || got.Tenant != "acme" || got.SubmittedAt != want.SubmittedAt+1_000_000 {
			t.Errorf("%+v, %v", got, err)
		}
		in.EngineVersion = "0"
		if _, err = PlanOf(&in, "20260701-aaaaaaaaaa", "", noon); err == nil || !strings.Contains(err.Error(), "version 0 of the engine") {
			t.Errorf("another version: %v", err)
		}
	}
}

// TestCheckTakesASourcesWord for what is where: nothing is read but what it hands out.
func TestCheckTakesASourcesWord(t *testing.T) {
	src := memoryOf(3)
	study, err := Check(t.Context(), "sent.yaml", []byte(listYAML(5, "campaigns: upload:9\n")), src)
	if err != nil {
		t.Fatal(err)
	}
	e := study.Estimate
	if len(study.Variants) != 5 || e.Slots != 1_000_000 || e.Decisions != 5_000_000 || e.Campaigns != 3 || study.Config.Name != "bench" {
		t.Errorf("%d variants, %+v", len(study.Variants), e)
	}
	in := study.Inputs()
	if in.SnapshotSHA256 != inventory.SnapshotSHA256([]string{src.files[0].SHA256}) || in.Campaigns.Text != src.campaigns.Text || in.Config.Name != "sent.yaml" {
		t.Errorf("%+v", in)
	}
}

// refusing is a Source that has nothing.
type refusing struct{}

func (refusing) Campaigns(context.Context, string) (model.Document, error) {
	return model.Document{}, errors.New("no such book")
}
func (refusing) Inventory(context.Context, string) ([]model.PinnedInput, error) {
	return nil, several{errors.New("no first file"), fmt.Errorf("no %w", errors.New("second"))}
}
func (refusing) Catalog(context.Context, []model.PinnedInput, inventory.Options) (model.Catalog, error) {
	return model.Catalog{}, errors.New("no catalog")
}

// TestASourcesRefusalsAreToldWhereTheInputIsNamed, in the order of the document, all in one go.
func TestASourcesRefusalsAreToldWhereTheInputIsNamed(t *testing.T) {
	_, err := Check(t.Context(), "s.yaml", []byte("name: x\ninventory: a.parquet\ncampaigns: b.yaml\nseed: -1\n"), refusing{})
	want := "s.yaml:2:12: inventory: no first file\ns.yaml:2:12: inventory: no second\ns.yaml:3:12: campaigns: no such book\n" +
		"s.yaml:4:7: seed: must be a whole number of at least 0 (and below 2^63), found -1"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
}

// hurried is a Source without time for catalogs.
type hurried struct {
	*memory
	err error
}

func (h hurried) Catalog(context.Context, []model.PinnedInput, inventory.Options) (model.Catalog, error) {
	return model.Catalog{}, h.err
}

type busyError struct{ busy bool }

func (busyError) Error() string { return "reading others" }
func (b busyError) Busy() bool  { return b.busy }

// TestABusySourceIsNoMistakeOfTheConfiguration: its error comes back as it is, to be tried again.
func TestABusySourceIsNoMistakeOfTheConfiguration(t *testing.T) {
	for _, busy := range []bool{true, false} {
		_, err := Check(t.Context(), "s.yaml", []byte(listYAML(2, "campaigns: upload:9\n")), hurried{memoryOf(3), busyError{busy}})
		_, mistakes := errors.AsType[model.Problems](err)
		if err == nil || mistakes == busy || errors.Is(err, busyError{busy}) != busy {
			t.Errorf("busy %t: %v", busy, err)
		}
	}
	_, err := Check(t.Context(), "s.yaml", []byte(listYAML(2, "campaigns: upload:9\n")), hurried{memoryOf(3), model.NewFault(model.Storage, "503")})
	if f, ok := errors.AsType[*model.Fault](err); !ok || f.Message != "503" {
		t.Errorf("storage that can't be reached: %v", err)
	}
}

// TestWhatIsRememberedIsNotMixedUp: the same campaigns in another time zone, under another name or changed
// are others, and one study's campaigns never show in another's configuration.
func TestWhatIsRememberedIsNotMixedUp(t *testing.T) {
	text := "- {id: a, bid_cpm: 1, start: 2026-07-01T00:00:00}\n"
	config := "inventory: x\ncampaigns: y\ntimezone: %s\n"
	begin := func(zone, name, text string) *model.Campaign {
		src := memoryOf(0)
		src.campaigns = document(name, []byte(text))
		study, err := Check(t.Context(), "study.yaml", fmt.Appendf(nil, config, zone), src)
		if err != nil {
			t.Fatal(err)
		}
		return &study.Config.Campaigns[0]
	}
	utc := begin("UTC", "b.yaml", text)
	if again := begin("UTC", "b.yaml", text); again != utc {
		t.Error("the same campaigns are read again")
	}
	if there := begin("America/New_York", "b.yaml", text); *there.Start != *utc.Start+model.Instant(4*time.Hour/time.Microsecond) {
		t.Errorf("midnight in New York is %v, in UTC %v", there.Start, utc.Start)
	}
	if other := begin("UTC", "c.yaml", text); other.Pos.File != "c.yaml" {
		t.Errorf("%+v", other.Pos)
	}
	if other := begin("UTC", "b.yaml", strings.Replace(text, "id: a", "id: b", 1)); other.ID != "b" {
		t.Errorf("%+v", other)
	}
}

// TestTheCacheIsBounded by the texts it stands for; what was asked for last stays.
func TestTheCacheIsBounded(t *testing.T) {
	c := &cache[string, int]{bound: 10}
	c.keep("a", 1, 4)
	c.keep("b", 2, 4)
	c.keep("a", 1, 4) // is there
	if _, ok := c.find("a"); !ok {
		t.Fatal("a is gone")
	}
	c.keep("c", 3, 4) // b was asked for longest ago
	for key, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if _, ok := c.find(key); ok != want {
			t.Errorf("%s is there: %v", key, ok)
		}
	}
	c.keep("large", 4, 11)
	if _, ok := c.find("large"); ok || c.bytes != 0 || len(c.byKey) != 0 {
		t.Errorf("%d bytes, %d entries", c.bytes, len(c.byKey))
	}
}

// catalogCommand is the process that reads a catalog, of this test binary.
func catalogCommand() []string { return []string{os.Args[0], "read-catalog"} }

// TestACatalogOfAnotherProcess is what loading the snapshot here says, and so are its complaints.
func TestACatalogOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "slots.parquet"), filepath.Join(dir, "bad.parquet")
	writeSnapshot(t, good, studySize)
	writeText(t, bad, "PAR1 and no more")
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	o := inventory.Options{Location: zone, ShiftDays: 3}
	for _, file := range []string{good, bad} {
		pin, err := pinned(file)
		if err != nil {
			t.Fatal(err)
		}
		src := &ownFiles{}
		want, wrong := src.Catalog(t.Context(), []model.PinnedInput{pin}, o)
		got, err := ReadCatalog(t.Context(), catalogCommand(), []model.PinnedInput{pin}, o, CatalogBounds{})
		if (wrong != nil) != (file == bad) || fmt.Sprint(err) != fmt.Sprint(wrong) {
			t.Errorf("%s: %v, want %v", file, err, wrong)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: here - and there +:\n%s", file, diff)
		}
	}
}

// TestACatalogOfAnotherFileIsRefused: it has changed since it was pinned.
func TestACatalogOfAnotherFileIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "slots.parquet")
	writeSnapshot(t, file, studySize)
	pin, err := pinned(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*model.PinnedInput){
		"size": func(p *model.PinnedInput) { p.Size++ }, "time": func(p *model.PinnedInput) { p.Modified-- },
	} {
		other := pin
		change(&other)
		if _, err := ReadCatalog(t.Context(), catalogCommand(), []model.PinnedInput{other}, inventory.Options{}, CatalogBounds{}); err == nil || !strings.Contains(err.Error(), file+" is being written") {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// TestAProcessThatReadsACatalogIsHeldWithinBounds of time and of the length of what it says.
func TestAProcessThatReadsACatalogIsHeldWithinBounds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := ReadCatalog(ctx, []string{"/bin/sh", "-c", "sleep 60"}, nil, inventory.Options{}, CatalogBounds{}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("one that hangs: %v after %v", err, time.Since(began))
	}
	if _, err := ReadCatalog(t.Context(), []string{"/bin/sh", "-c", "exec cat /dev/zero"}, nil, inventory.Options{}, CatalogBounds{}); err == nil || !strings.Contains(err.Error(), "too many different values") {
		t.Errorf("one that never stops talking: %v", err)
	}
}

// TestASnapshotOfTooManyRowsIsNotDecoded: its footer says how many there are.
func TestASnapshotOfTooManyRowsIsNotDecoded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "slots.parquet")
	writeSnapshot(t, file, studySize)
	pin, err := pinned(file)
	if err != nil {
		t.Fatal(err)
	}
	read := func(rows int64) error {
		_, err := ReadCatalog(t.Context(), catalogCommand(), []model.PinnedInput{pin}, inventory.Options{}, CatalogBounds{Rows: rows})
		return err
	}
	slots := func() int64 {
		c, err := ReadCatalog(t.Context(), catalogCommand(), []model.PinnedInput{pin}, inventory.Options{}, CatalogBounds{})
		if err != nil {
			t.Fatal(err)
		}
		return c.Slots
	}()
	if err := read(slots); err != nil {
		t.Errorf("just as many as it may have: %v", err)
	}
	if err := read(slots - 1); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("has %d rows, more than the %d", slots, slots-1)) {
		t.Errorf("one row too many: %v", err)
	}
	// The pages are damaged, the footer is not: what is said is still about the rows.
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	clear(text[4:64])
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if pin, err = pinned(file); err != nil {
		t.Fatal(err)
	}
	if err := read(slots - 1); err == nil || !strings.Contains(err.Error(), "rows, more than") {
		t.Errorf("too many rows that nobody can decode: %v", err)
	}
}

// TestAProcessThatReadsACatalogHasTheMemoryItMay and no more: the request that it gets is echoed.
func TestAProcessThatReadsACatalogHasTheMemoryItMay(t *testing.T) {
	echo := []string{"/bin/sh", "-c", `read -r request; case "$request" in *'"memory_bytes":1048576'*) echo '{"error":"bounded"}';; *) echo '{"error":"free"}';; esac`}
	for want, most := range map[string]CatalogBounds{"bounded": {MemoryBytes: 1 << 20}, "free": {}} {
		if _, err := ReadCatalog(t.Context(), append(echo, want), nil, inventory.Options{}, most); fmt.Sprint(err) != want {
			t.Errorf("%+v: %v", most, err)
		}
	}
	_, err := ReadCatalog(t.Context(), []string{"/nowhere/at/all"}, nil, inventory.Options{}, CatalogBounds{})
	if err == nil || strings.Contains(err.Error(), "/") || !strings.Contains(err.Error(), "could not be started: no such file") {
		t.Errorf("a program that is not there: %v", err)
	}
}
