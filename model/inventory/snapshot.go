package inventory

import (
	"time"

	"github.com/whatif-machine/whatif/model"
)

// Options say how a snapshot's times are to be read.
type Options struct {
	Location  *time.Location // calendar of the derived dimensions and of times without offset; nil: UTC
	ShiftDays int64          // days of 86,400 s added to every slot's time
}

func (o Options) location() *time.Location {
	if o.Location == nil {
		return time.UTC
	}
	return o.Location
}

// Snapshot is the slots of a study in columns, sorted by (shifted time, slot_id by bytes). It is
// immutable and safe for concurrent use; slices it hands out must not be written.
type Snapshot struct {
	times        []model.Instant
	slotHashes   []uint64
	users        []uint32
	userHashes   []uint64
	requests     []uint32
	requestCount int
	floorCodes   []uint32
	floorValues  []model.CPM
	dimensions   []*Dimension
	byName       map[string]*Dimension
}

// Len is the number of slots, at least 1.
func (s *Snapshot) Len() int { return len(s.times) }

// Times are the shifted times, ascending.
func (s *Snapshot) Times() []model.Instant { return s.times }

// SlotHashes are the XXH64 of the slot ids.
func (s *Snapshot) SlotHashes() []uint64 { return s.slotHashes }

// Users has 0 for an unidentified slot, else the user's index into UserHashes. Users are numbered in
// order of their first visit.
func (s *Snapshot) Users() []uint32 { return s.users }

// UserHashes are the XXH64 of the user ids; entry 0 stands for no user. Its length is users + 1.
func (s *Snapshot) UserHashes() []uint64 { return s.userHashes }

// Requests are dense numbers from 0 in order of first visit; a slot without request_id has one of its own.
func (s *Snapshot) Requests() []uint32 { return s.requests }

// RequestCount is the number of requests.
func (s *Snapshot) RequestCount() int { return s.requestCount }

// FloorCodes are indices into FloorValues.
func (s *Snapshot) FloorCodes() []uint32 { return s.floorCodes }

// FloorValues are the distinct floors that occur, ascending.
func (s *Snapshot) FloorValues() []model.CPM { return s.floorValues }

// Dimensions are the stored ones by name, then the derived hour_of_day, day_of_week and day.
func (s *Snapshot) Dimensions() []*Dimension { return s.dimensions }

// Dimension is the dimension of that name, nil if there is none.
func (s *Snapshot) Dimension(name string) *Dimension { return s.byName[name] }

// Horizon is [time of the first slot, time of the last slot + 1 us), shifted.
func (s *Snapshot) Horizon() (start, end model.Instant) {
	return s.times[0], s.times[len(s.times)-1] + 1
}

// Bytes is the memory that the snapshot holds.
func (s *Snapshot) Bytes() int64 {
	n := 8*int64(len(s.times)) + 8*int64(len(s.slotHashes)) + 4*int64(len(s.users)) +
		8*int64(len(s.userHashes)) + 4*int64(len(s.requests)) + 4*int64(len(s.floorCodes)) + 8*int64(len(s.floorValues))
	for _, d := range s.dimensions {
		n += d.bytes()
	}
	return n
}
