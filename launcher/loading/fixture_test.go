package loading_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	rest "google.golang.org/api/bigquery/v2"

	"github.com/whatif-machine/whatif/launcher/loading"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql/loads"
	"github.com/whatif-machine/whatif/sql/loads/bigquerytest"
	"github.com/whatif-machine/whatif/transforms/objects"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
	"github.com/whatif-machine/whatif/transforms/results"
)

const (
	simulation = "20260701-abcdefgh23"
	other      = "20260701-bbbbbbbb22"
	dataset    = "my-project.whatif"
)

// cloud is a bucket, a dataset, and a result store whose rows are loaded into it.
type cloud struct {
	t        *testing.T
	gcs      *objecttest.GCS
	bigquery *bigquerytest.Server
	results  string
	target   loading.Target
}

// newCloud is one with results in a folder, or in the bucket.
func newCloud(t *testing.T, inBucket bool) *cloud {
	t.Helper()
	c := &cloud{t: t, gcs: objecttest.Server(t), results: filepath.Join(t.TempDir(), "results")}
	c.bigquery = bigquerytest.NewServer(bigquerytest.New(bigquerytest.Options{Files: fetch}))
	t.Cleanup(c.bigquery.Close)
	c.target = loading.Target{Dataset: dataset, Staging: "gs://bucket/staging", Endpoint: c.bigquery.URL}
	if inBucket {
		c.results, c.target.Staging = "gs://bucket/results", ""
	}
	if _, err := c.bigquery.InsertDataset("my-project", &rest.Dataset{DatasetReference: &rest.DatasetReference{DatasetId: "whatif"}}); err != nil {
		t.Fatal(err)
	}
	return c
}

// fetch is how the warehouse reads a file.
func fetch(uri string) (bigquerytest.File, error) {
	bucket, name, err := objects.Split(uri)
	if err != nil {
		return bigquerytest.File{}, err
	}
	b, err := objects.Open(context.Background(), "gs://"+bucket)
	if err != nil {
		return bigquerytest.File{}, err
	}
	data, _, err := b.Read(context.Background(), name, 16<<20)
	if err != nil {
		return bigquerytest.File{}, err
	}
	return bigquerytest.Parquet(data), nil
}

func (c *cloud) store() *results.Store {
	c.t.Helper()
	s, err := results.Open(c.results)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// run commits an attempt at variants, as a run of the simulation does.
func (c *cloud) run(id string, attempt int64, variants ...string) {
	c.t.Helper()
	s := c.store()
	_, err := s.TakeAttempt(c.t.Context(), id, attempt)
	err = errors.Join(err, s.WritePlan(c.t.Context(), &model.Plan{SimulationID: id, SubmittedAt: 1_782_900_000_000_000}))
	for _, v := range variants {
		row := &model.VariantResult{SimulationID: id, VariantID: v, Attempt: attempt, Status: model.StatusSucceeded, SubmittedAt: 1_782_900_000_000_000}
		row.Seal()
		_, failed := s.Commit(c.t.Context(), row)
		err = errors.Join(err, failed)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// load loads simulations once and returns how they stand.
func (c *cloud) load(ids ...string) ([]loads.Outcome, error) {
	c.t.Helper()
	w, err := loading.Open(c.t.Context(), c.store(), c.target)
	if err != nil {
		return nil, err
	}
	outcomes, err := w.Load(c.t.Context(), true, ids...)
	return outcomes, errors.Join(err, w.Close())
}

// wantRows fails unless the table has exactly these rows, VARIANT/ATTEMPT, each once.
func (c *cloud) wantRows(id string, want ...string) {
	c.t.Helper()
	got := []string{}
	for _, r := range c.bigquery.Rows(dataset + ".variant_results") {
		if sim, variant, attempt, _ := model.ParseResultPath(r.Key); sim == id {
			got = append(got, fmt.Sprintf("%s/%d", variant, attempt))
		}
	}
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		c.t.Errorf("the table has %v of %s, want %v", got, id, want)
	}
}

// states are where the rounds of an outcome stand.
func states(o loads.Outcome) (list []string) {
	for _, r := range o.Rounds {
		list = append(list, fmt.Sprintf("round %d: %d %s", r.Round, r.Rows, r.State))
	}
	return list
}

// tear cuts a committed file short, as a damaged disk would.
func (c *cloud) tear(name string) {
	c.t.Helper()
	s := c.store()
	if !objects.IsURI(c.results) {
		data, err := os.ReadFile(s.Path(name))
		if err = errors.Join(err, os.WriteFile(s.Path(name), data[:len(data)/2], 0o666)); err != nil {
			c.t.Fatal(err)
		}
		return
	}
	b, err := objects.Open(c.t.Context(), c.results)
	if err != nil {
		c.t.Fatal(err)
	}
	data, o, err := b.Read(c.t.Context(), name, 16<<20)
	if err == nil {
		_, err = b.Replace(c.t.Context(), name, data[:len(data)/2], o.Generation)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}
