package inventory

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// maxHostileAlloc is how much reading a hostile file of a few kilobytes may allocate, all allocations together.
const maxHostileAlloc = 200 << 20

// loadBytes loads a file of these bytes and returns the error and how much was allocated on the way. A panic fails the test.
func loadBytes(t testing.TB, data []byte) (err error, allocated uint64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hostile.parquet")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = Load(context.Background(), []string{path}, Options{})
	runtime.ReadMemStats(&after)
	for _, readErr := range ReadSlots(context.Background(), []string{path}) {
		if readErr != nil && err == nil && !strings.Contains(readErr.Error(), "hostile") {
			t.Errorf("an error that doesn't name the file: %v", readErr)
		}
	}
	return err, after.TotalAlloc - before.TotalAlloc
}

// victims are whole files of ours and of DuckDB's.
func victims(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{"types", "v2", "gzip", "lz4", "brotli", "plain"} {
		files[name] = "testdata/duckdb_" + name + ".parquet"
	}
	if t, ok := t.(*testing.T); ok {
		files["ours"] = write(t, manySlots(60), Column{Name: "country"}, Column{Name: "site"}, Column{Name: "segment", Multi: true})
	}
	out := map[string][]byte{}
	for name, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = data
	}
	return out
}

// rounds is n, or a tenth of it unless WHATIF_FULL is set.
func rounds(n int) int {
	if os.Getenv("WHATIF_FULL") == "" {
		return n / 10
	}
	return n
}

// TestFlippedBits: whatever bits flip, the answer is an error or a snapshot, within bounded memory.
func TestFlippedBits(t *testing.T) {
	for name, whole := range victims(t) {
		r := rand.New(rand.NewPCG(1, 2))
		failed := 0
		n := rounds(2000)
		for range n {
			data := bytes.Clone(whole)
			for range 1 + r.IntN(3) {
				data[r.IntN(len(data))] ^= 1 << r.IntN(8)
			}
			err, allocated := loadBytes(t, data)
			if err != nil {
				failed++
			}
			if allocated > maxHostileAlloc {
				t.Fatalf("%s: %d MB allocated (%v)", name, allocated>>20, err)
			}
		}
		t.Logf("%s: %d of %d damaged files refused", name, failed, n)
		if failed == 0 {
			t.Errorf("%s: no damaged file was refused", name)
		}
		if name == "ours" && failed < n*8/10 {
			t.Errorf("of our own files, whose pages have checksums, only %d of %d damaged ones were refused", failed, n)
		}
	}
}

func TestTruncated(t *testing.T) {
	for name, whole := range victims(t) {
		for n := 0; n < len(whole); n += 1 + len(whole)/rounds(1000) {
			if err, _ := loadBytes(t, whole[:n]); err == nil {
				t.Errorf("%s: the first %d of %d bytes load", name, n, len(whole))
			}
		}
	}
}

// craft makes a snapshot file of one row group whose columns are given as finished pages.
type craft struct {
	rows   int64
	values int64 // of slot_id; 0: rows
	codec  format.CompressionCodec
	id     []byte // pages of slot_id
	dict   bool   // they begin with a dictionary page
	edit   func(*format.FileMetaData)
}

func (c craft) file(t testing.TB) []byte {
	t.Helper()
	if c.values == 0 {
		c.values = c.rows
	}
	out := append([]byte("PAR1"), c.id...)
	times := 8 * min(c.rows, 2) // more rows than that have none
	timePage := page(t, format.PageHeader{Type: format.DataPage, DataPageHeader: present(format.DataPageHeader{NumValues: int32(c.rows), Encoding: format.Plain})}, make([]byte, times), int32(times))
	timeAt := int64(len(out))
	out = append(out, timePage...)
	chunk := format.ColumnMetaData{Type: format.ByteArray, Codec: c.codec, NumValues: c.values, DataPageOffset: 4, TotalCompressedSize: int64(len(c.id)), PathInSchema: []string{"slot_id"}}
	if c.dict {
		chunk.DictionaryPageOffset = 4
	}
	meta := format.FileMetaData{
		Version: 2, NumRows: c.rows,
		Schema: []format.SchemaElement{
			{Name: "root", NumChildren: present(int32(2))},
			{Name: "slot_id", Type: present(format.ByteArray), RepetitionType: present(format.Required)},
			{Name: "time", Type: present(format.Int64), RepetitionType: present(format.Required),
				LogicalType: format.LogicalType{Value: &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: new(format.MicroSeconds)}}}},
		},
		RowGroups: []format.RowGroup{{NumRows: c.rows, Columns: []format.ColumnChunk{
			{MetaData: chunk},
			{MetaData: format.ColumnMetaData{Type: format.Int64, NumValues: c.rows, DataPageOffset: timeAt, TotalCompressedSize: int64(len(timePage)), PathInSchema: []string{"time"}}},
		}}},
	}
	if c.edit != nil {
		c.edit(&meta)
	}
	return closeFile(out, encode(t, &meta))
}

// closeFile appends a footer.
func closeFile(out, footer []byte) []byte {
	out = append(out, footer...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(footer)))
	return append(out, "PAR1"...)
}

func present[T any](v T) thrift.Null[T] { return thrift.Null[T]{V: v, Valid: true} }

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := thrift.Marshal(new(thrift.CompactProtocol), v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// page is a page with its header; full is the size it claims to unpack to.
func page(t testing.TB, h format.PageHeader, data []byte, full int32) []byte {
	t.Helper()
	h.CompressedPageSize, h.UncompressedPageSize = int32(len(data)), full
	return append(encode(t, &h), data...)
}

func dataPage(n int32, e format.Encoding) format.PageHeader {
	return format.PageHeader{Type: format.DataPage, DataPageHeader: present(format.DataPageHeader{NumValues: n, Encoding: e, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE})}
}

func dictionaryPage(n int32) format.PageHeader {
	return format.PageHeader{Type: format.DictionaryPage, DictionaryPageHeader: present(format.DictionaryPageHeader{NumValues: n, Encoding: format.Plain})}
}

// one is the PLAIN text "a".
var one = []byte{1, 0, 0, 0, 'a'}

// TestCraft: the crafted files are whole but for what is wrong with them.
func TestCraft(t *testing.T) {
	file := craft{rows: 1, id: page(t, dataPage(1, format.Plain), one, 5)}.file(t)
	if err, _ := loadBytes(t, file); err != nil {
		t.Fatal(err)
	}
}

// TestBombs: files of a few hundred bytes that ask for gigabytes.
func TestBombs(t *testing.T) {
	const many = 1 << 29
	run := binary.AppendUvarint([]byte{1}, many<<1) // width 1, a run of 2^29 ..
	run = append(run, 0)                            // .. zeros
	dict := page(t, dictionaryPage(1), one, 5)
	deltas := func(total uint64, rest ...byte) []byte {
		b := binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(nil, 128), 4), total)
		return append(append(b, 0), rest...)
	}
	zeros := zstdBytes(t, make([]byte, 8<<20))
	prefixes := append(deltas(many/512, bytes.Repeat([]byte{0x80, 0x80, 8, 0, 0, 0, 0}, 10)...), deltas(1)...)
	bombs := map[string][]byte{
		"a run of codes":             craft{rows: many, dict: true, id: append(bytes.Clone(dict), page(t, dataPage(many, format.RLEDictionary), run, int32(len(run)))...)}.file(t),
		"a run of codes in one page": craft{rows: 1 << 24, dict: true, id: append(bytes.Clone(dict), page(t, dataPage(1<<24, format.RLEDictionary), run, int32(len(run)))...)}.file(t),
		"a dictionary":               craft{rows: 1, dict: true, id: page(t, dictionaryPage(math.MaxInt32), one, 5)}.file(t),
		"a dictionary's size":        craft{rows: 1, dict: true, id: page(t, dictionaryPage(1), one, math.MaxInt32)}.file(t),
		"unpacked size":              craft{rows: 1, codec: format.Zstd, id: page(t, dataPage(1, format.Plain), zeros, 255<<20)}.file(t),
		"unpacks to more":            craft{rows: 1, codec: format.Zstd, id: page(t, dataPage(1, format.Plain), zeros, 5)}.file(t),
		"plain values":               craft{rows: many, id: page(t, dataPage(many, format.Plain), one, 5)}.file(t),
		"delta lengths":              craft{rows: 1 << 24, id: page(t, dataPage(1<<24, format.DeltaLengthByteArray), deltas(1<<24), int32(len(deltas(1<<24))))}.file(t),
		"delta count":                craft{rows: 1, id: page(t, dataPage(1, format.DeltaLengthByteArray), deltas(math.MaxUint32), int32(len(deltas(math.MaxUint32))))}.file(t),
		"repeated prefixes":          craft{rows: many / 512, id: page(t, dataPage(many/512, format.DeltaByteArray), prefixes, int32(len(prefixes)))}.file(t),
		"rows":                       craft{rows: 1 << 39, values: 1, id: page(t, dataPage(1, format.Plain), one, 5)}.file(t),
		"page count":                 craft{rows: math.MaxInt32, id: page(t, dataPage(math.MaxInt32, format.Plain), one, 5)}.file(t),
		"chunk size":                 craft{rows: 1, id: page(t, dataPage(1, format.Plain), one, 5), edit: func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.TotalCompressedSize = math.MaxInt64 }}.file(t),
		"chunk place":                craft{rows: 1, id: page(t, dataPage(1, format.Plain), one, 5), edit: func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.DataPageOffset = math.MaxInt64 }}.file(t),
		"fixed length": craft{rows: 1, id: one, edit: func(m *format.FileMetaData) {
			m.Schema[1].Type, m.Schema[1].TypeLength = present(format.FixedLenByteArray), present(int32(math.MaxInt32))
		}}.file(t),
		"deep schema":               craft{rows: 1, id: one, edit: deepSchema}.file(t),
		"wide schema":               craft{rows: 1, id: one, edit: func(m *format.FileMetaData) { m.Schema[0].NumChildren = present(int32(math.MaxInt32)) }}.file(t),
		"a list of schema elements": closeFile([]byte("PAR1"), []byte{0x15, 4, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07}),
		"a long name":               closeFile([]byte("PAR1"), []byte{0x15, 4, 0x19, 0x1c, 0x48, 0xff, 0xff, 0xff, 0xff, 0x07}),
		"nested metadata":           closeFile([]byte("PAR1"), bytes.Repeat([]byte{0x1c}, 1<<20)),
		"footer length":             append([]byte("PAR1"), 0xff, 0xff, 0xff, 0xff, 'P', 'A', 'R', '1'),
	}
	for name, data := range bombs {
		began := time.Now()
		err, allocated := loadBytes(t, data)
		t.Logf("%s: %d bytes, %d MB allocated, %v: %v", name, len(data), allocated>>20, time.Since(began).Round(time.Millisecond), err)
		if err == nil {
			t.Errorf("%s: loads", name)
		}
		if allocated > maxHostileAlloc {
			t.Errorf("%s: %d MB allocated", name, allocated>>20)
		}
	}
}

func deepSchema(m *format.FileMetaData) {
	id := m.Schema[1]
	m.Schema = []format.SchemaElement{{Name: "root", NumChildren: present(int32(1))}}
	for range 5000 {
		m.Schema = append(m.Schema, format.SchemaElement{Name: "g", RepetitionType: present(format.Repeated), NumChildren: present(int32(1))})
	}
	m.Schema = append(m.Schema, id)
}

func zstdBytes(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

// TestErrorsNameTheFile: damaged, absent and empty files are told apart by name.
func TestErrorsNameTheFile(t *testing.T) {
	for _, data := range []string{"", "PAR1", "PAR1 and not the rest of it", "PARE............PARE", strings.Repeat("x", 100)} {
		path := text(t, data)
		if _, err := Load(t.Context(), []string{path}, Options{}); err == nil || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%.20q: %v", data, err)
		}
	}
	if _, err := Load(t.Context(), []string{t.TempDir()}, Options{}); err == nil {
		t.Error("a folder loads")
	}
	if _, err := Load(t.Context(), nil, Options{}); err == nil {
		t.Error("no file loads")
	}
}

func TestLoadIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := fmt.Errorf("enough")
	cancel(cause)
	if _, err := Load(ctx, []string{"testdata/duckdb_groups.parquet"}, Options{}); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("a cancelled load: %v", err)
	}
}
