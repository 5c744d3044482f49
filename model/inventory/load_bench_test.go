package inventory_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/whatif-machine/whatif/model/inventory"
	"github.com/whatif-machine/whatif/model/inventory/synthetic"
)

// BenchmarkLoad loads a snapshot of a million slots per operation, in turns with the least that any loader must
// do: read the file and unpack its pages. Times are the processor's, all threads together, the best of the passes of
// the run (ns/op aside, which is the clock's and holds both):
//
//	cpu-ns/slot      per slot
//	slots/s          per second of a core
//	x-unpack         that, over reading and unpacking
//	held-B/slot      memory of the snapshot
//	alloc-B/slot     allocated on the way to it, all allocations together
//	peak-B/slot      memory in use at the most, garbage and the runtime's own included, on top of what was before
//
// standard is the snapshot of the standard study, user by user and so to be sorted; mixed has ids of 36 bytes, sites in
// the tens of thousands and values that have nothing to do with the row before, and is sorted by time.
// WHATIF_SNAPSHOT names another snapshot to load, in Zstandard.
func BenchmarkLoad(b *testing.B) {
	if path := os.Getenv("WHATIF_SNAPSHOT"); path != "" {
		b.Run("given", func(b *testing.B) { benchmarkLoad(b, path) })
		return
	}
	b.Run("standard", func(b *testing.B) { benchmarkLoad(b, standardFile(b)) })
	b.Run("mixed", func(b *testing.B) { benchmarkLoad(b, inventory.MillionFile(b)) })
}

// standardFile is the snapshot of the standard study.
func standardFile(b *testing.B) string {
	b.Helper()
	files, err := synthetic.Generate(b.Context(), synthetic.Options{
		Slots: 1_000_000, Campaigns: 1_000, Users: 200_000, Days: 7, Seed: 7, Dir: filepath.Join(b.TempDir(), "study"),
	})
	if err != nil {
		b.Fatal(err)
	}
	return files.Snapshot
}

func benchmarkLoad(b *testing.B, path string) {
	var least, load time.Duration
	var allocated, peak uint64
	var slots, held float64
	for b.Loop() {
		begin := cpuTime()
		unpack(b, path)
		least = best(least, cpuTime()-begin)

		debug.FreeOSMemory()
		meter := startMeter()
		before := totalAlloc()
		begin = cpuTime()
		snap, err := inventory.Load(b.Context(), []string{path}, inventory.Options{})
		if err != nil {
			b.Fatal(err)
		}
		load = best(load, cpuTime()-begin)
		allocated = totalAlloc() - before
		peak = max(peak, meter.stop())
		slots, held = float64(snap.Len()), float64(snap.Bytes())
	}
	b.ReportMetric(float64(load)/slots, "cpu-ns/slot")
	b.ReportMetric(slots/load.Seconds(), "slots/s")
	b.ReportMetric(float64(load)/float64(least), "x-unpack")
	b.ReportMetric(held/slots, "held-B/slot")
	b.ReportMetric(float64(allocated)/slots, "alloc-B/slot")
	b.ReportMetric(float64(peak)/slots, "peak-B/slot")
}

// best is the shorter time; 0 is none yet.
func best(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

func totalAlloc() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// meter looks at the memory in use every two milliseconds.
type meter struct {
	before   uint64
	end      chan struct{}
	greatest chan uint64
}

func startMeter() *meter {
	m := &meter{before: inUse(), end: make(chan struct{}), greatest: make(chan uint64)}
	go func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		greatest := uint64(0)
		for {
			greatest = max(greatest, inUse())
			select {
			case <-m.end:
				m.greatest <- greatest
				return
			case <-tick.C:
			}
		}
	}()
	return m
}

// stop is the greatest use there was, beyond the one at the start.
func (m *meter) stop() uint64 {
	close(m.end)
	return <-m.greatest - m.before
}

// inUse is the memory that the runtime has from the system and has not given back.
func inUse() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// unpack reads a file chunk by chunk and unpacks the pages, and does nothing with them.
func unpack(b *testing.B, path string) {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	file, err := parquet.OpenFile(f, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		b.Fatal(err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		b.Fatal(err)
	}
	defer decoder.Close()
	var chunk, page []byte
	for _, group := range file.Metadata().RowGroups {
		for _, column := range group.Columns {
			meta := column.MetaData
			start := meta.DataPageOffset
			if meta.DictionaryPageOffset > 0 {
				start = min(start, meta.DictionaryPageOffset)
			}
			chunk = append(chunk[:0], make([]byte, meta.TotalCompressedSize)...)
			if _, err := f.ReadAt(chunk, start); err != nil {
				b.Fatal(err)
			}
			page = unpackChunk(b, decoder, chunk, page)
		}
	}
}

// unpackChunk unpacks one page of a chunk after another into the memory of page.
func unpackChunk(b *testing.B, decoder *zstd.Decoder, chunk, page []byte) []byte {
	for r := bytes.NewReader(chunk); r.Len() > 0; {
		var header format.PageHeader
		if err := thrift.NewDecoder(new(thrift.CompactProtocol).NewReader(r)).Decode(&header); err != nil {
			b.Fatal(err)
		}
		data := chunk[len(chunk)-r.Len():][:header.CompressedPageSize]
		if _, err := r.Seek(int64(len(data)), 1); err != nil {
			b.Fatal(err)
		}
		if v2 := header.DataPageHeaderV2; v2.Valid {
			data = data[v2.V.RepetitionLevelsByteLength+v2.V.DefinitionLevelsByteLength:]
		}
		var err error
		if page, err = decoder.DecodeAll(data, page[:0]); err != nil {
			b.Fatal(err)
		}
	}
	return page
}
