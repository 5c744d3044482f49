package objects

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/url"
	"time"

	"cloud.google.com/go/storage"
)

// pace is how long is waited for what, and how often is tried. The pauses are those that "Retry strategy"
// asks for (https://cloud.google.com/storage/docs/retry-strategy): growing by two, cut off, at random.
type pace struct {
	total     time.Duration // of an operation, beside what its bytes take
	try       time.Duration // of one request, likewise
	base, max time.Duration // of the pauses: the first, before chance, and the longest

	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
	random func() float64 // in [0, 1)
}

func usualPace() pace {
	return pace{
		total: 2 * time.Minute, try: 30 * time.Second, base: 250 * time.Millisecond, max: 16 * time.Second,
		now: time.Now, sleep: sleep, random: rand.Float64,
	}
}

// slowest is the bytes a second below which a transfer is taken for stuck.
const slowest = 256 << 10

// allowance is the time that bytes may take.
func allowance(bytes int64) time.Duration {
	return time.Duration(float64(bytes) / slowest * float64(time.Second))
}

// try is one request of an operation.
type try struct {
	ctx   context.Context
	again bool // an earlier one may have succeeded without our knowing

	timer *time.Timer
	limit time.Duration
}

// expect allows the try the time that so many bytes take, from now on.
func (t *try) expect(bytes int64) { t.timer.Reset(t.limit + allowance(bytes)) }

// errSlow is the end of a try that got no answer in time.
var errSlow = errors.New("no answer in time")

// passing is an error that another try may mend, though the service's client would not say so.
type passing struct{ error }

func (p passing) Unwrap() error { return p.error }

// run does an operation that may be done again, until it succeeds, fails for good or the time is over.
func (p pace) run(ctx context.Context, bytes int64, op func(*try) error) error {
	end := p.now().Add(p.total + allowance(bytes))
	for n := 0; ; n++ {
		err := p.once(ctx, bytes, n > 0, op)
		if err == nil || !transient(err) {
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		pause := p.pause(n)
		if p.now().Add(pause).After(end) {
			return &givenUp{n + 1, err}
		}
		if serr := p.sleep(ctx, pause); serr != nil {
			return errors.Join(serr, err)
		}
	}
}

func (p pace) once(ctx context.Context, bytes int64, again bool, op func(*try) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := p.try
	t := &try{ctx: limited, again: again, limit: limit, timer: time.AfterFunc(limit+allowance(bytes), func() { cancel(errSlow) })}
	defer t.timer.Stop()
	err := op(t)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(limited), errSlow) {
		return fmt.Errorf("%w: %w", errSlow, err)
	}
	return err
}

// pause is what is waited after the n-th failed try, counted from 0: between half and all of twice the last.
func (p pace) pause(n int) time.Duration {
	d := p.base << min(n, 20)
	return time.Duration((1 + p.random()) / 2 * float64(min(d, p.max)))
}

// givenUp is a fault that did not pass.
type givenUp struct {
	tries int
	last  error
}

func (g *givenUp) Error() string { return fmt.Sprintf("%v, after %d tries", g.last, g.tries) }
func (g *givenUp) Unwrap() error { return g.last }

// transient tells whether another try may succeed: what the service's client says, and every fault on the way
// to it but that of a certificate, which is somebody's mistake.
func transient(err error) bool {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return false // of this machine: its disk is full, a key file is missing
	}
	if _, ok := errors.AsType[passing](err); ok || errors.Is(err, errSlow) || storage.ShouldRetry(err) {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok || errors.Is(err, context.Canceled) {
		return false
	}
	_, outside := errors.AsType[*url.Error](err)
	_, network := errors.AsType[net.Error](err)
	return outside || network || errors.Is(err, io.ErrUnexpectedEOF)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
