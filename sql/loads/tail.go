package loads

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// tail is the last round; nil if there is none yet. Rounds have no gaps, so it is found by doubling steps from
// the last one known and halving them: a few looks at the store, however many rounds there are.
func (l *Loader) tail(ctx context.Context) (*round, error) {
	low := l.known.Load() // a round that is there, or 0
	step := int64(1)
	high := low + step
	for {
		there, err := l.exists(ctx, high)
		if err != nil {
			return nil, err
		}
		if !there {
			break
		}
		low, step = high, 2*step
		high = low + step
	}
	for high-low > 1 {
		middle := low + (high-low)/2
		there, err := l.exists(ctx, middle)
		if err != nil {
			return nil, err
		}
		if there {
			low = middle
		} else {
			high = middle
		}
	}
	if low == 0 {
		return nil, nil
	}
	l.known.Store(low)
	r, err := l.read(ctx, low)
	if err == nil && r == nil {
		err = fmt.Errorf("loads: round %d of %s is gone; put the folder back from a backup: without it rows could be loaded twice", low, l.Table)
	}
	return r, err
}

func (l *Loader) exists(ctx context.Context, n int64) (bool, error) {
	names, err := l.Store.List(ctx, l.roundFolder(n))
	if err != nil {
		return false, fmt.Errorf("loads: round %d: %w", n, err)
	}
	return slices.Contains(names, manifestName), nil
}

// The pace of jobs. BigQuery takes 1,500 load jobs a table and day, failed ones included ("Quotas and limits",
// Load jobs: https://cloud.google.com/bigquery/quotas#load_jobs). In any 24 hours there are at most freeJobs
// without a pause and day/jobGap+1 after one: 1,421, which leaves some to others who load into the table.
const (
	day      = 24 * time.Hour
	freeJobs = 700
	jobGap   = 120 * time.Second
)

// pace is how long to wait before another job is made after those of the last round. It knows the jobs of all
// loaders: each round says how many there were before it.
func (l *Loader) pace(ctx context.Context, last *round) (time.Duration, error) {
	if last == nil || last.jobsAfter() < freeJobs {
		return 0, nil
	}
	since := l.Now().Add(-day)
	// The first round of the last 24 hours, by halving; the one before it may have had later jobs too.
	low, high := int64(1), last.Round
	for low < high {
		middle := low + (high-low)/2
		r, err := l.mustRead(ctx, middle)
		if err != nil {
			return 0, err
		}
		if r.MadeAt.After(since) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	first, err := l.mustRead(ctx, max(1, low-1))
	if err != nil {
		return 0, err
	}
	if last.jobsAfter()-first.JobsBefore < freeJobs {
		return 0, nil
	}
	return max(0, last.lastJobAt().Add(jobGap).Sub(l.Now())), nil
}

// mustRead reads a round that is there.
func (l *Loader) mustRead(ctx context.Context, n int64) (*round, error) {
	r, err := l.read(ctx, n)
	if err == nil && r == nil {
		err = fmt.Errorf("loads: round %d of %s is gone; put the folder back from a backup: without it rows could be loaded twice", n, l.Table)
	}
	return r, err
}
