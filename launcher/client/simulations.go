package client

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// Submission is a study to run.
type Submission struct {
	Config []byte // YAML or JSON, as `whatif validate` takes it; paths in it are the launcher's
	Type   string // its media type; default: application/yaml, of which JSON is a part

	RunAt    time.Time // not before; zero: as soon as there is room
	Priority *int      // 0 to 9, higher first; nil: the launcher's default
	Webhook  string    // address to tell when it is finished; empty: none

	// IdempotencyKey makes the same submission under the same key the first one again. Default: a new
	// key, so that only this call's own tries are the same.
	IdempotencyKey string
}

// Submit submits a study; it is durable when Submit returns. Mistakes of the configuration are an
// *[Error] with all of them.
func (c *Client) Submit(ctx context.Context, s Submission) (sim wire.Simulation, err error) {
	q := url.Values{}
	if !s.RunAt.IsZero() {
		q.Set("run_at", s.RunAt.UTC().Format(time.RFC3339Nano))
	}
	if s.Priority != nil {
		q.Set("priority", strconv.Itoa(*s.Priority))
	}
	if s.Webhook != "" {
		q.Set("webhook", s.Webhook)
	}
	key := s.IdempotencyKey
	if key == "" {
		key = c.o.NewKey()
	}
	err = c.ask(ctx, s.call(q).with("Idempotency-Key", key), &sim)
	return sim, err
}

// Validate answers what a submission would run, of which only Config and Type count; nothing runs.
func (c *Client) Validate(ctx context.Context, s Submission) (v wire.Validation, err error) {
	err = c.ask(ctx, s.call(url.Values{"validate_only": {"true"}}), &v)
	return v, err
}

// call posts the configuration.
func (s Submission) call(q url.Values) call {
	what := call{method: http.MethodPost, path: []string{"v1", "simulations"}, query: q, repeatable: true}
	return what.bytesBody(cmp.Or(s.Type, "application/yaml"), s.Config)
}

// Simulation is where a simulation stands.
func (c *Client) Simulation(ctx context.Context, id string) (sim wire.Simulation, err error) {
	err = c.ask(ctx, get("v1", "simulations", id), &sim)
	return sim, err
}

// Latest is the simulation submitted last. ok is false if there is none.
func (c *Client) Latest(ctx context.Context) (sim wire.Simulation, ok bool, err error) {
	page, err := c.simulations(ctx, Filter{}.values(), 1, "")
	if err != nil || len(page.Simulations) == 0 {
		return sim, false, err
	}
	return page.Simulations[0], true, nil
}

// Filter selects simulations; what is empty selects all.
type Filter struct {
	State  string
	Owner  string
	Labels map[string]string

	PageSize int // how many are asked for at once; default MaxPageSize
}

func (f Filter) values() url.Values {
	q := url.Values{}
	if f.State != "" {
		q.Set("state", f.State)
	}
	if f.Owner != "" {
		q.Set("owner", f.Owner)
	}
	for key, value := range f.Labels {
		q.Set("label."+key, value)
	}
	return q
}

// List goes through simulations, newest first, asking for pages as it goes.
func (c *Client) List(ctx context.Context, f Filter) iter.Seq2[wire.Simulation, error] {
	return paged(func(token string) ([]wire.Simulation, string, error) {
		page, err := c.simulations(ctx, f.values(), cmp.Or(f.PageSize, MaxPageSize), token)
		return page.Simulations, page.NextPageToken, err
	})
}

func (c *Client) simulations(ctx context.Context, q url.Values, size int, token string) (page wire.SimulationList, err error) {
	what := get("v1", "simulations")
	what.query = paging(q, size, token)
	err = c.ask(ctx, what, &page)
	return page, err
}

// Variants goes through a simulation's variants in the order of the plan; state selects those in
// one state, empty: all.
func (c *Client) Variants(ctx context.Context, id, state string) iter.Seq2[wire.Variant, error] {
	return paged(func(token string) ([]wire.Variant, string, error) {
		what := get("v1", "simulations", id, "variants")
		what.query = url.Values{}
		if state != "" {
			what.query.Set("status", state)
		}
		what.query = paging(what.query, MaxPageSize, token)
		var page wire.VariantList
		err := c.ask(ctx, what, &page)
		return page.Variants, page.NextPageToken, err
	})
}

// Variant is one variant with its attempts.
func (c *Client) Variant(ctx context.Context, id, variant string) (v wire.Variant, err error) {
	err = c.ask(ctx, get("v1", "simulations", id, "variants", variant), &v)
	return v, err
}

// Cancel ends a simulation. One that runs ends soon after: see Simulation.Wanted.
func (c *Client) Cancel(ctx context.Context, id string) (wire.Simulation, error) {
	return c.act(ctx, id, "cancel", true, nil)
}

// Pause stops a running simulation after giving up what is in flight; finished variants are kept.
func (c *Client) Pause(ctx context.Context, id string) (wire.Simulation, error) {
	return c.act(ctx, id, "pause", false, nil)
}

// Resume lets a paused simulation go on.
func (c *Client) Resume(ctx context.Context, id string) (wire.Simulation, error) {
	return c.act(ctx, id, "resume", false, nil)
}

// Retry runs failed and cancelled variants of a finished simulation again: those named, else all.
func (c *Client) Retry(ctx context.Context, id string, variants ...string) (wire.Simulation, error) {
	return c.act(ctx, id, "retry", false, &wire.RetryRequest{Variants: variants})
}

func (c *Client) act(ctx context.Context, id, verb string, repeatable bool, body *wire.RetryRequest) (sim wire.Simulation, err error) {
	what := call{method: http.MethodPost, path: []string{"v1", "simulations", id + ":" + verb}, repeatable: repeatable}
	if body != nil {
		if what, err = what.jsonBody(body); err != nil {
			return sim, err
		}
	}
	err = c.ask(ctx, what, &sim)
	return sim, err
}

// Delete removes a finished simulation and its results; its id answers 410 from then on.
func (c *Client) Delete(ctx context.Context, id string) error {
	return c.ask(ctx, call{method: http.MethodDelete, path: []string{"v1", "simulations", id}}, nil)
}

// get is a call that reads.
func get(path ...string) call {
	return call{method: http.MethodGet, path: path, repeatable: true}
}

// MaxPageSize is how many entries of a listing a launcher gives at once.
const MaxPageSize = 200

func paging(q url.Values, size int, token string) url.Values {
	if size > 0 {
		q.Set("page_size", strconv.Itoa(size))
	}
	if token != "" {
		q.Set("page_token", token)
	}
	return q
}

// paged goes through the entries of a listing page by page. An error is its last element.
func paged[T any](page func(token string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for token := ""; ; {
			entries, next, err := page(token)
			if err != nil {
				yield(none, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			if next == token {
				yield(none, fmt.Errorf("client: the launcher answers with the same page again and again"))
				return
			}
			token = next
		}
	}
}
