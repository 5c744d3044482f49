package results

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/transforms/killpoint"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// A bucket has no locks that end with their process. There, whoever has a simulation is written down in one
// object, which each of them replaces now and then as long as it lives:
//
//	_lock: {writer, holders: [{id, shared, renewed}, ..]}
//
// It is replaced only as the generation that was read, so no change is lost and of many that want it one gets
// it. Times are the service's alone: of the holder that wrote a generation, the time at which that was
// written; of the others, the time that the writer found for them. A holder not heard of for a while may be
// replaced; one of this machine whose process is gone, at once.

// leases is how long a holder may go unheard of, and how often it is heard of.
type leases struct{ runOut, renew time.Duration }

// usualLeases survive three renewals that fail. Cloud Storage takes one change of an object a second.
var usualLeases = leases{runOut: time.Minute, renew: 15 * time.Second}

// maxLease bounds the object: some hundreds of holders.
const maxLease = 256 << 10

// lease is the object. Turn makes the bytes of each version its writer's alone (objects.Replace).
type lease struct {
	Writer  string   `json:"writer"`
	Turn    int64    `json:"turn"`
	Holders []holder `json:"holders"`
}

// holder is one who has the simulation.
type holder struct {
	ID      string    `json:"id"`
	Shared  bool      `json:"shared"`
	Renewed time.Time `json:"renewed"` // by the service's clock; zero of the writer
	Process process   `json:"process"`
}

// held is a lease as it was read.
type held struct {
	lease
	object objects.Object // of generation 0: there is none
}

// loadLease reads who has what. The writer was heard of when it wrote.
func (b *bucket) loadLease(ctx context.Context, path string) (h held, err error) {
	for {
		o, err := b.objects.Stat(ctx, path)
		if errors.Is(err, fs.ErrNotExist) {
			return held{}, nil
		}
		if err != nil {
			return held{}, err
		}
		data, err := b.objects.ReadAt(ctx, o, maxLease)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was replaced in between
		}
		if err != nil {
			return held{}, err
		}
		h = held{object: o}
		if err := json.Unmarshal(data, &h.lease); err != nil {
			return held{}, fmt.Errorf("%s: %w: %w; delete it if nobody runs that simulation", b.at(path), ErrDamaged, err)
		}
		for i := range h.Holders {
			if h.Holders[i].ID == h.Writer {
				h.Holders[i].Renewed = o.Updated
			}
		}
		return h, nil
	}
}

// storeLease replaces what was read. An error wraps objects.ErrChanged if another was quicker.
func (b *bucket) storeLease(ctx context.Context, path string, was held, writer string, turn int64, holders []holder) (now held, err error) {
	now.lease = lease{Writer: writer, Turn: turn, Holders: holders}
	data, err := json.Marshal(now.lease)
	if err != nil {
		return now, err
	}
	now.object, err = b.objects.Replace(ctx, path, data, was.object.Generation)
	return now, err
}

// conflicts is those holders who keep out one who wants it so.
func (h held) conflicts(shared bool) (others []holder) {
	for _, o := range h.Holders {
		if !shared || !o.Shared {
			others = append(others, o)
		}
	}
	return others
}

func (b *bucket) lock(ctx context.Context, path string, shared bool) (*Held, error) {
	me := holder{ID: b.newID(), Shared: shared, Process: thisProcess()}
	now, err := b.acquire(ctx, path, me)
	if err != nil {
		return nil, err
	}
	k := b.keep(ctx, path, me.ID, now)
	killpoint.Here("results.leased")
	// Only a simulation that has a plan is one. It is looked at now, since it may have been removed meanwhile:
	// the plan goes before the lease of who removes it.
	there, err := b.exists(ctx, planBeside(path))
	if err == nil && !there {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, errors.Join(err, k.release())
	}
	return &Held{release: k.release, lost: k.lost}, nil
}

func planBeside(lock string) string { return path.Dir(lock) + "/_plan.json" }

// acquire makes one of those that want it a holder.
func (b *bucket) acquire(ctx context.Context, path string, me holder) (now held, err error) {
	for {
		was, err := b.loadLease(ctx, path)
		if err != nil {
			return now, err
		}
		if slices.ContainsFunc(was.Holders, func(h holder) bool { return h.ID == me.ID }) {
			return was, nil // its answer was lost, and others have changed it since
		}
		holders := slices.DeleteFunc(was.Holders, func(h holder) bool { return h.Process.gone() })
		if others := (held{lease: lease{Holders: holders}}).conflicts(me.Shared); len(others) > 0 {
			if holders, err = b.outlived(ctx, holders, me.Shared); err != nil {
				return now, err
			}
		}
		now, err = b.storeLease(ctx, path, was, me.ID, 1, append(holders, me))
		if !errors.Is(err, objects.ErrChanged) {
			return now, err
		}
	}
}

// heldError says who has it.
type heldError struct {
	by   holder
	left time.Duration
}

func (e *heldError) Error() string {
	return fmt.Sprintf("%s (process %d of %s; unless it is heard of, it has lost it in %s)", errLocked, e.by.Process.PID, e.by.Process.Host, e.left.Round(time.Second))
}

func (e *heldError) Is(target error) bool { return target == errLocked }

// outlived is the holders without those who have not been heard of for too long. It is an error if one is left
// who keeps out one who wants it so.
func (b *bucket) outlived(ctx context.Context, holders []holder, shared bool) ([]holder, error) {
	now, err := b.serviceTime(ctx)
	if err != nil {
		return nil, err
	}
	live := slices.DeleteFunc(slices.Clone(holders), func(h holder) bool { return now.Sub(h.Renewed) > b.leases.runOut })
	if others := (held{lease: lease{Holders: live}}).conflicts(shared); len(others) > 0 {
		return nil, &heldError{others[0], others[0].Renewed.Add(b.leases.runOut).Sub(now)}
	}
	return live, nil
}

// clockFolder holds objects that are made for their time only.
const clockFolder = "_clock/"

// clockTries is how often a clock is made anew that another process has swept away.
const clockTries = 5

// serviceTime is the time by the service's clock: that of an object just made.
func (b *bucket) serviceTime(ctx context.Context) (at time.Time, err error) {
	for range clockTries {
		if at, err = b.readClock(ctx); !errors.Is(err, fs.ErrNotExist) {
			return at, err
		}
	}
	return at, fmt.Errorf("%s: what is made there to learn the time is gone at once, %d times; does a lifecycle rule or another program delete it? (%s)",
		b.at(clockFolder), clockTries, err.Error()) // not wrapped: it is not the simulation that is not there
}

func (b *bucket) readClock(ctx context.Context) (time.Time, error) {
	name := clockFolder + b.newID()
	o, err := b.objects.Create(ctx, name, nil)
	if err == nil && o.Updated.IsZero() { // its answer was lost
		o, err = b.objects.Stat(ctx, name)
	}
	if err != nil {
		return time.Time{}, err
	}
	return o.Updated, b.objects.Delete(ctx, name, o.Generation)
}

// sweepClocks removes those whose makers died. That of one who lives is gone in the time of a few requests.
func (b *bucket) sweepClocks(ctx context.Context) error {
	var now time.Time
	for o, err := range b.objects.List(ctx, clockFolder) {
		if err == nil && now.IsZero() {
			now, err = b.serviceTime(ctx)
		}
		if err == nil && now.Sub(o.Updated) >= b.clocks {
			err = b.objects.Delete(ctx, o.Name, o.Generation)
		}
		if err != nil {
			return failed("remove", b.at(clockFolder), err)
		}
	}
	return nil
}
