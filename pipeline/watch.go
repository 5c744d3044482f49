package pipeline

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms"
	"github.com/whatif-machine/whatif/transforms/results"
)

// watch finds out from the result store what happens to the variants of a job that runs elsewhere, and tells
// it: each once, a beginning before its end, however much has happened between two looks.
type watch struct {
	store    *results.Store
	job      transforms.Job
	variants []string // in the plan's order
	tell     func(message)

	began map[string]bool
	done  map[string]bool // or of no interest
}

func newWatch(store *results.Store, job transforms.Job, variants []string, tell func(message)) *watch {
	w := &watch{store: store, job: job, variants: variants, tell: tell, began: map[string]bool{}, done: map[string]bool{}}
	for _, id := range job.Only {
		w.done[id] = true
	}
	for _, id := range variants {
		delete(w.done, id)
	}
	return w
}

// readers is how many rows are looked into at a time.
const readers = 8

// look tells what is new. It takes a few requests, and one or two for each row that is.
func (w *watch) look(ctx context.Context) error {
	at, err := w.store.Standing(ctx, w.job.SimulationID, w.job.Attempt, w.done)
	if err != nil {
		return err
	}
	var fresh []string
	for _, id := range w.variants {
		if w.done[id] {
			continue
		}
		if at.Started[id] || at.Rows[id] {
			w.begin(id)
		}
		if at.Rows[id] {
			fresh = append(fresh, id)
		}
	}
	return w.read(ctx, fresh)
}

func (w *watch) begin(id string) {
	if !w.began[id] {
		w.began[id] = true
		w.tell(message{Kind: string(transforms.Started), VariantID: id})
	}
}

// read tells of rows. One that can't be read now is looked at again the next time.
func (w *watch) read(ctx context.Context, ids []string) error {
	outcomes, faults := make([]message, len(ids)), make([]error, len(ids))
	var group errgroup.Group
	group.SetLimit(readers)
	for i, id := range ids {
		group.Go(func() error {
			outcomes[i], faults[i] = w.outcome(ctx, id)
			return nil
		})
	}
	_ = group.Wait() // the faults are told one by one
	for i, id := range ids {
		if faults[i] == nil {
			w.done[id] = true
			w.tell(outcomes[i])
		}
	}
	return errors.Join(faults...)
}

// outcome is what is to be told of a row.
func (w *watch) outcome(ctx context.Context, id string) (message, error) {
	row, there, err := w.store.Outcome(ctx, w.job.SimulationID, id, w.job.Attempt)
	if err == nil && !there {
		err = passing{errors.New("pipeline: the row of variant " + id + " is listed and can't be found")}
	}
	m := message{Kind: string(transforms.Committed), VariantID: id, Status: row.Status, Reason: row.Reason, Retryable: row.Reason.Retryable()}
	if err != nil || row.Status != model.StatusFailed {
		return m, err
	}
	whole, err := w.store.Read(ctx, w.job.SimulationID, id, w.job.Attempt)
	if err == nil && whole.Error != nil {
		m.Message = transforms.Short(whole.Error.Message)
	}
	return m, err
}
