package install_test

import (
	"slices"
	"strings"
	"testing"

	bq "google.golang.org/api/bigquery/v2"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/install"
)

func target(s *service) install.Target {
	return install.Target{Dataset: sql.Dataset{Project: "my-project", Name: "whatif"}, Location: "EU", Endpoint: s.URL}
}

// run installs and tells what was done to how many things.
func run(t *testing.T, target install.Target) map[install.Did]int {
	t.Helper()
	changes, err := install.Run(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[install.Did]int{}
	for _, c := range changes {
		counts[c.Did]++
	}
	return counts
}

// everything is how many things there are: dataset, table, and each view of the package.
func everything(t *testing.T) int {
	t.Helper()
	views, err := sql.Views(sql.BigQuery)
	if err != nil {
		t.Fatal(err)
	}
	return 2 + len(views)
}

// The first run makes all, the second nothing, and one after something was lost or is older makes only that.
func TestInstallIsIdempotent(t *testing.T) {
	s, all := newService(t), everything(t)
	if got := run(t, target(s)); got[install.Created] != all {
		t.Errorf("the first run did %v, want %d created", got, all)
	}
	if ran := s.statements(); len(ran) != all-2 || !s.strict {
		t.Errorf("%d statements; the table wants a filter: %t", len(ran), s.strict)
	}
	if got := run(t, target(s)); got[install.Unchanged] != all || len(s.statements()) != 0 {
		t.Errorf("the second run did %v, want %d unchanged", got, all)
	}
	delete(s.made, "pareto")
	s.made["comparison"] = "Each succeeded variant beside its baseline. [sql 000000000000]"
	if got := run(t, target(s)); got[install.Created] != 1 || got[install.Changed] != 1 || got[install.Unchanged] != all-2 {
		t.Errorf("after one was lost and one is older: %v", got)
	}
	if ran := s.statements(); !slices.Equal(ran, []string{"comparison", "pareto"}) {
		t.Errorf("statements made %v", ran)
	}
	loose := target(s)
	loose.AnyDay, loose.Location = true, ""
	if got := run(t, loose); got[install.Changed] != 1 || s.strict {
		t.Errorf("without the filter: %v, %t", got, s.strict)
	}
}

// A table that an earlier version made gets the columns that it lacks, at the top and in records, and keeps
// those that are not ours.
func TestInstallAddsColumns(t *testing.T) {
	s := newService(t)
	run(t, target(s))
	table, err := s.GetTable("my-project", "whatif", sql.Table)
	if err != nil {
		t.Fatal(err)
	}
	campaigns := column(t, table.Schema.Fields, "campaigns")
	if doc := column(t, campaigns.Fields, "outbid").Description; doc != "of matched: could have served, another won" {
		t.Errorf("campaigns.outbid is described as %q", doc)
	}
	whole := len(campaigns.Fields)
	campaigns.Fields = campaigns.Fields[:5]
	table.Schema.Fields = append([]*bq.TableFieldSchema{{Name: "theirs", Type: "STRING"}}, table.Schema.Fields[:len(table.Schema.Fields)-1]...)
	if got := run(t, target(s)); got[install.Changed] != 1 {
		t.Errorf("an older table: %v", got)
	}
	table, err = s.GetTable("my-project", "whatif", sql.Table)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(table.Schema.Fields); got != len(model.ResultColumns())+1 || table.Schema.Fields[0].Name != "theirs" {
		t.Errorf("%d columns, the first is %s", got, table.Schema.Fields[0].Name)
	}
	if got := len(column(t, table.Schema.Fields, "campaigns").Fields); got != whole {
		t.Errorf("campaigns has %d fields, want %d", got, whole)
	}
}

func column(t *testing.T, fields []*bq.TableFieldSchema, name string) *bq.TableFieldSchema {
	t.Helper()
	i := slices.IndexFunc(fields, func(f *bq.TableFieldSchema) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("there is no column %s", name)
	}
	return fields[i]
}

// What stops an installation is told with what it was about, and the next run goes on behind what was made.
func TestInstallStopsAndGoesOn(t *testing.T) {
	s, all := newService(t), everything(t)
	s.refuse = "variants"
	changes, err := install.Run(t.Context(), target(s))
	if err == nil || !strings.Contains(err.Error(), "install view variants in my-project.whatif: accessDenied: ") {
		t.Errorf("%v", err)
	}
	s.refuse = ""
	if got := run(t, target(s)); got[install.Unchanged] != len(changes) || got[install.Created] != all-len(changes) {
		t.Errorf("after %d things, the next run did %v", len(changes), got)
	}
	elsewhere := target(s)
	elsewhere.Location = "US"
	if _, err := install.Run(t.Context(), elsewhere); err == nil || !strings.Contains(err.Error(), "it is in EU, not in US") {
		t.Errorf("another location: %v", err)
	}
	if _, err := s.InsertTable("my-project", "whatif", &bq.Table{TableReference: &bq.TableReference{TableId: "variants"}, Schema: &bq.TableSchema{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := install.Run(t.Context(), target(s)); err == nil || !strings.Contains(err.Error(), "there is a table of that name") {
		t.Errorf("a table where a view should be: %v", err)
	}
}
