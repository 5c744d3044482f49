package reading

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql"
)

// Sizes of a page of rows.
const (
	DefaultPageSize = 200
	MaxPageSize     = 5000 // a request for more gets so many
)

// Request asks for a page of a view of one simulation. The caller has made sure that whoever asks may
// see the simulation.
type Request struct {
	SimulationID string
	Finished     bool   // no more rows will come, and some have: without result files that is an error, not an empty answer
	Revision     string // changes when a row has been added; empty: looked up in the result store each time
	View         string // one of Views

	Metrics   []string          // of comparison, metrics and effects; default: those of the comparison view, or all
	Sort      string            // a column of the answer; default: the view's natural order
	Ascending bool              // with Sort: lowest first
	Top       int               // rows at most, over all pages; of a comparison beside the baseline; 0: all
	X, Y      string            // of pareto: metrics, with a minus where less is better; default revenue and reach
	Where     map[string]string // column = value, of the view's columns

	PageSize  int    // default DefaultPageSize
	PageToken string // NextPage of the page before
}

// Defaults of pareto.
const (
	defaultX = "revenue"
	defaultY = "reach"
)

// filter keeps the rows whose column has a value.
type filter struct {
	column sql.Column
	value  any
}

// key is one term of an order: a column, nulls last; or whether the row is the baseline's, which is
// then first.
type key struct {
	column     sql.Column
	descending bool
	baseline   bool
}

// selection is a request that has been checked: what is asked of which view.
type selection struct {
	view       view
	simulation string
	date       string       // of its id, which is its partition
	columns    []sql.Column // of the answer
	filters    []filter     // by column name
	metrics    []string
	x, y       string
	sort       string
	ascending  bool
	order      []key
	top        int
}

// choose checks a request.
func choose(req Request) (*selection, error) {
	day, err := model.SimulationDate(req.SimulationID)
	if err != nil {
		return nil, bad("simulation", "%v", err)
	}
	v, columns, err := viewNamed(req.View)
	if err != nil {
		return nil, err
	}
	s := &selection{view: v, simulation: req.SimulationID, date: day.Format(time.DateOnly), columns: columns, ascending: req.Ascending, top: req.Top}
	if err := s.chooseMetrics(req); err != nil {
		return nil, err
	}
	if err := s.chooseFront(req); err != nil {
		return nil, err
	}
	if s.filters, err = filters(columns, req.Where); err != nil {
		return nil, err
	}
	if v.name == "comparison" {
		s.columns = s.compared()
	}
	return s, s.chooseOrder(req)
}

// chooseMetrics takes the metrics asked for, each once.
func (s *selection) chooseMetrics(req Request) error {
	if len(req.Metrics) > 0 && !s.view.metrics {
		return bad("metric", "view %s has no choice of metrics; comparison, metrics and effects have", s.view.name)
	}
	for _, m := range req.Metrics {
		if err := oneOf("metric", "metric", m, sql.Metrics); err != nil {
			return err
		}
		if !slices.Contains(s.metrics, m) {
			s.metrics = append(s.metrics, m)
		}
	}
	if s.view.name != "comparison" {
		return nil
	}
	if len(s.metrics) == 0 {
		s.metrics = slices.Clone(sql.DefaultMetrics)
	}
	// What a comparison is sorted by is shown.
	if slices.Contains(sql.Metrics, req.Sort) && !slices.Contains(s.metrics, req.Sort) {
		s.metrics = append(s.metrics, req.Sort)
	}
	return nil
}

// chooseFront takes the two metrics of a Pareto front.
func (s *selection) chooseFront(req Request) error {
	if s.view.name != "pareto" {
		if req.X != "" || req.Y != "" {
			return bad("x", "x and y are the metrics of view pareto; view %s has none", s.view.name)
		}
		return nil
	}
	s.x, s.y = defaultX, defaultY
	for _, axis := range []struct {
		field, written string
		into           *string
	}{{"x", req.X, &s.x}, {"y", req.Y, &s.y}} {
		if axis.written == "" {
			continue
		}
		if err := oneOf(axis.field, "metric", strings.TrimPrefix(axis.written, "-"), sql.Metrics); err != nil {
			return err
		}
		*axis.into = axis.written
	}
	return nil
}

// filters reads the conditions of a request, in the order of the columns' names.
func filters(columns []sql.Column, where map[string]string) (list []filter, err error) {
	for _, name := range slices.Sorted(maps.Keys(where)) {
		i := slices.IndexFunc(columns, func(c sql.Column) bool { return c.Name == name })
		if i < 0 {
			return nil, unknown("where", "column", name, names(columns))
		}
		value, err := parseValue(columns[i], where[name])
		if err != nil {
			return nil, err
		}
		list = append(list, filter{columns[i], value})
	}
	return list, nil
}

// compared are the columns of a comparison of the chosen metrics.
func (s *selection) compared() []sql.Column {
	columns := []sql.Column{{Name: "variant_id", Type: typeString}, {Name: "parameters", Type: typeString}, {Name: "comparable", Type: typeBool}}
	for _, m := range s.metrics {
		for _, suffix := range []string{"", "_delta", "_relative_delta"} {
			columns = append(columns, sql.Column{Name: m + suffix, Type: typeFloat})
		}
	}
	return columns
}

// chooseOrder makes the order complete: by the column asked for, then by what tells rows apart.
func (s *selection) chooseOrder(req Request) error {
	if req.Top < 0 {
		return bad("top", "top is a number of rows, 0 for all; it was %d", req.Top)
	}
	if s.view.name == "comparison" {
		s.order = append(s.order, key{baseline: true})
	}
	if req.Sort != "" {
		column, err := s.sortable(req.Sort)
		if err != nil {
			return err
		}
		s.sort = req.Sort
		s.order = append(s.order, key{column: column, descending: !req.Ascending})
	} else if req.Ascending {
		return bad("sort", "ascending goes with sort: name the column to sort by")
	}
	for _, name := range s.view.keys {
		if name != req.Sort {
			s.order = append(s.order, key{column: s.columns[s.at(name)]})
		}
	}
	return nil
}

// sortable is the column of that name, if rows can be sorted by it.
func (s *selection) sortable(name string) (sql.Column, error) {
	var single []string
	for _, c := range s.columns {
		known := described[c.Type] != "" || c.Type == typeString
		// A comparison sorts by its figures: its other columns are of the variant.
		if known && (s.view.name != "comparison" || c.Type == typeFloat) {
			single = append(single, c.Name)
		}
	}
	if err := oneOf("sort", "column to sort by", name, single); err != nil {
		return sql.Column{}, err
	}
	return s.columns[s.at(name)], nil
}

// at is the place of a column in the answer.
func (s *selection) at(name string) int {
	return slices.IndexFunc(s.columns, func(c sql.Column) bool { return c.Name == name })
}
