package client

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strconv"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// Query says which rows of a view, in which order; what is empty is the view's default.
type Query struct {
	Metrics   []string // of `comparison`, `effects`
	Sort      string   // a column, or a metric of `comparison`
	Ascending bool
	Top       int
	X, Y      string            // metrics of `pareto`
	Where     map[string]string // column = value
	PageSize  int
	PageToken string
}

func (q Query) values() url.Values {
	v := url.Values{}
	for _, m := range q.Metrics {
		v.Add("metric", m)
	}
	for name, text := range map[string]string{"sort": q.Sort, "x": q.X, "y": q.Y} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if q.Ascending {
		v.Set("order", "asc")
	}
	if q.Top > 0 {
		v.Set("top", strconv.Itoa(q.Top))
	}
	for column, value := range q.Where {
		v.Set(column, value)
	}
	return paging(v, q.PageSize, q.PageToken)
}

// Table is one page of a view of a simulation: comparison, campaigns, frequency, breakdowns, effects,
// pareto or failures. While the simulation runs it has what is there so far, and says so.
func (c *Client) Table(ctx context.Context, id, view string, q Query) (t wire.Table, err error) {
	what := get("v1", "simulations", id, view)
	what.query = q.values()
	err = c.ask(ctx, what, &t)
	return t, err
}

// CSV writes a view as CSV with a header to out.
func (c *Client) CSV(ctx context.Context, id, view string, q Query, out io.Writer) (err error) {
	what := get("v1", "simulations", id, view).with("Accept", "text/csv")
	what.query = q.values()
	res, err := c.send(ctx, what)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	_, err = io.Copy(out, res.Body)
	return err
}
