package inventory

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory/logs"
)

// fuzzImport imports whatever bytes as a log of a format: no panic, a summary that adds up, and what was kept loads.
func fuzzImport(f *testing.F, format, mapText string, seeds ...string) {
	f.Helper()
	for _, path := range seeds {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			f.Add(line)
		}
		f.Add(data)
	}
	var text []byte
	if mapText != "" {
		text = []byte(mapText)
	}
	mapping, err := logs.NewMap(format, "map.yaml", text, logs.Options{Currency: "CNY"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) { importBytes(t, mapping, format, data) })
}

// importBytes is Import without the files, whose syncing would be most of the time.
func importBytes(t *testing.T, mapping *logs.Map, format string, data []byte) {
	im := importer{mapping: mapping, options: ImportOptions{Out: filepath.Join(t.TempDir(), "out.parquet")}, reasons: map[string]*RejectReason{}}
	take := func(r *logs.Record) error { return im.record("-", r) }
	var err error
	if format == "csv" || format == "ipinyou" {
		err = mapping.CSV(bytes.NewReader(data), take)
	} else {
		err = logs.JSONLines(bytes.NewReader(data), take)
	}
	if abort := im.rejects.abort(); abort != nil {
		t.Error(abort)
	}
	im.summarise()
	s := im.summary
	if s.Read != s.Kept+s.Duplicates+s.Rejected || s.Kept != int64(len(im.builder.times)) {
		t.Errorf("%+v doesn't add up", s)
	}
	if err != nil || s.Kept == 0 {
		return
	}
	var slots []model.Slot
	for i := range im.builder.times {
		slots = append(slots, im.builder.slot(uint32(i)))
	}
	want, err := Build(slots, Options{})
	if err != nil {
		t.Fatalf("what was imported doesn't load: %v", err)
	}
	got, err := im.builder.finish(Options{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "snapshot", got, want, exported)
}

func FuzzImportOpenRTB(f *testing.F) {
	fuzzImport(f, "openrtb", "columns: {time: {from: [ext.timestamp, {value: 0}], unit: ms}, floor_cpm: '@.bidfloor'}", "testdata/rtb4free.jsonl", "testdata/prebid.jsonl")
}

func FuzzImportIPinYou(f *testing.F) { fuzzImport(f, "ipinyou", "", "testdata/ipinyou.tsv") }

func FuzzImportJSONL(f *testing.F) {
	f.Add([]byte(threeLines))
	fuzzImport(f, "jsonl", "", "testdata/rtbkit.jsonl")
}

func FuzzImportCSV(f *testing.F) {
	f.Add([]byte("slot_id,time,x\na,2026-07-01T00:00:00Z,\"q\n\"\"\"\nb,2026-07-01T00:00:00Z,y\n"))
	fuzzImport(f, "csv", "")
}

// FuzzMap compiles whatever text as a map; what compiles is applied to a record.
func FuzzMap(f *testing.F) {
	for _, name := range []string{"rtbkit", "rtb4free", "prebid", "ipinyou"} {
		data, err := os.ReadFile(examples + name + "/map.yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data), "openrtb")
		f.Add(string(data), "jsonl")
	}
	record, err := os.ReadFile("testdata/rtb4free.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text, format string) {
		m, err := logs.NewMap(format, "map.yaml", []byte(text), logs.Options{})
		if err != nil {
			if !strings.Contains(err.Error(), ".yaml") && !strings.Contains(err.Error(), "format") {
				t.Errorf("an error that doesn't say where: %v", err)
			}
			return
		}
		err = logs.JSONLines(bytes.NewReader(record), func(r *logs.Record) error {
			im := importer{mapping: m, options: ImportOptions{Out: filepath.Join(t.TempDir(), "out.parquet")}, reasons: map[string]*RejectReason{}}
			err := im.record("x", r)
			if abort := im.rejects.abort(); abort != nil {
				t.Error(abort)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// FuzzLoadParquet loads whatever bytes: no panic, bounded memory.
func FuzzLoadParquet(f *testing.F) {
	for _, data := range victims(f) {
		f.Add(data)
	}
	f.Add(craft{rows: 1, id: page(f, dataPage(1, 0), one, 5)}.file(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err, allocated := loadBytes(t, data); allocated > maxHostileAlloc+uint64(64*len(data)) {
			t.Errorf("%d MB allocated (%v)", allocated>>20, err)
		}
	})
}
