package engine_test

import (
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// rooflinePasses is how many passes over the slots a measurement of the roofline takes the best of.
const rooflinePasses = 12

// BenchmarkRoofline is the least that any simulation must do: see roofline.
func BenchmarkRoofline(b *testing.B) {
	snap, sc := loadStandard()
	line := newRoofline(snap, sc)
	best := never
	for b.Loop() {
		best = min(best, line.pass())
	}
	b.ReportMetric(perSlot(min(best, line.best()), snap.Len()), "ns/slot")
	b.ReportMetric(float64(line.bytes)/float64(snap.Len()), "B/slot")
}

// roofline streams once all slot columns that the engine reads for a scenario, as whole words, and touches
// a 64-byte line of the user's state once per slot. It does nothing else: no other order, no hint
// to the processor, no second look.
type roofline struct {
	users   []uint32
	columns [][]uint64  // the others, eight bytes at a time
	lines   [][8]uint64 // by user
	bytes   int         // of all columns
	sum     uint64
}

func newRoofline(snap *inventory.Snapshot, sc *model.Scenario) *roofline {
	r := &roofline{users: snap.Users(), lines: make([][8]uint64, len(snap.UserHashes()))}
	r.bytes = 4 * len(r.users)
	addColumn(r, snap.Times())
	addColumn(r, snap.SlotHashes())
	addColumn(r, snap.FloorCodes())
	if sc.Policy.OnePerRequest != model.SeparateNone {
		addColumn(r, snap.Requests())
	}
	for _, name := range dimensionsOf(sc) {
		d := snap.Dimension(name)
		addColumn(r, d.U8())
		addColumn(r, d.U16())
		addColumn(r, d.U32())
	}
	return r
}

func addColumn[T model.Instant | uint8 | uint16 | uint32 | uint64](r *roofline, column []T) {
	if len(column) == 0 {
		return
	}
	size := len(column) * int(unsafe.Sizeof(column[0]))
	r.bytes += size
	// A column begins where the allocator put it, on a multiple of eight at least, as every large one does.
	r.columns = append(r.columns, unsafe.Slice((*uint64)(unsafe.Pointer(&column[0])), size/8))
}

// dimensionsOf are the dimensions that a scenario's expressions and breakdowns name, sorted.
func dimensionsOf(sc *model.Scenario) []string {
	names := slices.Clone(sc.Report.Breakdowns)
	note := func(e *model.Expr) {
		e.Dimensions(func(in *model.Expr) bool {
			names = append(names, in.Dimension)
			return true
		})
	}
	for i := range sc.Campaigns {
		note(sc.Campaigns[i].Targeting)
		for _, a := range sc.Campaigns[i].BidAdjustments {
			note(a.When)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// pass streams and touches once, and is the time that takes.
func (r *roofline) pass() time.Duration {
	began := cpuTime()
	for _, column := range r.columns {
		r.sum += addUp(column)
	}
	for _, u := range r.users {
		r.lines[u][0]++
	}
	return cpuTime() - began
}

// best is the best of several passes.
func (r *roofline) best() time.Duration {
	best := never
	for range rooflinePasses {
		best = min(best, r.pass())
	}
	return best
}

// addUp reads a column with four sums under way, so that it waits for memory and not for itself.
func addUp(column []uint64) uint64 {
	var a, b, c, d uint64
	for ; len(column) >= 4; column = column[4:] {
		a, b, c, d = a+column[0], b+column[1], c+column[2], d+column[3]
	}
	for _, v := range column {
		a += v
	}
	return a + b + c + d
}
