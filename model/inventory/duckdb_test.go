package inventory

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// duckSlots are the rows of `slots` in testdata/fixtures.sql, worked out by hand: i from 0 to 4.
func duckSlots() []model.Slot {
	users := []string{"", "user-1", "user-2", "user-0", ""}
	floors := []model.CPM{0, 125_000, 250_000, 375_000, 500_000}
	countries := []string{"", "CA", "MX", "US", "CA"}
	dates := []string{"2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03"}
	segments := [][]string{nil, {"seg0"}, {"seg0", "seg1"}, nil, {"seg0"}}
	numbers := [][]string{{"0", "1", "0"}, nil, {"2", "3", "2"}, {"3", "4", "3"}, {"4", "5", "4"}}
	quarters := []string{"0", "0.25", "0.5", "0.75", "1"}
	tenths := []string{"0", "0.1", "0.2", "0.3", "0.4"}
	unsigned := []string{"18446744073709551615", "18446744073709551614", "18446744073709551613", "18446744073709551612", "18446744073709551611"}
	slots := make([]model.Slot, 5)
	for i := range slots {
		s := &slots[i]
		s.ID, s.UserID, s.FloorCPM = fmt.Sprintf("slot-%d", i), users[i], floors[i]
		s.RequestID = fmt.Sprintf("request-%d", i/2)
		s.Time = at(int64(i) * 90 * 60 * 1_000_000)
		s.Scalars = map[string]string{
			"whole": fmt.Sprint(i - 3), "unsigned": unsigned[i], "flag": fmt.Sprint(i%2 == 0), "quarter": quarters[i], "tenth": tenths[i],
			"price": quarters[i], "date": dates[i], "uuid": fmt.Sprintf("00000000-0000-0000-0000-00000000000%d", i),
		}
		if countries[i] != "" {
			s.Scalars["country"] = countries[i]
		}
		s.Sets = map[string][]string{"segments": segments[i], "numbers": numbers[i]}
		for name, values := range s.Sets {
			if values == nil {
				delete(s.Sets, name)
			}
		}
		if len(s.Sets) == 0 {
			s.Sets = nil
		}
	}
	return slots
}

// TestReadsDuckDB: all types, in every compression and both page versions, dictionary-coded and plain.
func TestReadsDuckDB(t *testing.T) {
	want, err := Build(duckSlots(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"types", "v2", "gzip", "lz4", "brotli", "plain"} {
		path := "testdata/duckdb_" + name + ".parquet"
		equal(t, name, readAll(t, path), duckSlots())
		got, err := Load(t.Context(), []string{path}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, name, got, want, exported)
	}
}

// TestReadsDuckDBTimes: local times are read in the study's time zone, finer ones floored.
func TestReadsDuckDBTimes(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York") // on 2026-07-01: UTC-4
	if err != nil {
		t.Fatal(err)
	}
	const noon, four = 12 * 3600 * 1_000_000, 4 * 3600 * 1_000_000
	for name, want := range map[string]model.Instant{
		"local_us": at(noon + four + 123_456), "local_ms": at(noon + four + 123_000), "local_ns": at(noon + four + 123_456), "utc_us": at(noon + 123_456),
	} {
		s, err := Load(t.Context(), []string{"testdata/duckdb_" + name + ".parquet"}, Options{Location: newYork})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, name, s.Times()[0], want)
	}
	slot := readAll(t, "testdata/duckdb_utc_us.parquet")[0]
	equal(t, "a DOUBLE floor is its decimal text", slot.FloorCPM, 100_000)
	equal(t, "an integer user", slot.UserID, "7")
}

// TestReadsDuckDBGroups: three row groups; row i is known from the SQL.
func TestReadsDuckDBGroups(t *testing.T) {
	slots := readAll(t, "testdata/duckdb_groups.parquet")
	equal(t, "rows", len(slots), 6000)
	for i, s := range slots {
		tags := []string{fmt.Sprintf("t%d", i%11), fmt.Sprintf("t%d", i%13)}
		if s.ID != fmt.Sprintf("id-%d", i) || s.Time != at(int64(i)*1_000_000) || s.UserID != fmt.Sprintf("u%d", i*7919%1013) ||
			s.Scalars["site"] != fmt.Sprintf("s%d", i%37) || strings.Join(s.Sets["tags"], " ") != strings.Join(tags, " ") {
			t.Fatalf("row %d: %+v", i, s)
		}
	}
	want, err := Build(slots, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Load(t.Context(), []string{"testdata/duckdb_groups.parquet"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "snapshot", got, want, exported)
}

func TestRefusesDuckDB(t *testing.T) {
	for name, want := range map[string]string{
		"struct": `"device" is a struct`, "map": `"labels" is a map`, "nested": `"nested" is a list of lists`,
		"number_time": "time is no TIMESTAMP", "null_id": "slot_id is missing",
	} {
		path := "testdata/duckdb_" + name + ".parquet"
		if _, err := Load(t.Context(), []string{path}, Options{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
