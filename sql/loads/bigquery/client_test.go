package bigquery_test

import (
	"errors"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	rest "google.golang.org/api/bigquery/v2"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/loads"
	"github.com/whatif-machine/whatif/sql/loads/bigquery"
	"github.com/whatif-machine/whatif/sql/loads/bigquerytest"
	"github.com/whatif-machine/whatif/transforms/results"
)

var dataset = sql.Dataset{Project: "my-project", Name: "whatif"}

// files are what lies in Cloud Storage.
type files map[string][]byte

func (f files) read(uri string) (bigquerytest.File, error) {
	data, ok := f[uri]
	if !ok {
		return bigquerytest.File{}, fs.ErrNotExist
	}
	return bigquerytest.Parquet(data), nil
}

// opened is a client of a server with an empty dataset in Frankfurt: jobs there need their location.
func opened(t *testing.T, o bigquerytest.Options) (*bigquerytest.Server, *bigquery.Client) {
	t.Helper()
	server := bigquerytest.NewServer(bigquerytest.New(o))
	t.Cleanup(server.Close)
	if _, err := server.InsertDataset("my-project", &rest.Dataset{DatasetReference: &rest.DatasetReference{DatasetId: "whatif"}, Location: "europe-west3"}); err != nil {
		t.Fatal(err)
	}
	client, err := bigquery.Open(t.Context(), dataset, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, client
}

func row(t *testing.T, variant string) []byte {
	t.Helper()
	value := "x"
	r := &model.VariantResult{SimulationID: "20260701-abcdefgh23", VariantID: variant, Attempt: 1, Status: model.StatusSucceeded, SubmittedAt: 1_782_900_000_000_000,
		Labels: []model.Label{{Key: "k", Value: "v"}}, Metrics: model.Metrics{Campaigns: []model.CampaignResult{{CampaignID: "c", Advertiser: &value}}}}
	data, err := results.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestTheTableIsWhatListInferenceMakesOfTheFiles: by the documented rules, a file's columns are those of the table,
// except that what the file requires the table lets be null.
func TestTheTableIsWhatListInferenceMakesOfTheFiles(t *testing.T) {
	server, client := opened(t, bigquerytest.Options{})
	if err := client.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	table, err := server.GetTable("my-project", "whatif", bigquery.Table)
	if err != nil {
		t.Fatal(err)
	}
	file := bigquerytest.Parquet(row(t, "v0001"))
	if file.Broken != "" {
		t.Fatal(file.Broken)
	}
	if diff := cmp.Diff(lines(file.Schema, ""), lines(table.Schema.Fields, "")); diff != "" {
		t.Errorf("file (-) and table (+) differ:\n%s", diff)
	}
	if p := table.TimePartitioning; p == nil || p.Type != "DAY" || p.Field != "submitted_at" || !table.RequirePartitionFilter {
		t.Errorf("partitioning %+v", p)
	}
	if c := table.Clustering; c == nil || !cmp.Equal(c.Fields, []string{"simulation_id", "variant_id"}) {
		t.Errorf("clustering %+v", c)
	}
}

// lines are the columns, a line each; REQUIRED counts as NULLABLE.
func lines(schema []*rest.TableFieldSchema, path string) (out []string) {
	for _, f := range schema {
		mode := strings.Replace(f.Mode, "REQUIRED", "NULLABLE", 1)
		if mode == "" {
			mode = "NULLABLE"
		}
		out = append(out, path+f.Name+" "+f.Type+" "+mode)
		out = append(out, lines(f.Fields, path+f.Name+".")...)
	}
	return out
}

func TestRowsAreLoaded(t *testing.T) {
	lake := files{"gs://bucket/a": row(t, "v0001"), "gs://bucket/b": row(t, "v0002")}
	server, client := opened(t, bigquerytest.Options{Files: lake.read})
	if _, err := client.Job(t.Context(), "one"); !errors.Is(err, loads.ErrNoJob) {
		t.Fatalf("asked for a job that isn't: %v", err)
	}
	if err := client.Load(t.Context(), "one", []string{"gs://bucket/a", "gs://bucket/b"}); err != nil {
		t.Fatal(err)
	}
	job, err := client.Job(t.Context(), "one")
	if err != nil || !job.Done || job.Err != nil || job.Rows != 2 {
		t.Errorf("job %+v, %v", job, err)
	}
	if err := client.Load(t.Context(), "one", []string{"gs://bucket/a"}); !errors.Is(err, loads.ErrJobExists) {
		t.Errorf("the id again: %v", err)
	}
	if rows := server.Rows(dataset.String() + ".variant_results"); len(rows) != 2 || rows[0].Key != model.ResultPath("20260701-abcdefgh23", "v0001", 1) {
		t.Errorf("rows %v", rows)
	}
}

// TestLostAnswersOfTheRealClient: the client library sends a job again by itself; what comes of it is one job.
func TestLostAnswersOfTheRealClient(t *testing.T) {
	lake := files{"gs://bucket/a": row(t, "v0001")}
	for _, fault := range []bigquerytest.Fault{bigquerytest.LostRequest, bigquerytest.LostAnswer, bigquerytest.Unavailable, bigquerytest.Internal} {
		server, client := opened(t, bigquerytest.Options{Files: lake.read})
		if err := client.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		server.Order("jobs.insert", fault)
		if err := client.Load(t.Context(), "one", []string{"gs://bucket/a"}); err != nil && !errors.Is(err, loads.ErrJobExists) {
			if e, ok := errors.AsType[*loads.Error](err); !ok || e.Kind != loads.Passing {
				t.Errorf("fault %d: %v", fault, err)
			}
			if err := client.Load(t.Context(), "one", []string{"gs://bucket/a"}); err != nil && !errors.Is(err, loads.ErrJobExists) {
				t.Errorf("fault %d, again: %v", fault, err)
			}
		}
		if rows := server.Rows(dataset.String() + ".variant_results"); len(rows) != 1 {
			t.Errorf("fault %d: %d rows", fault, len(rows))
		}
	}
}

func TestWhyAJobFailed(t *testing.T) {
	lake := files{"gs://bucket/torn": row(t, "v0001")[:100]}
	_, client := opened(t, bigquerytest.Options{Files: lake.read})
	for id, uri := range map[string]string{"gone": "gs://bucket/gone", "torn": "gs://bucket/torn"} {
		if err := client.Load(t.Context(), id, []string{uri}); err != nil {
			t.Fatal(err)
		}
		job, err := client.Job(t.Context(), id)
		if err != nil || !job.Done || job.Err == nil || job.Err.Kind != loads.Content || !strings.Contains(job.Err.Message, uri) {
			t.Errorf("%s: %+v %v", id, job, err)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	server, client := opened(t, bigquerytest.Options{})
	if err := client.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Order("jobs.insert", bigquerytest.OverQuota)
	err := client.Load(t.Context(), "one", []string{"gs://bucket/a"})
	if e, ok := errors.AsType[*loads.Error](err); !ok || e.Kind != loads.Quota || !strings.Contains(err.Error(), "nothing is lost") {
		t.Errorf("over the quota: %v", err)
	}
	server.Order("jobs.get", bigquerytest.Foreign)
	_, err = client.Job(t.Context(), "one")
	if e, ok := errors.AsType[*loads.Error](err); !ok || e.Kind != loads.Refused || !strings.Contains(e.Advice, "roles/bigquery.resourceViewer") || !strings.Contains(e.Advice, "other account run `whatif load` again") {
		t.Errorf("a job of another account: %v", err)
	}
	nowhere, err := bigquery.Open(t.Context(), sql.Dataset{Project: "my-project", Name: "elsewhere"}, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	err = nowhere.Prepare(t.Context())
	if e, ok := errors.AsType[*loads.Error](err); !ok || e.Kind != loads.Refused || !strings.Contains(err.Error(), "bq mk") {
		t.Errorf("no dataset: %v", err)
	}
	if err := nowhere.Close(); err != nil {
		t.Error(err)
	}
}

// TestTheTableGrowsByLegalAdditionsOnly: columns that it lacks are added, also in records; nothing else is changed.
func TestTheTableGrowsByLegalAdditionsOnly(t *testing.T) {
	full := func() *rest.Table {
		server, client := opened(t, bigquerytest.Options{})
		if err := client.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		table, err := server.GetTable("my-project", "whatif", bigquery.Table)
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	column := func(table *rest.Table, name string) (int, *rest.TableFieldSchema) {
		for i, f := range table.Schema.Fields {
			if f.Name == name {
				return i, f
			}
		}
		t.Fatalf("no column %s", name)
		return 0, nil
	}
	for name, c := range map[string]struct {
		change func(*rest.Table)
		want   string // in the error; empty: it is made whole
	}{
		"a column is missing": {func(have *rest.Table) {
			i, _ := column(have, "grp")
			have.Schema.Fields = append(have.Schema.Fields[:i:i], have.Schema.Fields[i+1:]...)
		}, ""},
		"a field of a record is missing": {func(have *rest.Table) {
			_, f := column(have, "campaigns")
			f.Fields = f.Fields[:len(f.Fields)-3]
		}, ""},
		"a later version's column is there": {func(have *rest.Table) {
			have.Schema.Fields = append(have.Schema.Fields, &rest.TableFieldSchema{Name: "later", Type: "STRING"})
		}, ""},
		"a column has another type": {func(have *rest.Table) { _, f := column(have, "seed"); f.Type = "STRING" }, "column seed is STRING, and rows have INTEGER"},
		"a list is none":            {func(have *rest.Table) { _, f := column(have, "labels"); f.Mode = "NULLABLE" }, "column labels is RECORD, and rows have REPEATED RECORD"},
		"a column that no row has": {func(have *rest.Table) {
			have.Schema.Fields = append(have.Schema.Fields, &rest.TableFieldSchema{Name: "must", Type: "STRING", Mode: "REQUIRED"})
		}, "column must is REQUIRED"},
		"it is not partitioned":         {func(have *rest.Table) { have.TimePartitioning = nil }, "not partitioned by day of submitted_at"},
		"it is partitioned by the hour": {func(have *rest.Table) { have.TimePartitioning.Type = "HOUR" }, "not partitioned by day of submitted_at"},
		"it is clustered otherwise":     {func(have *rest.Table) { have.Clustering.Fields = []string{"variant_id"} }, "not clustered by simulation_id, variant_id"},
	} {
		t.Run(name, func(t *testing.T) {
			have := full()
			c.change(have)
			lake := files{"gs://bucket/a": row(t, "v0001")}
			server, client := opened(t, bigquerytest.Options{Files: lake.read})
			have.TableReference = &rest.TableReference{TableId: bigquery.Table}
			if _, err := server.InsertTable("my-project", "whatif", have); err != nil {
				t.Fatal(err)
			}
			err := client.Prepare(t.Context())
			if c.want != "" {
				if e, ok := errors.AsType[*loads.Error](err); !ok || e.Kind != loads.Refused || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			if err == nil {
				err = client.Load(t.Context(), "one", []string{"gs://bucket/a"})
			}
			if rows := server.Rows(dataset.String() + ".variant_results"); err != nil || len(rows) != 1 {
				t.Errorf("%d rows, %v", len(rows), err)
			}
		})
	}
}

// TestManyMakeTheTable: however many loaders begin at once, there is one table, and each finds it.
func TestManyMakeTheTable(t *testing.T) {
	server, _ := opened(t, bigquerytest.Options{})
	server.Order("tables.insert", bigquerytest.LostAnswer)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			client, err := bigquery.Open(t.Context(), dataset, server.URL)
			if err == nil {
				err = errors.Join(client.Prepare(t.Context()), client.Close())
			}
			if err != nil && !strings.Contains(err.Error(), "EOF") {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, err := server.GetTable("my-project", "whatif", bigquery.Table); err != nil {
		t.Error(err)
	}
}
