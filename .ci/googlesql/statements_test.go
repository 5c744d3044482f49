package googlesql

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// statement is one that a package's tests wrote down for us.
type statement struct {
	Name    string
	SQL     string
	Columns [][2]string // that it must have, with their types; none: any
	Scans   []string    // the columns of the table that it must read, no more; none: any
	Kind    string      // of what it makes: dataset, table, view, function; none: it is a query
	Makes   string
}

const dataset = "my-project.whatif"

// Every statement means something to BigQuery, and what it documents.
func TestStatements(t *testing.T) {
	a, err := newAnalyser()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, s := range statements(t) {
		kinds[s.Kind]++
		m, err := a.analyse(s.SQL)
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		compareColumns(t, s, m)
		compareScans(t, s, m)
		switch s.Kind {
		case "table", "view":
			err = a.keep(s.Makes, m)
		case "function":
			err = a.keepFunction(s.Makes, 2, m)
		}
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
	}
	t.Logf("analysed: %v", kinds)
	for _, kind := range []string{"dataset", "table", "view", "function", ""} {
		if kinds[kind] == 0 {
			t.Errorf("there is no statement of kind %q", kind)
		}
	}
}

func compareColumns(t *testing.T, s statement, m *meaning) {
	t.Helper()
	if s.Columns == nil {
		return
	}
	for i := range max(len(s.Columns), len(m.columns)) {
		switch {
		case i >= len(s.Columns):
			t.Errorf("%s: column %d, %s, is not documented", s.Name, i, m.columns[i].name)
		case i >= len(m.columns):
			t.Errorf("%s: column %d, %s, is not there", s.Name, i, s.Columns[i][0])
		case !equal(m.columns[i].name, s.Columns[i][0]) || !equal(m.columns[i].typ, s.Columns[i][1]):
			t.Errorf("%s: column %d is %s %s, documented is %s %s", s.Name, i, m.columns[i].name, m.columns[i].typ, s.Columns[i][0], s.Columns[i][1])
		}
	}
}

// compareScans compares what a statement reads with what is noted: BigQuery charges for columns.
func compareScans(t *testing.T, s statement, m *meaning) {
	t.Helper()
	if s.Scans == nil {
		return
	}
	noted, read := slices.Sorted(slices.Values(s.Scans)), m.reads["variant_results"]
	if !slices.Equal(noted, read) {
		t.Errorf("%s reads these columns of the table:\n%s\nscans.txt notes\n%s", s.Name, strings.Join(read, "\n"), strings.Join(noted, "\n"))
	}
}

// statements are those of all files, in the order of their names.
func statements(t *testing.T) (all []statement) {
	t.Helper()
	directory := os.Getenv("WHATIF_STATEMENTS")
	files, err := filepath.Glob(filepath.Join(directory, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no statements in %q (%v): run ./check, which has them written", directory, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list []statement
		if err := json.Unmarshal(text, &list); err != nil || len(list) == 0 {
			t.Fatalf("%s: %d statements, %v", file, len(list), err)
		}
		all = append(all, list...)
	}
	return all
}
