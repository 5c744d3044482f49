package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/limit"
	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

// views are those of package reading that have a route. `variants` is another route: the list.
var views = []struct{ name, summary string }{
	{"comparison", "Compare the variants with the baseline"},
	{"campaigns", "What each campaign got out of each variant"},
	{"frequency", "How many people saw how many impressions"},
	{"breakdowns", "The results by country, device, hour or what else the study breaks down by"},
	{"effects", "How each metric came out for each value of a parameter"},
	{"pareto", "The variants that no other beats on both of two metrics, `x` and `y`"},
	{"failures", "The variants that failed, and why"},
	{"metrics", "Each metric of each variant beside the baseline's, with its interval if there are replicates"},
	{"groups", "The results by advertiser or what else the study groups by"},
	{"contention", "Who won the slots that a campaign lost"},
	{"campaign_frequency", "How many people saw how many impressions of a campaign"},
}

const csvType = "text/csv"

func (s *server) routeViews() {
	const explained = "Rows of the view of this name. `sort` takes a column or metric, the highest first unless `order=asc`; `top` takes the first so " +
		"many. Any column of the view is a filter: `variant_id=v0001`. With `Accept: text/csv` or `format=csv` all rows come as CSV. " +
		"While the simulation runs these are the rows so far (`partial`, `note`); `sql` is the query that made them."
	schemas := s.huma.OpenAPI().Components.Schemas
	for _, v := range views {
		content := jsonOf[wire.Table](schemas)
		content[csvType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		route(s, huma.Operation{
			OperationID: "view-" + strings.ReplaceAll(v.name, "_", "-"), Method: http.MethodGet, Path: "/v1/simulations/{id}/" + v.name, Tags: []string{"results"},
			Metadata: map[string]any{metaClass: limit.Heavy, metaDynamic: true, metaAccepts: []string{csvType}},
			Summary:  v.summary, Description: explained,
			Responses: map[string]*huma.Response{
				"200": {Description: "A page of rows, or all of them as CSV", Content: content},
				"304": {Description: "Nothing has changed since the answer with this ETag"},
			},
		}, access.ScopeRead, []code{notFound, gone, answerTooLarge, overloaded}, func(ctx context.Context, in *viewInput) (*viewOutput, error) {
			return s.view(ctx, v.name, in)
		})
	}
	route(s, huma.Operation{
		OperationID: "report", Method: http.MethodGet, Path: "/v1/simulations/{id}/report", Tags: []string{"results"},
		Metadata: map[string]any{metaClass: limit.Heavy, metaAccepts: []string{"text/html"}},
		Summary:  "One page with tables, curves and what failed, complete in itself",
		Responses: map[string]*huma.Response{"200": {
			Description: "The page", Content: map[string]*huma.MediaType{"text/html": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}, access.ScopeRead, []code{notFound, gone, answerTooLarge, overloaded}, s.report)
}

type viewInput struct {
	BySimulation
	Rest
	Metrics   []string `query:"metric,explode" maxItems:"100" doc:"metrics to show, repeated; of comparison, metrics and effects"`
	Sort      string   `query:"sort" maxLength:"200" doc:"column or metric"`
	Order     string   `query:"order" enum:"asc,desc" doc:"default desc: the highest first"`
	Top       int      `query:"top" minimum:"1" doc:"rows at most; of comparison beside the baseline"`
	X         string   `query:"x" maxLength:"200" doc:"of pareto: a metric, with a minus where less is better; default revenue"`
	Y         string   `query:"y" maxLength:"200" doc:"likewise; default reach"`
	PageSize  int      `query:"page_size" minimum:"1" maximum:"5000" default:"200"`
	PageToken string   `query:"page_token" maxLength:"4000"`
	Format    string   `query:"format" enum:"json,csv" doc:"instead of an Accept field"`
	Accept    string   `header:"Accept" hidden:"true"`
	IfNone    string   `header:"If-None-Match" maxLength:"1000"`
}

type viewOutput struct {
	Status int
	ETag   string `header:"ETag"`
	Vary   string `header:"Vary"`
	Body   func(huma.Context)
}

// request is what the reader is asked.
func (in *viewInput) request(name string, sim store.Simulation) (reading.Request, error) {
	r := reading.Request{
		SimulationID: sim.ID, View: name, Metrics: in.Metrics, Sort: in.Sort, Ascending: in.Order == "asc", Top: in.Top,
		X: in.X, Y: in.Y, PageSize: in.PageSize, PageToken: in.PageToken, Where: map[string]string{},
	}
	if sim.State.Finished() {
		r.Finished, r.Revision = hasRows(sim), revision(sim)
	}
	own := []string{"metric", "sort", "order", "top", "x", "y", "page_size", "page_token", "format"}
	for column, values := range in.query {
		if slices.Contains(own, column) {
			continue
		}
		if len(values) != 1 {
			return r, field("query", column, "is given more than once")
		}
		r.Where[column] = values[0]
	}
	return r, nil
}

// hasRows reports whether a simulation left rows.
func hasRows(sim store.Simulation) bool { return sim.Counts.Succeeded+sim.Counts.Failed > 0 }

// csv reports whether the answer is to be CSV: asked for by name, or accepted where JSON is not.
func (in *viewInput) csv() bool {
	if in.Format != "" {
		return in.Format == "csv"
	}
	accept := []string{in.Accept}
	return in.Accept != "" && acceptable(accept, []string{csvType}) && !acceptable(accept, []string{"application/json"})
}

func (s *server) view(ctx context.Context, name string, in *viewInput) (*viewOutput, error) {
	sim, err := s.simulation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	request, err := in.request(name, sim)
	if err != nil {
		return nil, err
	}
	out := &viewOutput{Status: http.StatusOK, Vary: "Accept"}
	if sim.State.Finished() {
		// Rows of a finished simulation change with an event only, so that the query need not be made.
		out.ETag = fmt.Sprintf("W/%q", etag(sim, name, in))
		if matches(in.IfNone, out.ETag) {
			out.Status, out.Body = http.StatusNotModified, func(ctx huma.Context) { ctx.SetStatus(http.StatusNotModified) }
			return out, nil
		}
	}
	if in.csv() {
		out.Body = s.whole(csvType+"; charset=utf-8; header=present", func(w io.Writer) error { return placed(s.Reader.CSV(ctx, request, w), request) })
		return out, nil
	}
	table, err := s.table(ctx, sim, request)
	if err != nil {
		return nil, err
	}
	out.Body = func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/json")
		ctx.SetStatus(http.StatusOK)
		if err := json.NewEncoder(ctx.BodyWriter()).Encode(table); err != nil && ctx.Context().Err() == nil {
			panic(fmt.Errorf("a table that is no JSON: %w", err))
		}
	}
	return out, nil
}

// table is a page of a view, with what is missing of it.
func (s *server) table(ctx context.Context, sim store.Simulation, request reading.Request) (*wire.Table, error) {
	a, err := s.Reader.Read(ctx, request)
	if err != nil {
		return nil, placed(err, request)
	}
	t := &wire.Table{
		SimulationID: sim.ID, View: request.View, Columns: make([]wire.Column, 0, len(a.Columns)), Rows: a.Rows, SQL: a.SQL, NextPage: a.NextPage,
		Partial: !sim.State.Finished(),
	}
	if t.Rows == nil {
		t.Rows = [][]any{}
	}
	for _, c := range a.Columns {
		t.Columns = append(t.Columns, wire.Column(c))
	}
	if sim.Counts.Succeeded == sim.Variants {
		return t, nil
	}
	reasons, err := s.reasons(ctx, sim)
	t.Note = standing(sim, "", reasons)
	return t, err
}

// placed names the parameter that a mistake in a filter is about: for the reader all filters are one field.
func placed(err error, request reading.Request) error {
	bad, ok := errors.AsType[*reading.BadRequest](err)
	if !ok || bad.Field != "where" {
		return err
	}
	for _, column := range slices.Sorted(maps.Keys(request.Where)) {
		written := "column (" + regexp.QuoteMeta(column) + `\b|` + regexp.QuoteMeta(strconv.Quote(column)) + ")"
		if len(request.Where) == 1 || regexp.MustCompile(written).MatchString(bad.Message) {
			return &reading.BadRequest{Field: column, Message: bad.Message}
		}
	}
	return err
}

// whole answers with a text that may be long, as it is made. An error before its first byte is a problem;
// after that the connection is cut, so that nobody takes a part for the whole.
func (s *server) whole(contentType string, write func(io.Writer) error) func(huma.Context) {
	return func(ctx huma.Context) {
		r, w := humachi.Unwrap(ctx)
		begun := &begun{w: w, contentType: contentType}
		err := write(begun)
		switch {
		case err == nil && !begun.yes:
			if _, err := begun.Write(nil); err != nil { // an empty text
				_ = note(r.Context(), err)
			}
		case err != nil && !begun.yes:
			w.Header().Del("ETag")
			writeProblem(w, r, err)
		case err != nil:
			_ = note(r.Context(), err)
			panic(http.ErrAbortHandler)
		}
	}
}

// begun is an answer whose head is sent with its first byte.
type begun struct {
	w           http.ResponseWriter
	contentType string
	yes         bool
}

func (b *begun) Write(p []byte) (int, error) {
	if !b.yes {
		b.yes = true
		b.w.Header().Set("Content-Type", b.contentType)
		b.w.WriteHeader(http.StatusOK)
	}
	return b.w.Write(p)
}

// pagePolicy lets the report's own scripts run, in a page that is no part of this origin and can load
// nothing. What it may do besides is in the page itself.
const pagePolicy = "sandbox allow-scripts allow-downloads; frame-ancestors 'none'; connect-src 'none'; form-action 'none'; base-uri 'none'"

type reportOutput struct{ Body func(huma.Context) }

func (s *server) report(ctx context.Context, in *BySimulation) (*reportOutput, error) {
	sim, err := s.simulation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if !hasRows(sim) {
		return nil, refuse(notFound, "no variant of %s has finished yet: there is nothing to report", sim.ID)
	}
	at := ""
	if sim.State.Finished() {
		at = revision(sim)
	}
	return &reportOutput{func(hctx huma.Context) {
		hctx.SetHeader("Content-Security-Policy", pagePolicy)
		s.whole("text/html; charset=utf-8", func(w io.Writer) error {
			return s.Reader.Report(ctx, sim.ID, sim.State.Finished(), at, w)
		})(hctx)
	}}, nil
}
