package reading

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whatif-machine/whatif/sql"
)

// Statements for BigQuery of every view, by every kind of filter and order, filter the partition of each
// view that they read, and are written to where the analyser looks for them (.ci/googlesql).
func TestStatementsForTheAnalyser(t *testing.T) {
	type statement struct {
		Name string `json:"name"`
		SQL  string `json:"sql"`
	}
	var all []statement
	for _, request := range everyKind(t) {
		s, err := choose(request)
		if err != nil {
			t.Fatalf("%+v: %v", request, err)
		}
		text := s.statement(&writer{dialect: bigQuery, dataset: sql.Dataset{Project: "my-project", Name: "whatif"}})
		read, filtered := strings.Count(text, "`my-project.whatif."), strings.Count(text, "submitted_date = DATE '2026-07-01'")
		if read == 0 || filtered != read {
			t.Errorf("%d views are read, the partition is filtered %d times:\n%s", read, filtered, text)
		}
		all = append(all, statement{"launcher, view " + request.View, text})
	}
	if len(all) < 100 {
		t.Errorf("only %d statements", len(all))
	}
	directory := os.Getenv("WHATIF_STATEMENTS")
	if directory == "" {
		return
	}
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, "2-reading.json"), text, 0o666); err != nil {
		t.Fatal(err)
	}
}

// everyKind is each view as it is, sorted by each column it can be sorted by, and with a filter of each
// column that takes one.
func everyKind(t *testing.T) (list []Request) {
	t.Helper()
	examples := map[string]string{typeString: `it's \ "x"`, typeInt: "-7", typeFloat: "0.25", typeBool: "true", typeDate: "2026-07-02", typeTimestamp: "2026-07-01T02:00:00.25+02:00"}
	for _, name := range Views() {
		request := Request{SimulationID: "20260701-aaaaaaaaaa", View: name}
		if name == "pareto" {
			request.X, request.Y = "reach", "-goal_shortfall"
		}
		v, columns, err := viewNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, request)
		if v.metrics {
			request := request
			request.Metrics, request.Top = sql.Metrics, 7
			list = append(list, request)
		}
		for _, c := range columns {
			sorted, filtered := request, request
			sorted.Sort = c.Name
			if _, err := choose(sorted); err == nil {
				list = append(list, sorted)
			}
			filtered.Where = map[string]string{c.Name: examples[c.Type]}
			if _, err := choose(filtered); err == nil {
				list = append(list, filtered)
			}
		}
	}
	return list
}
