package client

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// Upload stores a campaigns file or a small snapshot to refer to by its URI. The same bytes give the
// same URI, however often.
func (c *Client) Upload(ctx context.Context, file io.ReaderAt, size int64) (up wire.Upload, err error) {
	what := call{method: http.MethodPost, path: []string{"v1", "uploads"}, body: file, size: size, repeatable: true}
	err = c.ask(ctx, what.with("Content-Type", "application/octet-stream"), &up)
	return up, err
}

// Notes goes through the notes about a simulation, oldest first.
func (c *Client) Notes(ctx context.Context, id string) iter.Seq2[wire.Note, error] {
	return paged(func(token string) ([]wire.Note, string, error) {
		what := get("v1", "simulations", id, "notes")
		what.query = paging(url.Values{}, MaxPageSize, token)
		var page wire.NoteList
		err := c.ask(ctx, what, &page)
		return page.Notes, page.NextPageToken, err
	})
}

// AddNote writes a note about a simulation or one of its variants.
func (c *Client) AddNote(ctx context.Context, id string, n wire.NoteRequest) (note wire.Note, err error) {
	what, err := call{method: http.MethodPost, path: []string{"v1", "simulations", id, "notes"}}.jsonBody(n)
	if err != nil {
		return note, err
	}
	err = c.ask(ctx, what, &note)
	return note, err
}

// Feed goes through what happened in the tenant, newest first.
func (c *Client) Feed(ctx context.Context) iter.Seq2[wire.Event, error] {
	return paged(func(token string) ([]wire.Event, string, error) {
		what := get("v1", "feed")
		what.query = paging(url.Values{}, MaxPageSize, token)
		var page wire.Feed
		err := c.ask(ctx, what, &page)
		return page.Events, page.NextPageToken, err
	})
}

// CreateLink makes a short link to a page or view of the launcher.
func (c *Client) CreateLink(ctx context.Context, l wire.LinkRequest) (link wire.Link, err error) {
	what, err := call{method: http.MethodPost, path: []string{"v1", "links"}}.jsonBody(l)
	if err != nil {
		return link, err
	}
	err = c.ask(ctx, what, &link)
	return link, err
}

// CreateSchedule makes a schedule: its configuration is submitted whenever its cron expression says.
func (c *Client) CreateSchedule(ctx context.Context, r wire.ScheduleRequest) (wire.Schedule, error) {
	return c.schedule(ctx, http.MethodPost, r, "v1", "schedules")
}

// UpdateSchedule changes what the request has of a schedule.
func (c *Client) UpdateSchedule(ctx context.Context, id string, r wire.ScheduleRequest) (wire.Schedule, error) {
	return c.schedule(ctx, http.MethodPatch, r, "v1", "schedules", id)
}

func (c *Client) schedule(ctx context.Context, method string, r wire.ScheduleRequest, path ...string) (s wire.Schedule, err error) {
	what, err := call{method: method, path: path, repeatable: method == http.MethodPatch}.jsonBody(r)
	if err != nil {
		return s, err
	}
	err = c.ask(ctx, what, &s)
	return s, err
}

// Schedule is one schedule.
func (c *Client) Schedule(ctx context.Context, id string) (s wire.Schedule, err error) {
	err = c.ask(ctx, get("v1", "schedules", id), &s)
	return s, err
}

// Schedules goes through the tenant's schedules by name.
func (c *Client) Schedules(ctx context.Context) iter.Seq2[wire.Schedule, error] {
	return paged(func(token string) ([]wire.Schedule, string, error) {
		what := get("v1", "schedules")
		what.query = paging(url.Values{}, MaxPageSize, token)
		var page wire.ScheduleList
		err := c.ask(ctx, what, &page)
		return page.Schedules, page.NextPageToken, err
	})
}

// DeleteSchedule removes a schedule; the simulations it made stay.
func (c *Client) DeleteSchedule(ctx context.Context, id string) error {
	return c.ask(ctx, call{method: http.MethodDelete, path: []string{"v1", "schedules", id}}, nil)
}
