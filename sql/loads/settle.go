package loads

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// jobsKnown is how long a job that the warehouse does not know can be taken for one that never was: BigQuery
// keeps jobs for six months ("Managing jobs": https://cloud.google.com/bigquery/docs/managing-jobs).
const jobsKnown = 150 * day

// Waits before a job is asked for, or tried, again.
const (
	firstWait = time.Second
	mostWait  = 10 * time.Minute // "quotaExceeded: .. wait 10 minutes or longer" (https://cloud.google.com/bigquery/docs/troubleshoot-quotas)
)

// visit is one call's way with the last round.
type visit struct {
	*Loader
	wait      bool            // until the round is settled; else only until its job runs
	submitted map[string]bool // jobs that this call has started: their failing is news, and not tried again for ever
	running   bool            // the job was left running
	pause     time.Duration   // the last one
	since     time.Time       // when the trouble began that is being waited out; zero: there is none
}

// settle sees a round through, from wherever another loader or an earlier life has left it, and returns it as
// it then stands.
func (v *visit) settle(ctx context.Context, r *round) (*round, error) {
	for {
		if r.settled != nil {
			return r, nil
		}
		err := v.step(ctx, r)
		if err != nil || v.running {
			return r, err
		}
		if r, err = v.mustRead(ctx, r.Round); err != nil {
			return nil, err
		}
	}
}

// step asks how the round's job stands, and does what follows from that.
func (v *visit) step(ctx context.Context, r *round) error {
	if len(r.paths()) == 0 {
		return v.conclude(ctx, r, settlement{})
	}
	id := r.job()
	job, err := v.Warehouse.Job(ctx, id)
	switch {
	case errors.Is(err, ErrNoJob):
		return v.submit(ctx, r, id)
	case err != nil:
		return v.bear(ctx, fmt.Errorf("loads: round %d: ask for job %s: %w", r.Round, id, err))
	}
	v.calm()
	switch {
	case !job.Done && !v.wait:
		v.running = true
		return nil
	case !job.Done:
		return v.Sleep(ctx, v.nextPause(v.Poll))
	case job.Err == nil:
		killpoint.Here("loads.job_done")
		return v.conclude(ctx, r, settlement{Job: id, Rows: job.Rows})
	}
	return v.again(ctx, r, id, job.Err)
}

// nextPause doubles the pause up to a bound.
func (v *visit) nextPause(most time.Duration) time.Duration {
	v.pause = min(max(firstWait, 2*v.pause), most)
	return v.pause
}

// bear waits out a trouble that may pass, as long as there is patience, and returns all others.
func (v *visit) bear(ctx context.Context, err error) error {
	kind, known := kindOf(err)
	if !known || kind != Passing && kind != Quota {
		return err
	}
	if v.since.IsZero() {
		v.since, v.pause = v.Now(), 0
	}
	pause := v.nextPause(mostWait)
	if v.Now().Add(pause).Sub(v.since) > v.Patience {
		return err
	}
	return v.Sleep(ctx, pause)
}

// calm notes that the warehouse answers.
func (v *visit) calm() {
	if !v.since.IsZero() {
		v.since, v.pause = time.Time{}, 0
	}
}

// submit starts the round's job. An answer that is lost does no harm: the next step asks for the job.
func (v *visit) submit(ctx context.Context, r *round, id string) error {
	if age := v.Now().Sub(r.lastJobAt()); age > jobsKnown {
		return fmt.Errorf("loads: round %d was made %d days ago and BigQuery knows no job %s, but it forgets jobs after six months: %s",
			r.Round, int(age/day), id, v.byHand(r, id))
	}
	if r.generation() > 1 && r.Source == v.Source {
		if err := v.Store.Stage(ctx, r.paths()); err != nil { // it may be that that was missing
			return fmt.Errorf("loads: %w", err)
		}
	}
	uris := r.paths()
	for i := range uris {
		uris[i] = r.Source + "/" + uris[i]
	}
	killpoint.Here("loads.before_job")
	v.submitted[id] = true
	err := v.Warehouse.Load(ctx, id, uris)
	switch {
	case err == nil:
		killpoint.Here("loads.job_made")
		v.calm()
		return nil
	case errors.Is(err, ErrJobExists): // another loader was faster, or an answer was lost: it is there in a moment
		killpoint.Here("loads.job_made")
		err = &Error{Kind: Passing, Reason: "duplicate", Message: "the id is taken, and there is no job of it",
			Advice: "it is asked for again; if that stays so, the job was deleted (bq rm -j): " + v.byHand(r, id)}
	}
	return v.bear(ctx, fmt.Errorf("loads: round %d: start job %s: %w", r.Round, id, err))
}

// byHand is what to do about a round whose job can't be known any more.
func (v *visit) byHand(r *round, id string) string {
	return fmt.Sprintf("see whether the table has rows of simulation %s; if so write {\"job\":%q} into %s/%s, else remove the folder's manifest.json",
		r.Simulations[0].ID, id, v.roundFolder(r.Round), settledName)
}

// conclude notes what became of the round. Another loader may have noted the same.
func (v *visit) conclude(ctx context.Context, r *round, s settlement) error {
	s.At = v.Now().UTC()
	_, err := v.writeOnce(ctx, v.roundFolder(r.Round)+"/"+settledName, s)
	killpoint.Here("loads.settled")
	return err
}

// again makes the next generation of a round whose job was seen to have failed, or returns why not now.
func (v *visit) again(ctx context.Context, r *round, id string, failed *Error) error {
	next := generation{Generation: r.generation() + 1, FailedJob: id, Reason: failed.Reason, Message: failed.Message}
	err := fmt.Errorf("loads: round %d: job %s failed: %w", r.Round, id, failed)
	switch failed.Kind {
	case Content:
		without, checkErr := v.culprits(ctx, r, failed)
		if checkErr != nil {
			return checkErr
		}
		next.Without = without
	case Refused:
		if v.submitted[id] {
			return err
		}
	}
	wait, paceErr := v.pace(ctx, r)
	if paceErr != nil {
		return paceErr
	}
	wait = max(wait, r.lastJobAt().Add(retryGap(r.generation())).Sub(v.Now()))
	if wait > 0 {
		if wait > v.Patience {
			return fmt.Errorf("%w; it is not tried again before %s", err, v.Now().Add(wait).UTC().Format("15:04:05Z"))
		}
		return v.Sleep(ctx, wait)
	}
	next.MadeAt = v.Now().UTC()
	_, err = v.writeOnce(ctx, v.roundFolder(r.Round)+"/"+generationName(next.Generation), next)
	killpoint.Here("loads.generation_made")
	return err
}

// retryGap is the least time from one job of a round to its next: 1 s, 2 s, .. 10 minutes.
func retryGap(generation int) time.Duration {
	return min(firstWait<<min(generation-1, 16), mostWait)
}

// culprits are the files of a round that its job can't have read: gone, or damaged. If there are none, the job
// knows better than we do: all of them, which gives the round up.
func (v *visit) culprits(ctx context.Context, r *round, failed *Error) (without []leftOut, err error) {
	out := r.without()
	for _, p := range r.Simulations {
		for _, text := range p.Rows {
			if _, gone := out[fileOf{p.ID, text}]; gone {
				continue
			}
			row, _ := parseRow(text)
			wrong, err := v.Store.Check(ctx, p.ID, row)
			if err != nil {
				return nil, fmt.Errorf("loads: round %d: %w", r.Round, err)
			}
			if wrong != "" {
				without = append(without, leftOut{p.ID, text, wrong})
			}
		}
	}
	if len(without) > 0 {
		return without, nil
	}
	for _, p := range r.Simulations {
		for _, text := range p.Rows {
			if _, gone := out[fileOf{p.ID, text}]; !gone {
				without = append(without, leftOut{p.ID, text, "the table's warehouse can't read a file of its round: " + failed.Message})
			}
		}
	}
	return without, nil
}
