package reading

import (
	"context"

	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/warehouse"
)

// Column is a column of an answer.
type Column struct {
	Name string
	Type string // STRING, INT64, FLOAT64, BOOL, DATE, TIMESTAMP, or ARRAY<STRUCT<..>> of these
}

// Answer is one page of rows.
type Answer struct {
	Columns  []Column
	Rows     [][]any           // values that JSON can carry: nil, bool, int64, float64, string, time.Time, []any, map[string]any
	NextPage string            // token of the page behind this one; empty: this is the last
	SQL      map[string]string // the whole answer as one statement, for duckdb and bigquery
}

// Read answers one page of a view.
func (r *Reader) Read(ctx context.Context, req Request) (*Answer, error) {
	q, err := r.prepare(ctx, req)
	if err != nil {
		return nil, err
	}
	size := req.PageSize
	if size <= 0 {
		size = DefaultPageSize
	}
	rows, next, err := r.batch(ctx, q, min(size, MaxPageSize), false)
	if err != nil {
		return nil, err
	}
	answer := &Answer{Columns: q.answered(), Rows: rows, SQL: q.statements(r.options.Dataset)}
	if next != nil {
		answer.NextPage, err = next.token()
	}
	return answer, err
}

// question is a checked request and where in its answer the reading stands.
type question struct {
	*selection
	of       snapshot
	finished bool
	at       position
	window   int // variants that the last reading took at a time
}

// prepare checks a request, and its page token against it and the rows there are.
func (r *Reader) prepare(ctx context.Context, req Request) (*question, error) {
	s, err := choose(req)
	if err != nil {
		return nil, err
	}
	now, err := r.snapshot(ctx, req)
	if err != nil {
		return nil, err
	}
	of, err := binding(req, now.revision)
	if err != nil {
		return nil, err
	}
	at, err := s.parseToken(req.PageToken, of)
	if err != nil {
		return nil, err
	}
	return &question{selection: s, of: now, finished: req.Finished, at: at}, nil
}

// batch reads the next rows of an answer and tells where it goes on; nil: nowhere.
func (r *Reader) batch(ctx context.Context, q *question, size int, begun bool) (rows [][]any, next *position, err error) {
	if q.top > 0 {
		size = min(size, q.most()-q.at.Given)
	}
	if size <= 0 {
		return [][]any{}, nil, nil
	}
	err = r.using(ctx, q.of, q.finished, begun, func(w *warehouse.Warehouse) error {
		rows, err = q.read(ctx, w, size+1)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	next = q.goesOn(rows, size)
	return q.shown(rows[:min(size, len(rows))]), next, nil
}

// most is how many rows the answer may have: of a comparison, those of the baseline and of Top variants.
func (s *selection) most() int {
	if s.view.name == "comparison" {
		return s.top + 1
	}
	return s.top
}

// goesOn is the position behind a page, if there is more: rows has one beyond the page then.
func (q *question) goesOn(rows [][]any, size int) *position {
	given := q.at.Given + size
	if len(rows) <= size || q.top > 0 && given >= q.most() {
		return nil
	}
	return &position{Of: q.at.Of, After: q.place(rows[size-1]), Given: given}
}

// answered are the columns as an answer names them.
func (s *selection) answered() (list []Column) {
	for _, c := range s.columns {
		list = append(list, Column{Name: c.Name, Type: c.Type})
	}
	return list
}

// shown turns values into those of an answer, in place.
func (s *selection) shown(rows [][]any) [][]any {
	for _, row := range rows {
		for i, c := range s.columns {
			row[i] = shown(c, row[i])
		}
	}
	if rows == nil {
		return [][]any{} // a JSON list, not null
	}
	return rows
}

// statements are the whole answer in every dialect.
func (s *selection) statements(dataset sql.Dataset) map[string]string {
	return map[string]string{
		duckDB:   s.statement(&writer{dialect: duckDB}),
		bigQuery: s.statement(&writer{dialect: bigQuery, dataset: dataset}),
	}
}
