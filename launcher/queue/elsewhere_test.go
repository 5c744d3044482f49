package queue

import (
	"context"
	"testing"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/pipeline"
)

// TestWhatBecomesOfAJobElsewhere when the run of its simulation ends: its user's wishes end the job too; a launcher
// that stops, or has lost the simulation to another, leaves it to whoever goes on. The runs know the
// launcher's settings.
func TestWhatBecomesOfAJobElsewhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end    func(t *testing.T, r *room, q *Queue, id string)
		leaves bool
	}{
		"cancelled": {func(t *testing.T, r *room, _ *Queue, id string) {
			if _, err := r.store.Cancel(t.Context(), tenant0, id, "a test"); err != nil {
				t.Error(err)
			}
		}, false},
		"paused": {func(t *testing.T, r *room, _ *Queue, id string) {
			if _, err := r.store.Pause(t.Context(), tenant0, id, "a test"); err != nil {
				t.Error(err)
			}
		}, false},
		"stopped": {func(t *testing.T, _ *room, q *Queue, _ string) {
			if err := q.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}, true},
		"its lease is lost": {func(_ *testing.T, _ *room, q *Queue, _ string) {
			q.mu.Lock()
			defer q.mu.Unlock()
			for _, claim := range q.claimed {
				claim.lose(store.ErrLeaseLost)
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t)
			q := r.queue(t, func(o *Options) {
				o.Runner, o.Elsewhere = "flink", pipeline.Elsewhere{Settings: pipeline.Settings{Endpoint: "127.0.0.1:8099"}}
			})
			runs, left := make(chan pipeline.RunOptions, 1), make(chan bool, 1)
			q.run = func(ctx context.Context, o pipeline.RunOptions) (pipeline.Summary, error) {
				select {
				case runs <- o:
				default: // it was paused and goes on
				}
				<-ctx.Done()
				select {
				case left <- o.Leave(context.Cause(ctx)):
				default:
				}
				return pipeline.Summary{}, ctx.Err()
			}
			start(t, q)
			sim := r.submitStudy(t, writeStudy(t, []string{"1.0"}, ""))
			o := <-runs
			if o.DefaultRunner != "flink" || o.Elsewhere.Settings.Endpoint != "127.0.0.1:8099" || o.Runner != "" {
				t.Errorf("%+v", o)
			}
			c.end(t, r, q, sim.ID)
			if got := <-left; got != c.leaves {
				t.Errorf("it is left alone: %v, want %v", got, c.leaves)
			}
		})
	}
}
