package sql

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// statement is one for the analyser of .ci/googlesql.
type statement struct {
	Name    string      `json:"name"`
	SQL     string      `json:"sql"`
	Columns [][2]string `json:"columns,omitempty"` // that it must have, with their types; none: any
	Scans   []string    `json:"scans,omitempty"`   // the columns of the table that it must read, no more
	Kind    Kind        `json:"kind,omitempty"`    // of what it makes; none: a query
	Makes   string      `json:"makes,omitempty"`
}

var testDataset = Dataset{"my-project", "whatif"}

// The statements of this package are written to where the analyser looks for them.
func TestStatementsForTheAnalyser(t *testing.T) {
	list, err := Install(testDataset, "EU")
	if err != nil {
		t.Fatal(err)
	}
	var all []statement
	for _, s := range list {
		all = append(all, statement{Name: string(s.Kind) + " " + s.Name, SQL: s.SQL, Columns: pairs(s.Columns), Kind: s.Kind, Makes: s.Name})
	}
	for _, v := range inOrder {
		if v.Internal {
			continue
		}
		query := inlined(t, v.Name)
		if v.Args != nil {
			query = "CREATE TEMP TABLE FUNCTION with_all_it_reads(" + strings.Join(v.Args, " STRING, ") + " STRING) AS\n" + query
		}
		all = append(all, statement{Name: "view " + v.Name + " with all it reads", SQL: query, Scans: scansOf(t, v.Name)})
	}
	write(t, "1-sql.json", all)
	write(t, "3-cookbook.json", cookbook(t))
}

// write leaves statements for the analyser, if it asked for them.
func write(t *testing.T, name string, list []statement) {
	t.Helper()
	directory := os.Getenv("WHATIF_STATEMENTS")
	if directory == "" {
		return
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, name), text, 0o666); err != nil {
		t.Fatal(err)
	}
}

// block is a query of the cookbook; googlesql is one that stands for the one before it in BigQuery.
var block = regexp.MustCompile("(?ms)^```(sql|googlesql)\n(.*?)^```$")

// cookbook are the cookbook's queries as BigQuery gets them. Those that are written for it name the dataset and
// filter the partition of each view; the others count on a default dataset.
func cookbook(t *testing.T) (list []statement) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "sql-cookbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range block.FindAllSubmatchIndex(text, -1) {
		language, query := string(text[m[2]:m[3]]), strings.TrimSuffix(strings.TrimSpace(string(text[m[4]:m[5]])), ";")
		name := fmt.Sprintf("docs/sql-cookbook.md:%d", 1+strings.Count(string(text[:m[0]]), "\n"))
		if language == "googlesql" {
			read, days := strings.Count(query, "`my-project.whatif."), strings.Count(query, "submitted_date = '")+strings.Count(query, "DATE(submitted_at) = '")
			if read == 0 || days != read {
				t.Errorf("%s reads %d views and names %d days", name, read, days)
			}
			if strings.TrimSpace(string(text[:m[0]])) != "" && strings.HasSuffix(strings.TrimSpace(string(text[:m[0]])), "```") {
				list = list[:len(list)-1]
			}
		}
		list = append(list, statement{Name: name, SQL: query})
	}
	if len(list) < 20 {
		t.Errorf("the cookbook has %d queries", len(list))
	}
	return list
}

func pairs(columns []Column) (list [][2]string) {
	for _, c := range columns {
		list = append(list, [2]string{c.Name, c.Type})
	}
	return list
}

// inlined is a view's query with all that it reads in place of its name, common table expressions and views:
// from such a text the analyser can tell which columns of the table are needed, and only from such a one.
func inlined(t *testing.T, name string) string {
	t.Helper()
	r, err := newRendering(BigQuery, func(name string) string { return "view " + name })
	if err != nil {
		t.Fatal(err)
	}
	views, err := r.views()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(views, func(v View) bool { return v.Name == name })
	query := withoutExpressions(views[i].Query)
	return regexp.MustCompile(`\bview (\w+)`).ReplaceAllStringFunc(query, func(read string) string {
		name := strings.TrimPrefix(read, "view ")
		if name == Table {
			return testDataset.Of(Table)
		}
		return "(\n" + inlined(t, name) + "\n)"
	})
}

var (
	expression = regexp.MustCompile(`(?ms)^(\w+) AS \(\n(.*?)^\),?\n`)
	comment    = regexp.MustCompile(`(?m)^ *--.*\n`)
)

// withoutExpressions puts each common table expression where it is read.
func withoutExpressions(query string) string {
	query = comment.ReplaceAllString(query, "")
	for {
		first := expression.FindStringSubmatchIndex(query)
		if first == nil {
			return strings.Replace(query, "WITH\n", "", 1)
		}
		name, body := query[first[2]:first[3]], query[first[4]:first[5]]
		rest := query[:first[0]] + query[first[1]:]
		query = regexp.MustCompile(`(?m)\bFROM `+name+`$`).ReplaceAllString(rest, "FROM (\n"+body+") AS "+name)
	}
}

// scansOf are the columns that are noted for a view.
func scansOf(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("views", name, "scans.txt"))
	if err != nil {
		t.Error(err)
	}
	return strings.Fields(string(text))
}
