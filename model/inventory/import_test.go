package inventory

import (
	"compress/gzip"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/shopspring/decimal"
	"github.com/ulikunitz/xz"

	"github.com/whatif-machine/whatif/model"
)

const examples = "../../docs/examples/"

// run imports and checks what must hold of every import; it returns the slots by id.
func run(t *testing.T, o ImportOptions) (ImportSummary, map[string]model.Slot, error) {
	t.Helper()
	if o.Out == "" {
		o.Out = filepath.Join(t.TempDir(), "out.parquet")
	}
	s, err := Import(t.Context(), o)
	if s.Read != s.Kept+s.Duplicates+s.Rejected {
		t.Errorf("%d read, %d kept, %d duplicates, %d rejected", s.Read, s.Kept, s.Duplicates, s.Rejected)
	}
	slots := map[string]model.Slot{}
	if err == nil {
		for _, slot := range readAll(t, o.Out) {
			slots[slot.ID] = slot
		}
		if int64(len(slots)) != s.Kept {
			t.Errorf("%d kept, %d in the file", s.Kept, len(slots))
		}
	} else if _, statErr := os.Stat(o.Out); !errors.Is(statErr, os.ErrNotExist) {
		t.Errorf("the import failed (%v), and yet there is a snapshot", err)
	}
	if rejected := readRejected(t, s); int64(len(rejected)) != s.Rejected {
		t.Errorf("%d rejected, %d in the file", s.Rejected, len(rejected))
	}
	return s, slots, err
}

// refused is the message of an import that must be the caller's mistake.
func refused(t *testing.T, o ImportOptions) string {
	t.Helper()
	_, err := Import(t.Context(), o)
	if err == nil {
		t.Fatalf("%+v is imported", o)
	}
	if f := model.FaultOf(err); f.Reason != string(model.InvalidInput) {
		t.Errorf("%v is no mistake of the caller", err)
	}
	return err.Error()
}

func readRejected(t *testing.T, s ImportSummary) []rejectedRow {
	t.Helper()
	if s.RejectedFile == "" {
		return nil
	}
	rows, err := parquet.ReadFile[rejectedRow](s.RejectedFile)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// must is run for imports that succeed.
func must(t *testing.T, o ImportOptions) (ImportSummary, map[string]model.Slot) {
	t.Helper()
	s, slots, err := run(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return s, slots
}

// text makes a file.
func text(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestImportRTBkit: fields of particular lines, read off the log by eye.
func TestImportRTBkit(t *testing.T) {
	s, slots := must(t, ImportOptions{Format: "jsonl", MapFile: examples + "rtbkit/map.yaml", Files: []string{"testdata/rtbkit.jsonl"}})
	equal(t, "read", s.Read, 4)
	equal(t, "line 1", slots["22451750-35b6-4001-15e8-a82bbc185161/1"], model.Slot{
		ID: "22451750-35b6-4001-15e8-a82bbc185161/1", RequestID: "22451750-35b6-4001-15e8-a82bbc185161",
		Time: 1_326_240_000_066_617, UserID: "CAESEJVMegBpczMZuvnCfitlMi4",
		Scalars: map[string]string{"exchange": "dblclk_adx", "country": "US", "region": "WI", "city": "Somerset", "metro": "613", "zip": "715",
			"language": "en", "url": "http://www.theeestory.com/home"},
		Sets: map[string][]string{"size": {"728x90"}, "vertical": {"12", "444", "742", "810"},
			"blocked_creative_attribute": {"22", "7"}, "blocked_sensitive_category": {"19", "24", "31", "5", "8"}},
	})
	equal(t, "line 13 has no user", slots["8f611750-35b6-4001-15e8-deffdb03484d/1"].UserID, "")
	equal(t, "line 2036 has three sizes", slots["ad164a50-35b6-4001-15e8-a82bbd186d05/1"].Sets["size"], []string{"200x200", "250x250", "300x250"})
	unidentified := 0
	for _, slot := range slots {
		if slot.UserID == "" {
			unidentified++
		}
	}
	equal(t, "unidentified: line 13, and line 21 with the placeholder", unidentified, 2)
}

func TestImportRTB4FREE(t *testing.T) {
	o := ImportOptions{Format: "openrtb", MapFile: examples + "rtb4free/map.yaml", Files: []string{"testdata/rtb4free.jsonl"}, MaxRejected: 0.4}
	s, slots := must(t, o)
	equal(t, "kept", s.Kept, 2)
	rejected := readRejected(t, s)
	equal(t, "the absurd floor's line", rejected[0].Line, 3)
	equal(t, "its reason", rejected[0].Reason, "floor_cpm: 1249995 is above the map's max of 1000")
	if !strings.HasPrefix(rejected[0].Raw, `{"imp":[{"banner":{"w":300,"h":250}`) {
		t.Errorf("its text: %.80s", rejected[0].Raw)
	}
	equal(t, "line 39", slots["583f51b8045c7ba62dd943e2d181/1"], model.Slot{
		ID: "583f51b8045c7ba62dd943e2d181/1", RequestID: "583f51b8045c7ba62dd943e2d181", Time: 1_480_544_699_302_000, FloorCPM: 19_000_000,
		Scalars: map[string]string{"app": "5080", "app_name": "Wattpad", "carrier": "0", "device_type": "mobile", "exchange": "adx", "inventory": "app",
			"language": "en", "make": "apple", "model": "iphone", "os": "iphone", "os_version": "10.0.2", "zip": "23188"},
		Sets: map[string][]string{"format": {"video"}, "size": {"375x667"}, "blocked_category": slices.Sorted(slices.Values(strings.Fields(
			"10454 10508 11669 12864 13314 19 4 23 10 31 5 8 24 18 70 34 30 28 27 95 26 48 25 20 17 16 15 14 13")))},
	})
	o.MaxRejected = 0.33
	if _, _, err := run(t, o); !errors.Is(err, ErrTooManyRejected) {
		t.Errorf("one of three rejected, 0.33 allowed: %v", err)
	}
}

func TestImportIPinYou(t *testing.T) {
	o := ImportOptions{Format: "ipinyou", Files: []string{"testdata/ipinyou.tsv"}, MaxRejected: 0.25, Rates: map[string]decimal.Decimal{"CNY": decimal.RequireFromString("0.16")}}
	s, slots := must(t, o)
	equal(t, "kept", s.Kept, 3)
	equal(t, "a second line of one bid id", readRejected(t, s)[0].Line, 4)
	first := slots["446f3f551cbbd86c8bcd6b805d28246"]
	// 2013-10-22 13:51:01.295 in Beijing is 05:51:01.295 UTC; 13 fen at 0.16 USD a yuan are 0.0208 USD.
	equal(t, "line 1", first, model.Slot{
		ID: "446f3f551cbbd86c8bcd6b805d28246", UserID: "DAILV_Dhx~z", FloorCPM: 20_800,
		Time: model.Instant(time.Date(2013, 10, 22, 5, 51, 1, 295_000_000, time.UTC).UnixMicro()),
		Scalars: map[string]string{"os": "windows", "os_browser": "windows_chrome", "region": "216", "city": "220", "exchange": "2",
			"domain": "ea12fe4912535f6787077d350a4ac9ee", "placement": "1925909506", "size": "200x200", "visibility": "FirstView"},
		Sets: map[string][]string{"segment": {"11423"}},
	})
	equal(t, "line 2", slots["288f23cd55945e416faeca31a3712674"].Sets["segment"],
		[]string{"10006", "10063", "10075", "10083", "10110", "10116", "10125", "13403"})

	o.Rates, o.Currency = nil, "CNY"
	_, slots = must(t, o)
	equal(t, "floor in yuan", slots["446f3f551cbbd86c8bcd6b805d28246"].FloorCPM, 130_000)
	o.MapFile = examples + "ipinyou/map.yaml"
	_, slots = must(t, o)
	equal(t, "a map's columns", slots["446f3f551cbbd86c8bcd6b805d28246"].Scalars["width"], "200")
	equal(t, "a dropped column", slots["446f3f551cbbd86c8bcd6b805d28246"].Scalars["size"], "")
	o.Currency = "USD"
	if _, _, err := run(t, o); err == nil || !strings.Contains(err.Error(), "--rate CNY") {
		t.Errorf("yuan without a rate: %v", err)
	}
}

func TestImportPrebid(t *testing.T) {
	o := ImportOptions{Format: "openrtb", MapFile: examples + "prebid/map.yaml", Files: []string{"testdata/prebid.jsonl"}, MaxRejected: 0.6}
	s, slots := must(t, o)
	var reasons []string
	for _, r := range readRejected(t, s) {
		reasons = append(reasons, r.Reason)
	}
	equal(t, "reasons", reasons, []string{
		"there is no element in imp",
		"floor_cpm: is in EUR, the study's currency is USD: give a rate (--rate EUR=..)",
		"format: is missing",
	})
	app := slots["adapters/adview/adviewtest/exemplary/banner-app-format.json#some-request-id#some-impression-id"]
	equal(t, "user", app.UserID, "awesome-user")
	equal(t, "time", app.Time, model.Instant(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC).UnixMicro()))
	equal(t, "scalars", app.Scalars, map[string]string{"app": "123456789", "bundle": "com.app.awesome", "domain": "awesomeapp.com", "inventory": "app",
		"language": "en", "publisher": "123456789", "suite": "adapter"})
	equal(t, "sets", app.Sets, map[string][]string{"category": {"IAB22-1"}, "format": {"banner"}, "size": {"320x50"}})

	o.Rates = map[string]decimal.Decimal{"EUR": decimal.RequireFromString("1.0825")}
	_, slots = must(t, o)
	equal(t, "converted", slots["adapters/adyoulike/adyouliketest/exemplary/currency-conversion.json#test-request-id#banner-imp-id"].FloorCPM, 1_082_500)
}

// TestImportWholeLogs imports the four logs whole where they are. The counts come from a few lines of Python over
// the same files: lines; imps plus requests without any; ids but the placeholder; distinct first elements of
// segments.adxVerticals; floors above 1000; repeated bid ids.
func TestImportWholeLogs(t *testing.T) {
	dir := realLogs()
	if dir == "" {
		t.Log("the whole logs are not there (WHATIF_DATA): only the excerpts are tested")
		dir = "testdata"
	}
	for _, c := range []struct {
		ImportOptions
		read, kept, users int64
	}{
		{ImportOptions{Format: "jsonl", MapFile: examples + "rtbkit/map.yaml", Files: []string{"rtbkit_20000_auctions.jsonl.xz"}}, 20_000, 20_000, 17_422},
		{ImportOptions{Format: "openrtb", MapFile: examples + "rtb4free/map.yaml", Files: []string{"rtb4free_adx_1000.jsonl.xz"}}, 1000, 999, 0},
		{ImportOptions{Format: "ipinyou", Currency: "CNY", Files: []string{"ipinyou_adv2259_1pct_train.tsv.xz"}}, 8355, 8354, 8341},
		{ImportOptions{Format: "openrtb", MapFile: examples + "prebid/map.yaml", Files: []string{"prebid_server_bidrequests.jsonl.xz"}}, 1760, 1730, -1},
	} {
		c.Files[0] = filepath.Join(dir, c.Files[0])
		if _, err := os.Stat(c.Files[0]); dir == "testdata" && errors.Is(err, os.ErrNotExist) {
			continue
		}
		c.MaxRejected, c.Out = 0.02, filepath.Join(t.TempDir(), "out.parquet")
		s, _ := must(t, c.ImportOptions)
		equal(t, c.Format+" read", s.Read, c.read)
		equal(t, c.Format+" kept", s.Kept, c.kept)
		snapshot, err := Load(t.Context(), []string{c.Out}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if users := int64(len(snapshot.UserHashes()) - 1); c.users >= 0 && users != c.users {
			t.Errorf("%s: %d users, want %d", c.Format, users, c.users)
		}
		if c.Format == "jsonl" {
			equal(t, "verticals", len(snapshot.Dimension("vertical").Values()), 1195)
		}
	}
}

// realLogs is the folder of the whole logs: WHATIF_DATA, else shared/data beside the repository; empty if there is none.
func realLogs() string {
	dir := os.Getenv("WHATIF_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

const threeLines = `{"slot_id":"a","time":"2026-07-01T12:00:00+02:00","user_id":"u","floor_cpm":1.5,"country":"US","tags":["y","x","y"],"n":7,"ok":true,"empty":"","none":null}
{"slot_id":"b","time":"2026-07-01 06:00:00","floor_cpm":"0.25","tags":"z"}

{"slot_id":"c","time":"2026-07-01T10:00:00.1234567Z","n":1.50}
`

func TestImportJSONLines(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	_, slots := must(t, ImportOptions{Format: "jsonl", Files: []string{text(t, threeLines)}, Location: newYork})
	ten := model.Instant(time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC).UnixMicro())
	equal(t, "slots", slots, map[string]model.Slot{
		"a": {ID: "a", Time: ten, UserID: "u", FloorCPM: 1_500_000, Scalars: map[string]string{"country": "US", "n": "7", "ok": "true"}, Sets: map[string][]string{"tags": {"x", "y"}}},
		"b": {ID: "b", Time: ten, FloorCPM: 250_000, Sets: map[string][]string{"tags": {"z"}}},
		"c": {ID: "c", Time: ten + 123_456, Scalars: map[string]string{"n": "1.5"}},
	})
}

func TestImportCSV(t *testing.T) {
	content := "\ufeffslot_id,time,country,note\r\na,2026-07-01T00:00:00Z,US,\"two\nlines, \"\"quoted\"\"\"\r\nb,2026-07-01T00:00:01Z,,\r\nc,2026-07-01T00:00:02Z\r\n"
	s, slots := must(t, ImportOptions{Format: "csv", Files: []string{text(t, content)}, MaxRejected: 0.5})
	equal(t, "a", slots["a"].Scalars, map[string]string{"country": "US", "note": "two\nlines, \"quoted\""})
	equal(t, "b", slots["b"].Scalars, nil)
	rejected := readRejected(t, s)[0]
	equal(t, "line", rejected.Line, 5)
	equal(t, "reason", rejected.Reason, "it has 2 fields, not 4")
	equal(t, "text", rejected.Raw, "c,2026-07-01T00:00:02Z")
}

// TestImportParquet: a snapshot that is imported is the same snapshot.
func TestImportParquet(t *testing.T) {
	slots := manySlots(500)
	path := write(t, slots, Column{Name: "country"}, Column{Name: "site"}, Column{Name: "segment", Multi: true})
	_, got := must(t, ImportOptions{Format: "parquet", Files: []string{path}})
	want := map[string]model.Slot{}
	for _, s := range readAll(t, path) {
		want[s.ID] = s
	}
	equal(t, "slots", got, want)
}

// TestImportRepeated: the same slot again is dropped, another one of the same id rejected, in whichever file.
func TestImportRepeated(t *testing.T) {
	one := text(t, `{"slot_id":"a","time":"2026-07-01T00:00:00Z","tags":["x","y"]}`+"\n"+`{"slot_id":"b","time":"2026-07-01T00:00:00Z"}`)
	two := text(t, `{"time":"2026-07-01T00:00:00.0000001Z","slot_id":"a","tags":["y","x"],"empty":[]}`+"\n"+`{"slot_id":"b","time":"2026-07-01T00:00:01Z"}`+"\n")
	s, slots := must(t, ImportOptions{Format: "jsonl", Files: []string{one, two}, MaxRejected: 0.25})
	equal(t, "read, kept, duplicates, rejected", []int64{s.Read, s.Kept, s.Duplicates, s.Rejected}, []int64{4, 2, 1, 1})
	equal(t, "the first stays", slots["b"].Time, at(0))
	rejected := readRejected(t, s)[0]
	equal(t, "rejected", rejected.File+rejected.Reason, two+`slot_id "b" is that of another slot, which differs from this one`)
}

// TestImportReasons: reasons of one kind are counted together and told by the first that occurred.
func TestImportReasons(t *testing.T) {
	const slot = `{"slot_id":"a%d","time":"2026-07-01T00:00:00Z","floor_cpm":%s}`
	var log strings.Builder
	for i, floor := range []string{"1", "-25", "-3", `"x"`, "-4"} {
		log.WriteString(strings.NewReplacer("%d", numberedID(i), "%s", floor).Replace(slot) + "\n")
	}
	path := text(t, log.String())
	s, _ := must(t, ImportOptions{Format: "jsonl", Files: []string{path}, MaxRejected: 1})
	equal(t, "reasons", s.Reasons, []RejectReason{
		{Reason: "floor_cpm: -25 is negative: floors are at least 0", File: path, Line: 2, Slots: 3},
		{Reason: `floor_cpm: "x" is no number`, File: path, Line: 4, Slots: 1},
	})
	equal(t, "text", s.Reasons[1].String(), `floor_cpm: "x" is no number (`+path+":4)")
}

// TestImportLacksColumns: a file that can't give a slot is refused whole, not row by row.
func TestImportLacksColumns(t *testing.T) {
	log := text(t, "id,ts\na,2026-07-01T00:00:00Z\n")
	for mapping, want := range map[string]string{
		"":                                   "there is no column slot_id, nor time; the columns are id, ts: name",
		"columns: {slot_id: id, time: when}": "there is no column when (for time); the columns are id, ts",
		"columns: {slot_id: {join: [id, n]}, time: {from: [when, ts]}}":        "there is no column n (for slot_id);",
		"columns: {slot_id: {from: [x, {join: [y, id]}]}, time: {value: now}}": "there is no column x (for slot_id);",
	} {
		o := ImportOptions{Format: "csv", Files: []string{log}, Out: filepath.Join(t.TempDir(), "out.parquet"), MaxRejected: 1}
		if mapping != "" {
			o.MapFile = text(t, mapping)
		}
		if message := refused(t, o); !strings.HasPrefix(message, log+": "+want) {
			t.Errorf("%s\n%s, want %s", mapping, message, want)
		}
	}
	own := text(t, "columns: {slot_id: id, time: {from: [when, ts]}}")
	s, _ := must(t, ImportOptions{Format: "csv", MapFile: own, Files: []string{log}})
	equal(t, "kept", s.Kept, 1)
	o := ImportOptions{Format: "parquet", MapFile: own, Files: []string{write(t, manySlots(3), Column{Name: "country"}, Column{Name: "site"}, Column{Name: "segment", Multi: true})}, Out: filepath.Join(t.TempDir(), "out.parquet")}
	if message := refused(t, o); !strings.Contains(message, "there is no column when (for time)") && !strings.Contains(message, "there is no column id (for slot_id)") {
		t.Error(message)
	}
}

// TestImportMistakes: what the caller got wrong is said as such.
func TestImportMistakes(t *testing.T) {
	log := text(t, threeLines)
	for want, o := range map[string]ImportOptions{
		"the highest share of rejected slots is NaN; it must be from 0 to 1": {MaxRejected: math.NaN()},
		"share of rejected slots is 1.01":                                    {MaxRejected: 1.01},
		"share of rejected slots is -1":                                      {MaxRejected: -1},
		"there is no map none.yaml":                                          {MapFile: "none.yaml"},
		`format "avro" is none of`:                                           {Format: "avro"},
		"a map has no key":                                                   {MapFile: text(t, "colums: {}")},
		"at least one file":                                                  {Files: []string{}},
	} {
		if o.Format == "" {
			o.Format = "jsonl"
		}
		if o.Files == nil {
			o.Files = []string{log}
		}
		o.Out = filepath.Join(t.TempDir(), "out.parquet")
		if message := refused(t, o); !strings.Contains(message, want) || strings.Contains(message, "invalid_input") {
			t.Errorf("%s, want %s", message, want)
		}
	}
}

func TestImportRejects(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	for line, want := range map[string]string{
		`{`:                             "no JSON",
		`{} {}`:                         "follows the document",
		`[1]`:                           "the record is no object",
		`{"time":"2026-07-01"}`:         "slot_id: is missing",
		`{"slot_id":"a"}`:               "time: is missing",
		`{"slot_id":"a","time":"noon"}`: `"noon" is no RFC 3339 time`,
		`{"slot_id":{},"time":"2026-07-01T00:00:00Z"}`:                     "is an object",
		`{"slot_id":"a","time":"2026-07-01T00:00:00Z","floor_cpm":-1}`:     "is negative",
		`{"slot_id":"a","time":"2026-07-01T00:00:00Z","floor_cpm":"x"}`:    "is no number",
		`{"slot_id":"a","time":"2026-07-01T00:00:00Z","floor_cpm":1e30}`:   "higher than",
		`{"slot_id":"a","time":"2026-07-01T00:00:00Z","floor_cpm":1e999}`:  "out of range",
		`{"slot_id":"a","time":"2026-07-01T00:00:00Z","day":"x"}`:          "reserved",
		`{"slot_id":"a","time":"2026-07-01T00:00:00Z","geo":{"x":1}}`:      "geo: is an object",
		`{"slot_id":"a","time":"2026-07-01T00:00:00Z","x":"` + long + `"}`: "longer than",
		"{\"slot_id\":\"\xff\"}": "not UTF-8",
	} {
		good := `{"slot_id":"good","time":"2026-07-01T00:00:00Z"}` + "\n"
		s, _ := must(t, ImportOptions{Format: "jsonl", Files: []string{text(t, good+line+"\n")}, MaxRejected: 0.5})
		if rejected := readRejected(t, s); len(rejected) != 1 || !strings.Contains(rejected[0].Reason, want) || rejected[0].Line != 2 {
			t.Errorf("%.60s: %v, want %q", line, rejected, want)
		}
	}
}

// TestImportUnpacks: gzip, xz and Zstandard are recognised by their first bytes, and standard input is read as "-".
func TestImportUnpacks(t *testing.T) {
	for name, pack := range map[string]func(io.Writer) (io.WriteCloser, error){
		"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
		"xz":   func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) },
		"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
	} {
		var packed strings.Builder
		w, err := pack(&packed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, threeLines); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		s, _ := must(t, ImportOptions{Format: "jsonl", Files: []string{text(t, packed.String())}})
		equal(t, name, s.Kept, 3)
		s, _ = must(t, ImportOptions{Format: "jsonl", Files: []string{"-"}, Stdin: strings.NewReader(packed.String())})
		equal(t, name+" from standard input", s.Kept, 3)
		if _, _, err := run(t, ImportOptions{Format: "jsonl", Files: []string{text(t, packed.String()[:packed.Len()-9])}}); err == nil {
			t.Errorf("%s: a truncated file is imported", name)
		} else if strings.Contains(err.Error(), "\n") || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	head := []byte("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x28\x00\x00\x00")
	_, _, err := run(t, ImportOptions{Format: "jsonl", Files: []string{text(t, string(head)+strings.Repeat("\x00", 64))}})
	if err == nil || !strings.Contains(err.Error(), "dictionary") {
		t.Errorf("an xz file that asks for 4 GB: %v", err)
	}
}

func TestImportProgress(t *testing.T) {
	path := text(t, threeLines)
	var done, total int64
	must(t, ImportOptions{Format: "jsonl", Files: []string{path, text(t, strings.ReplaceAll(threeLines, `_id":"`, `_id":"2`))}, Progress: func(d, n int64) { done, total = d, n }})
	equal(t, "total", total, int64(2*len(threeLines)+4))
	equal(t, "done", done, total)
}

// TestImportTwice: an import without rejected rows removes those of the one before.
func TestImportTwice(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.parquet")
	bad := text(t, threeLines+"{\n")
	s, _ := must(t, ImportOptions{Format: "jsonl", Files: []string{bad}, Out: out, MaxRejected: 1})
	equal(t, "rejected file", s.RejectedFile, out+".rejected.parquet")
	must(t, ImportOptions{Format: "jsonl", Files: []string{text(t, threeLines)}, Out: out})
	if _, err := os.Stat(out + ".rejected.parquet"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old rejected rows: %v", err)
	}
}

func BenchmarkImportOpenRTB(b *testing.B) {
	line, err := os.ReadFile("testdata/rtb4free.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	first := strings.SplitN(string(line), "\n", 2)[0]
	var log strings.Builder
	for i := range 10_000 {
		log.WriteString(strings.Replace(first, "583f51b8078450a7e7ee7eae764", "r"+numberedID(i), 1) + "\n")
	}
	o := ImportOptions{Format: "openrtb", MapFile: examples + "rtb4free/map.yaml", Files: []string{"-"}, Out: filepath.Join(b.TempDir(), "out.parquet")}
	b.SetBytes(int64(log.Len()))
	for b.Loop() {
		o.Stdin = strings.NewReader(log.String())
		if s, err := Import(b.Context(), o); err != nil || s.Kept != 10_000 {
			b.Fatal(s, err)
		}
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "slots/s")
}

func numberedID(i int) string { return decimal.NewFromInt(int64(i)).String() }
