package inventory

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/whatif-machine/whatif/model"
)

// at is 2026-07-01T00:00:00Z plus micros; 20635 days after the epoch by `date -u -d 2026-07-01 +%s` / 86400.
func at(micros int64) model.Instant { return model.Instant(20635*86_400*1_000_000 + micros) }

// fiveSlots are out of order on purpose. Sorted by (time, id): b, c (same time), a, e, d.
func fiveSlots() []model.Slot {
	return []model.Slot{
		{ID: "a", Time: at(2), UserID: "u2", RequestID: "r1", FloorCPM: 500_000, Scalars: map[string]string{"country": "US"}},
		{ID: "c", Time: at(1), RequestID: "r1", FloorCPM: 0, Scalars: map[string]string{"country": "CA"}, Sets: map[string][]string{"segment": {"x", "a", "x"}}},
		{ID: "b", Time: at(1), UserID: "u1", Sets: map[string][]string{"segment": {"b"}}},
		{ID: "d", Time: at(9), UserID: "u2", FloorCPM: 250_000, Scalars: map[string]string{"country": "US"}, Sets: map[string][]string{"segment": {}}},
		{ID: "e", Time: at(3), UserID: "u1", FloorCPM: 500_000, Sets: map[string][]string{"segment": {"a", "x"}}},
	}
}

func TestBuildSortsAndCodes(t *testing.T) {
	s, err := Build(fiveSlots(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "times", s.Times(), []model.Instant{at(1), at(1), at(2), at(3), at(9)})
	var hashes []uint64
	for _, id := range []string{"b", "c", "a", "e", "d"} {
		hashes = append(hashes, xxhash.Sum64String(id))
	}
	equal(t, "slot hashes", s.SlotHashes(), hashes)
	equal(t, "users", s.Users(), []uint32{1, 0, 2, 1, 2})
	equal(t, "user hashes", s.UserHashes()[1:], []uint64{xxhash.Sum64String("u1"), xxhash.Sum64String("u2")})
	equal(t, "requests", s.Requests(), []uint32{0, 1, 1, 2, 3})
	equal(t, "request count", s.RequestCount(), 4)
	equal(t, "floors", s.FloorValues(), []model.CPM{0, 250_000, 500_000})
	equal(t, "floor codes", s.FloorCodes(), []uint32{0, 0, 2, 2, 1})

	country := s.Dimension("country")
	equal(t, "countries", country.Values(), []string{"CA", "US"})
	equal(t, "country codes", country.U8(), []uint8{0, 1, 2, 0, 2})
	equal(t, "country cardinality", country.Cardinality(), 3)
	segment := s.Dimension("segment")
	equal(t, "segments", segment.Values(), []string{"a", "b", "x"})
	equal(t, "segment sets", segment.Sets(), [][]uint32{{0, 2}, {1}})
	equal(t, "segment codes", segment.U8(), []uint8{2, 1, 0, 1, 0})

	var names []string
	for _, d := range s.Dimensions() {
		names = append(names, d.Name())
	}
	equal(t, "dimensions", names, []string{"country", "segment", "hour_of_day", "day_of_week", "day"})
	start, end := s.Horizon()
	equal(t, "horizon", []model.Instant{start, end}, []model.Instant{at(1), at(10)})
}

// TestBuildIgnoresOrder: the snapshot is a function of the set of slots.
func TestBuildIgnoresOrder(t *testing.T) {
	slots := fiveSlots()
	want, err := Build(slots, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range len(slots) {
		slots = append(slots[1:], slots[0])
		got, err := Build(slots, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, exported); diff != "" {
			t.Fatal(diff)
		}
	}
}

// TestDerivedAcrossClockChange: New York left summer time on 2026-11-01 at 06:00 UTC (02:00 EDT became 01:00 EST).
func TestDerivedAcrossClockChange(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	var slots []model.Slot
	for i, text := range []string{"2026-11-01T03:59:59Z", "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-02T05:00:00Z"} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		slots = append(slots, model.Slot{ID: string(rune('a' + i)), Time: model.Instant(at.UnixMicro())})
	}
	s, err := Build(slots, Options{Location: newYork})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "hours", texts(s, "hour_of_day"), "23 0 1 1 0")
	equal(t, "days", texts(s, "day"), "2026-10-31 2026-11-01 2026-11-01 2026-11-01 2026-11-02")
	equal(t, "weekdays", texts(s, "day_of_week"), "sat sun sun sun mon")
	equal(t, "hour values", s.Dimension("hour_of_day").Values(), []string{"0", "1", "23"})
}

// TestDerivedAgainstLibrary compares every hour of 80 years with the time package, in zones with odd rules.
func TestDerivedAgainstLibrary(t *testing.T) {
	for _, zone := range []string{"UTC", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		var times []model.Instant
		for i := range int64(20_000) {
			times = append(times, model.Instant((i-5_000)*35*3600*1_000_000-1))
		}
		dims := derive(times, location)
		for i, at := range times {
			want := time.UnixMicro(int64(at)).In(location)
			got := dims[0].Values()[dims[0].Code(i)-1] + " " + dims[1].Values()[dims[1].Code(i)-1] + " " + dims[2].Values()[dims[2].Code(i)-1]
			if w := want.Format("15") + " " + want.Format("Mon 2006-01-02"); !strings.EqualFold(strings.TrimPrefix(w, "0"), got) {
				t.Fatalf("%s, %d: %s, want %s", zone, at, got, w)
			}
		}
	}
}

func TestShift(t *testing.T) {
	s, err := Build([]model.Slot{{ID: "a", Time: at(5)}}, Options{ShiftDays: -1})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "shifted", s.Times()[0], at(5-86_400_000_000))
	equal(t, "day", texts(s, "day"), "2026-06-30")
}

func TestBuildRefuses(t *testing.T) {
	for want, slots := range map[string][]model.Slot{
		"has no slots":               {},
		"slot_id is empty":           {{}},
		`"a" is not unique`:          {{ID: "a", Time: 1}, {ID: "b"}, {ID: "a", Time: 7}},
		`"all": the name is`:         {{ID: "a", Scalars: map[string]string{"all": "x"}}},
		`"day": the name is`:         {{ID: "a", Sets: map[string][]string{"day": {"x"}}}},
		`"time": the name is`:        {{ID: "a", Scalars: map[string]string{"time": "x"}}},
		"scalar in one place":        {{ID: "a", Scalars: map[string]string{"x": "x"}}, {ID: "b", Sets: map[string][]string{"x": {"x"}}}},
		"negative":                   {{ID: "a", FloorCPM: -1}},
		"not UTF-8":                  {{ID: "a", Scalars: map[string]string{"x": "\xff"}}},
		"slot_id: text":              {{ID: "\xff"}},
		"outside of the years":       {{ID: "a", Time: maxInstant + 1}},
		"longer than the 65536":      {{ID: "a", UserID: strings.Repeat("u", 70_000)}},
		"has 4097 values, more than": {{ID: "a", Sets: map[string][]string{"x": numbered(4097)}}},
	} {
		if _, err := Build(slots, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := Build([]model.Slot{{ID: "a"}}, Options{ShiftDays: 3_900_000}); err == nil || !strings.Contains(err.Error(), "shifted by") {
		t.Errorf("far shift: %v", err)
	}
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strings.Repeat("x", i)
	}
	return out
}

// texts lists a scalar dimension's values in the order of the slots.
func texts(s *Snapshot, name string) string {
	d := s.Dimension(name)
	out := make([]string, s.Len())
	for i := range out {
		if c := d.Code(i); c > 0 {
			out[i] = d.Values()[c-1]
		}
	}
	return strings.Join(out, " ")
}

// exported lets cmp look into snapshots.
var exported = cmp.AllowUnexported(Snapshot{}, Dimension{})

func equal[T any](t *testing.T, what string, got, want T, o ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, o...); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestNarrowing: codes are of the narrowest width that holds them, however they were added, and stay with their values.
func TestNarrowing(t *testing.T) {
	for n, want := range map[int]int{255: 8, 256: 16, 65_535: 16, 65_536: 32} {
		names, all := numberedShort(n), make([]uint32, n)
		for i := range all {
			all[i] = uint32(i)
		}
		var one, many, room codes
		room.room = n
		for _, code := range all {
			one.add(code)
		}
		many.addAll(all)
		room.addAll(all[:n/2])
		room.addAll(all[n/2:])
		for _, column := range []*codes{&one, &many, &room} {
			d := coded("x", names, column)
			equal(t, "width", map[bool]int{d.u8 != nil: 8, d.u16 != nil: 16, d.u32 != nil: 32}[true], want)
			for i := range all {
				if d.Values()[d.Code(i)-1] != names[i] {
					t.Fatalf("%d values: slot %d has another value", n, i)
				}
			}
			if !slices.IsSorted(d.Values()) {
				t.Fatal("values are not sorted")
			}
		}
	}
}

func numberedShort(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26)) + string(rune('a'+i/17576))
	}
	return out
}

func TestCatalog(t *testing.T) {
	s, err := Build(fiveSlots(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "catalog", s.Catalog(), model.Catalog{
		Slots: 5, Start: at(1), End: at(10), MaxFloor: 500_000,
		Dimensions: map[string]model.DimensionInfo{
			"country": {Values: []string{"CA", "US"}}, "segment": {Multi: true, Values: []string{"a", "b", "x"}},
			"hour_of_day": {Values: []string{"0"}}, "day_of_week": {Values: []string{"wed"}}, "day": {Values: []string{"2026-07-01"}},
		},
	})
}
