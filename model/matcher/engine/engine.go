package engine

import (
	"context"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// Engine simulates variants on one snapshot. It is safe for concurrent use; what is the same for all
// variants is computed once and shared.
type Engine struct {
	snap       *inventory.Snapshot
	hashes     []uint64
	users      []uint32
	userHashes []uint64

	userFirst     []uint32 // slots of user u in order of visit: userSlots[userFirst[u]:userFirst[u+1]]
	userSlots     []uint32
	mostSlots     int      // most slots of one identified user
	several       []uint64 // by request: whether it has several slots
	severalBefore []uint32 // by word of several: how many have before it
	requestAt     []uint32 // of those with several: where their regions begin (see separation)
	requestCells  int      // of all regions

	pool      sync.Pool // of *state
	available availability
	layouts   layouts
	audiences audiences
}

// audiences are what is known of the users by value of a dimension.
type audiences struct {
	mutex sync.Mutex
	users map[*inventory.Dimension][]int64
}

// New prepares an engine for a snapshot, in time and memory (some 6 bytes a slot) of its size.
func New(snap *inventory.Snapshot) *Engine {
	e := &Engine{snap: snap, hashes: snap.SlotHashes(), users: snap.Users(), userHashes: snap.UserHashes()}
	e.pool.New = func() any { return new(state) }
	e.available = availability{turn: make(chan struct{}, 1), known: map[string]seen{}}
	e.available.turn <- struct{}{}
	e.layouts.known = map[string]*layout{}
	e.audiences.users = map[*inventory.Dimension][]int64{}
	e.indexUsers()
	e.indexRequests()
	return e
}

// indexRequests gives each request of several slots a region of as many cells and one.
func (e *Engine) indexRequests() {
	slots := make([]uint32, e.snap.RequestCount())
	for _, q := range e.snap.Requests() {
		slots[q]++
	}
	e.several = make([]uint64, len(slots)/64+1)
	e.severalBefore = make([]uint32, len(slots)/64+1)
	e.requestCells = 1
	for q, n := range slots {
		if q%64 == 0 {
			e.severalBefore[q/64] = uint32(len(e.requestAt))
		}
		if n > 1 {
			e.several[q/64] |= 1 << (q % 64)
			e.requestAt = append(e.requestAt, uint32(e.requestCells))
			e.requestCells += 1 + int(n)
		}
	}
	e.requestAt = slices.Clip(e.requestAt)
}

// regionOf is where a request's region begins, 0 for a request of one slot.
func (e *Engine) regionOf(q uint32) uint32 {
	several, bit := e.several[q/64], uint64(1)<<(q%64)
	if several&bit == 0 {
		return 0
	}
	return e.requestAt[int(e.severalBefore[q/64])+bits.OnesCount64(several&(bit-1))]
}

// indexUsers lists the slots of each user, and those without a user under 0, in order of visit.
func (e *Engine) indexUsers() {
	users := len(e.userHashes)
	e.userFirst = make([]uint32, users+1)
	for _, u := range e.users {
		e.userFirst[u+1]++
	}
	if users > 1 {
		e.mostSlots = int(slices.Max(e.userFirst[2:]))
	}
	for u := range users {
		e.userFirst[u+1] += e.userFirst[u]
	}
	next := slices.Clone(e.userFirst[:users])
	e.userSlots = make([]uint32, len(e.users))
	for i, u := range e.users {
		e.userSlots[next[u]] = uint32(i)
		next[u]++
	}
}

// slotsOf are the slots of user u (0: without a user) in order of visit.
func (e *Engine) slotsOf(u uint32) []uint32 {
	return e.userSlots[e.userFirst[u]:e.userFirst[u+1]]
}

// Bytes is the memory that the engine holds besides the snapshot and the states of its variants.
func (e *Engine) Bytes() int64 {
	return 4*int64(len(e.userFirst)+len(e.userSlots)+cap(e.requestAt)+len(e.severalBefore)) + 8*int64(len(e.several)) + e.layouts.size()
}

// StateBytes bounds what Simulate allocates for a scenario beyond the snapshot and the engine: user state, rows
// of bits, logs and the result. It allocates only what compiling the scenario takes. A scenario that cannot be
// simulated takes nothing: Simulate says why.
func (e *Engine) StateBytes(sc *model.Scenario) int64 {
	p, err := e.compile(sc)
	if err != nil {
		return 0
	}
	c, err := e.countVisits(context.Background(), p)
	if err != nil {
		return 0
	}
	dry := state{engine: e, plan: p}
	m := meter{dry: true, bytes: p.bytes}
	dry.reserve(&m, c)
	return m.bytes
}

// Simulate runs one variant by semantics.md. It looks at ctx every few milliseconds and returns its error. A
// scenario that the configuration's checks would refuse is an error, never a panic.
func (e *Engine) Simulate(ctx context.Context, sc *model.Scenario) (*model.Metrics, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := e.compile(sc)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	m, err := e.simulate(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	m.Derive(sc.Report)
	return m, nil
}

// simulate runs a plan on a state of the pool.
func (e *Engine) simulate(ctx context.Context, p *plan) (*model.Metrics, error) {
	c, err := e.countVisits(ctx, p)
	if err != nil {
		return nil, err
	}
	s := e.pool.Get().(*state)
	defer func() {
		s.engine, s.plan = nil, nil // hold on to the buffers, not to the scenario
		e.pool.Put(s)
	}()
	return s.simulate(ctx, e, p, c)
}
