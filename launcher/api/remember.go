package api

import (
	"context"
	"sync"
	"time"
)

// remembered is an answer that may be a little old: asked for often, read seldom.
type remembered[T any] struct {
	now  func() time.Time
	keep time.Duration
	read func(context.Context) (T, error)

	mu    sync.Mutex
	value T
	at    time.Time
}

func remember[T any](now func() time.Time, keep time.Duration, read func(context.Context) (T, error)) *remembered[T] {
	return &remembered[T]{now: now, keep: keep, read: read}
}

// get is the answer, read again if it is too old. One reads at a time; the others wait for it.
func (r *remembered[T]) get(ctx context.Context) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); r.at.IsZero() || now.Sub(r.at) >= r.keep {
		value, err := r.read(ctx)
		if err != nil {
			return r.value, err
		}
		r.value, r.at = value, now
	}
	return r.value, nil
}

// waiters counts the simulations of each tenant that are not finished. It reads the store once a second
// and adds what is submitted here meanwhile, so that a bound on it holds to within a second's submissions
// at the other launchers.
type waiters struct {
	now   func() time.Time
	count func(ctx context.Context, tenant string) (int, error)

	mu      sync.Mutex
	tenants map[string]*tally
}

type tally struct {
	n  int
	at time.Time
}

// of is how many a tenant has.
func (w *waiters) of(ctx context.Context, tenant string) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if t, ok := w.tenants[tenant]; ok && now.Sub(t.at) < time.Second {
		return t.n, nil
	}
	n, err := w.count(ctx, tenant)
	if err != nil {
		return 0, err
	}
	for name, t := range w.tenants { // those that have gone quiet
		if now.Sub(t.at) > time.Minute {
			delete(w.tenants, name)
		}
	}
	w.tenants[tenant] = &tally{n, now}
	return n, nil
}

// add counts one that was submitted here.
func (w *waiters) add(tenant string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if t, ok := w.tenants[tenant]; ok {
		t.n++
	}
}
