package results

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/whatif-machine/whatif/transforms/objects"
)

// keeper renews a lease until it is released, or another has taken it over.
type keeper struct {
	bucket *bucket
	path   string
	id     string

	now   held // as we last wrote it
	turn  int64
	taken error // by whom it was taken over
	left  bool  // it was begun to leave: who is not in it any more need not have been put out

	stop  context.CancelFunc
	ended chan struct{}
	lost  chan struct{} // closed when it was seen that it was taken over
}

// keep starts to renew. That goes on when ctx is done: who has the lease decides when that is over.
func (b *bucket) keep(ctx context.Context, path, id string, now held) *keeper {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	k := &keeper{bucket: b, path: path, id: id, now: now, turn: 1, stop: stop, ended: make(chan struct{}), lost: make(chan struct{})}
	go k.run(ctx)
	return k
}

func (k *keeper) run(ctx context.Context) {
	defer close(k.ended)
	tick := time.NewTicker(k.bucket.leases.renew)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// A fault that stays costs the lease only if another takes it, which then is seen.
		if err := k.change(ctx, k.renewed); errors.Is(err, ErrTakenOver) {
			k.taken = err
			close(k.lost)
			return
		}
	}
}

// longGone is how many times over the lease of a holder has run out whom even those forget whom it does not
// keep out, so that the object does not grow with all who ever died.
const longGone = 20

// renewed is the holders with us heard of now.
func (k *keeper) renewed(was held) []holder {
	return slices.DeleteFunc(slices.Clone(was.Holders), func(h holder) bool {
		return h.ID != k.id && was.object.Updated.Sub(h.Renewed) > longGone*k.bucket.leases.runOut
	})
}

// without is the holders without us.
func (k *keeper) without(was held) []holder {
	k.left = true
	return slices.DeleteFunc(slices.Clone(was.Holders), func(h holder) bool { return h.ID == k.id })
}

// change replaces the lease as it was last seen, or as it is now if others have changed it meanwhile.
func (k *keeper) change(ctx context.Context, to func(held) []holder) error {
	for {
		was := k.now
		if !slices.ContainsFunc(was.Holders, func(h holder) bool { return h.ID == k.id }) {
			return k.putOut(ctx, was)
		}
		k.turn++
		now, err := k.put(ctx, was, to(was))
		changed := errors.Is(err, objects.ErrChanged)
		if changed {
			now, err = k.bucket.loadLease(ctx, k.path)
		}
		if err != nil {
			return err
		}
		if k.now = now; !changed {
			return nil
		}
	}
}

// put writes the holders, or deletes the object of none.
func (k *keeper) put(ctx context.Context, was held, holders []holder) (held, error) {
	if len(holders) == 0 {
		return held{}, k.bucket.objects.Delete(ctx, k.path, was.object.Generation)
	}
	now, err := k.bucket.storeLease(ctx, k.path, was, k.id, k.turn, holders)
	if err == nil && now.object.Updated.IsZero() { // its answer was lost
		return k.bucket.loadLease(ctx, k.path)
	}
	for i := range now.Holders {
		if now.Holders[i].ID == k.id {
			now.Holders[i].Renewed = now.object.Updated
		}
	}
	return now, err
}

// putOut is the error of a lease that we are no more in. One that is nobody's went with its simulation; beside a
// plan, another had it and is done.
func (k *keeper) putOut(ctx context.Context, now held) error {
	if k.left {
		return nil
	}
	if now.object.Generation == 0 {
		there, err := k.bucket.exists(ctx, planBeside(k.path))
		if err != nil || !there {
			return err
		}
	}
	by := "another process"
	if len(now.Holders) > 0 {
		by = fmt.Sprintf("process %d of %s", now.Holders[0].Process.PID, now.Holders[0].Process.Host)
	}
	return fmt.Errorf("results: %s %w by %s: this process was not heard of for %s; what both have committed stands, and the rows decide which of it counts",
		k.bucket.at(k.path), ErrTakenOver, by, k.bucket.leases.runOut)
}

// releasing is how long it is tried to give a lease back; then it is left to run out.
const releasing = 30 * time.Second

// release ends the renewal and gives the lease back, if it is still ours.
func (k *keeper) release() error {
	k.stop()
	<-k.ended
	if k.taken != nil {
		return k.taken
	}
	ctx, cancel := context.WithTimeout(context.Background(), releasing)
	defer cancel()
	// As it is now: whether another had it meanwhile can't be told once we have left.
	now, err := k.bucket.loadLease(ctx, k.path)
	if err == nil {
		k.now = now
		err = k.change(ctx, k.without)
	}
	if err != nil && !errors.Is(err, ErrTakenOver) {
		return failed("unlock", k.bucket.at(k.path), err)
	}
	return err
}
