package inventory

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/whatif-machine/whatif/model"
)

// plainSnapshot makes the stored parts of a snapshot slot by slot, with maps and comparisons, as the doc comments of
// Snapshot and Dimension have them.
func plainSnapshot(slots []model.Slot) *Snapshot {
	slots = slices.SortedFunc(slices.Values(slots), func(a, b model.Slot) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), strings.Compare(a.ID, b.ID))
	})
	s := &Snapshot{userHashes: []uint64{0}}
	floors, users, requests := map[model.CPM]bool{}, map[string]uint32{}, map[string]uint32{}
	for _, slot := range slots {
		floors[slot.FloorCPM] = true
	}
	s.floorValues = slices.Sorted(maps.Keys(floors))
	for _, slot := range slots {
		s.times, s.slotHashes = append(s.times, slot.Time), append(s.slotHashes, xxhash.Sum64String(slot.ID))
		if _, known := users[slot.UserID]; !known && slot.UserID != "" {
			users[slot.UserID] = uint32(len(s.userHashes))
			s.userHashes = append(s.userHashes, xxhash.Sum64String(slot.UserID))
		}
		s.users = append(s.users, users[slot.UserID])
		request, known := requests[slot.RequestID]
		if !known || slot.RequestID == "" {
			request = uint32(s.requestCount)
			requests[slot.RequestID] = request
			s.requestCount++
		}
		s.requests = append(s.requests, request)
		floor, _ := slices.BinarySearch(s.floorValues, slot.FloorCPM)
		s.floorCodes = append(s.floorCodes, uint32(floor))
	}
	for name, multi := range dimensionsOf(slots) {
		s.dimensions = append(s.dimensions, plainDimension(slots, name, multi))
	}
	slices.SortFunc(s.dimensions, func(a, b *Dimension) int { return strings.Compare(a.name, b.name) })
	return s
}

// dimensionsOf says which dimensions slots have, and which of them are multi-valued.
func dimensionsOf(slots []model.Slot) map[string]bool {
	multi := map[string]bool{}
	for _, slot := range slots {
		for name := range slot.Scalars {
			multi[name] = false
		}
		for name := range slot.Sets {
			multi[name] = true
		}
	}
	return multi
}

func plainDimension(slots []model.Slot, name string, multi bool) *Dimension {
	d := &Dimension{name: name, multi: multi, values: []string{}}
	var sets [][]string
	for _, slot := range slots {
		values := slices.Compact(slices.Sorted(slices.Values(slot.Sets[name])))
		if value, ok := slot.Scalars[name]; ok {
			values = []string{value}
		}
		sets = append(sets, values)
		d.values = append(d.values, values...)
	}
	d.values = slices.Compact(slices.Sorted(slices.Values(d.values)))
	var numbered [][]uint32
	for _, set := range sets {
		var numbers []uint32
		for _, value := range set {
			place, _ := slices.BinarySearch(d.values, value)
			numbers = append(numbers, uint32(place))
		}
		numbered = append(numbered, numbers)
	}
	distinct := slices.CompactFunc(slices.SortedFunc(slices.Values(numbered), slices.Compare), slices.Equal)
	if len(distinct) > 0 && len(distinct[0]) == 0 {
		distinct = distinct[1:]
	}
	if multi {
		d.sets = distinct
	}
	var all []uint32
	for _, numbers := range numbered {
		code := 0
		if len(numbers) > 0 {
			code, _ = slices.BinarySearchFunc(distinct, numbers, slices.Compare)
			code++
		}
		all = append(all, uint32(code))
	}
	d.store(all, len(distinct)+1)
	return d
}

// store gives a dimension its codes in the narrowest form.
func (d *Dimension) store(all []uint32, cardinality int) {
	switch {
	case cardinality <= math.MaxUint8+1:
		for _, code := range all {
			d.u8 = append(d.u8, uint8(code))
		}
	case cardinality <= math.MaxUint16+1:
		for _, code := range all {
			d.u16 = append(d.u16, uint16(code))
		}
	default:
		d.u32 = all
	}
}

// randomSlots are n slots in whichever order, with values drawn as the seed says: how many different ones, how often
// none, of how many times.
func randomSlots(seed uint64, n int) []model.Slot {
	r := rand.New(rand.NewPCG(seed, 10))
	missing, kinds, span := r.IntN(4), 1<<r.IntN(18), int64(1)<<r.IntN(45)
	word := func(prefix string) string { return fmt.Sprint(prefix, r.IntN(kinds)) }
	slots := make([]model.Slot, n)
	for i := range slots {
		s := &slots[i]
		s.ID, s.Time, s.FloorCPM = fmt.Sprintf("%x-%d", r.Uint32()>>20, i), at(r.Int64N(span)), model.CPM(r.IntN(kinds)*1000)
		if i > 0 && r.IntN(3) == 0 {
			s.Time = slots[i-1].Time
		}
		if r.IntN(4) >= missing {
			s.UserID = word("user-é")
		}
		if r.IntN(4) >= missing {
			s.RequestID = word("r")
		}
		s.Scalars, s.Sets = map[string]string{"always": word("")}, map[string][]string{}
		if r.IntN(4) >= missing {
			s.Scalars["sometimes"] = word("v")
		}
		for range r.IntN(5) - missing {
			s.Sets["tags"] = append(s.Sets["tags"], word("t"))
		}
	}
	return slots
}

// stored compares snapshots but for what is derived.
func stored(t *testing.T, what string, got, want *Snapshot) {
	t.Helper()
	got.byName = nil
	got.dimensions = slices.DeleteFunc(slices.Clone(got.dimensions), func(d *Dimension) bool { return reserved[d.name] })
	equal(t, what, got, want, exported)
}

// TestLoadIsPlain: random snapshots load as they are worked out slot by slot, from one file and from several with other
// columns each; and those of slots in memory are the same.
func TestLoadIsPlain(t *testing.T) {
	sizes := []int{1, 2, 100, 3000, 10_000}
	for seed := range uint64(rounds(100)) {
		slots := randomSlots(seed, sizes[seed%5])
		want := plainSnapshot(slots)
		var files []string
		for start, step := 0, 1+len(slots)/(1+int(seed%3)); start < len(slots); start += step {
			part := slots[start:min(start+step, len(slots))]
			var dims []Column
			for name, multi := range dimensionsOf(part) {
				dims = append(dims, Column{Name: name, Multi: multi})
			}
			files = append(files, write(t, part, dims...))
		}
		got, err := Load(t.Context(), files, Options{})
		if err != nil {
			t.Fatal(err)
		}
		stored(t, fmt.Sprint("loaded, seed ", seed), got, want)
		built, err := Build(slots, Options{})
		if err != nil {
			t.Fatal(err)
		}
		stored(t, fmt.Sprint("built, seed ", seed), built, want)
		if t.Failed() {
			return
		}
	}
}

// TestLoadFixturesIsPlain: so do the files that DuckDB wrote, whose pages are coded in other ways.
func TestLoadFixturesIsPlain(t *testing.T) {
	for _, name := range []string{"types", "v2", "gzip", "lz4", "brotli", "plain", "groups"} {
		path := "testdata/duckdb_" + name + ".parquet"
		got, err := Load(t.Context(), []string{path, write(t, []model.Slot{{ID: "another", Time: at(-1), Scalars: map[string]string{"country": "CA"}}}, Column{Name: "country"})}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		stored(t, name, got, plainSnapshot(append(readAll(t, path), model.Slot{ID: "another", Time: at(-1), Scalars: map[string]string{"country": "CA"}})))
	}
}

// looseRow is a row with what Writer would refuse.
type looseRow struct {
	ID      string   `parquet:"slot_id"`
	Time    int64    `parquet:"time,timestamp(microsecond)"`
	User    *string  `parquet:"user_id,dict"`
	Request *string  `parquet:"request_id"`
	Floor   int64    `parquet:"floor_cpm,dict"`
	Country *string  `parquet:"country,dict"`
	Tags    []string `parquet:"tags,list,dict"`
}

// TestLoadNamesTheRow: the error of a value is that of the first row which has it, whether pages are dictionary-coded or
// not, behind rows without values and behind others that are fine.
func TestLoadNamesTheRow(t *testing.T) {
	good, bad, long := "good", "\xff", strings.Repeat("x", maxText+1)
	for want, spoil := range map[string]func(rows []looseRow){
		`row 300: column "user_id": text "\xff" is not UTF-8`:                       func(rows []looseRow) { rows[299].User, rows[301].User = &bad, &long },
		`row 301: column "request_id": a text of 65537 bytes is longer`:             func(rows []looseRow) { rows[300].Request, rows[301].Request = &long, &bad },
		`row 2: column "floor_cpm": floor_cpm -1 is negative`:                       func(rows []looseRow) { rows[1].Floor, rows[9].Floor = -1, -2 },
		`row 400: column "country": dimension "country": text "\xff" is not UTF-8`:  func(rows []looseRow) { rows[399].Country = &bad },
		`row 7: column "tags": dimension "tags": text "\xff" is not UTF-8`:          func(rows []looseRow) { rows[6].Tags, rows[8].Tags = []string{"a", "b", bad}, []string{long} },
		`row 8: column "tags": dimension "tags": a slot has 4097 values, more than`: func(rows []looseRow) { rows[7].Tags, rows[9].Tags = numbered(4097), []string{bad} },
		`row 512: column "slot_id": slot_id is empty`:                               func(rows []looseRow) { rows[511].ID, rows[512].ID = "", bad },
		`row 500: column "slot_id": slot_id: text "\xff" is not UTF-8`:              func(rows []looseRow) { rows[499].ID, rows[500].ID = bad, "" },
		`row 130: slot_id "id-4" is not unique: it is also in `:                     func(rows []looseRow) { rows[129].ID, rows[130].ID = "id-4", bad },
		`row 3: column "time": time is outside of the years 1 to 9999`:              func(rows []looseRow) { rows[2].Time = math.MaxInt64 },
	} {
		rows := make([]looseRow, 600)
		for i := range rows {
			rows[i] = looseRow{ID: fmt.Sprint("id-", i), Time: int64(i)}
			if i%3 == 0 {
				rows[i].User, rows[i].Request, rows[i].Country, rows[i].Tags = &good, &good, &good, []string{"a", "a"}
			}
		}
		spoil(rows)
		path := filepath.Join(t.TempDir(), "loose.parquet")
		var out bytes.Buffer
		if err := parquet.Write(&out, rows); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(t.Context(), []string{path}, Options{}); err == nil || !strings.HasPrefix(err.Error(), path+": "+want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// TestUnusedEntriesLeaveNoTrace: what stands in a dictionary and in no row is no value, and may be anything.
func TestUnusedEntriesLeaveNoTrace(t *testing.T) {
	ids := page(t, dataPage(2, format.Plain), append(append([]byte{}, one...), 1, 0, 0, 0, 'b'), 10)
	entries := []byte{1, 0, 0, 0, 'u', 1, 0, 0, 0, 0xff, 1, 0, 0, 0, 'v'}
	values := append(page(t, dictionaryPage(3), entries, int32(len(entries))), page(t, dataPage(2, format.RLEDictionary), []byte{2, 4, 2}, 3)...)
	file := craft{rows: 2, id: append(bytes.Clone(ids), values...), edit: func(m *format.FileMetaData) {
		m.Schema[0].NumChildren = present(int32(3))
		m.Schema = append(m.Schema, format.SchemaElement{Name: "x", Type: present(format.ByteArray), RepetitionType: present(format.Required)})
		group := &m.RowGroups[0]
		group.Columns[0].MetaData.TotalCompressedSize = int64(len(ids))
		group.Columns = append(group.Columns, format.ColumnChunk{MetaData: format.ColumnMetaData{
			Type: format.ByteArray, NumValues: 2, DictionaryPageOffset: int64(4 + len(ids)), DataPageOffset: int64(4 + len(ids)), TotalCompressedSize: int64(len(values)), PathInSchema: []string{"x"},
		}})
	}}.file(t)
	path := filepath.Join(t.TempDir(), "unused.parquet")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Load(t.Context(), []string{path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "values", s.Dimension("x").Values(), []string{"v"})
	equal(t, "codes", s.Dimension("x").U8(), []uint8{1, 1})
}
