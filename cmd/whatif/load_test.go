package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	rest "google.golang.org/api/bigquery/v2"

	"github.com/whatif-machine/whatif/sql/loads/bigquerytest"
	"github.com/whatif-machine/whatif/transforms/objects"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// TestLoadScripts runs command lines that load results, against servers of object storage and of BigQuery.
func TestLoadScripts(t *testing.T) {
	storage := objecttest.Server(t)
	server := bigquerytest.NewServer(bigquerytest.New(bigquerytest.Options{Files: stored}))
	t.Cleanup(server.Close)
	if _, err := server.InsertDataset("my-project", &rest.Dataset{DatasetReference: &rest.DatasetReference{DatasetId: "whatif"}}); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/load",
		Setup: func(env *testscript.Env) error {
			env.Setenv("WHATIF_RESULTS", "")
			env.Setenv("NO_COLOR", "1")
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("STORAGE_EMULATOR_HOST", storage.URL)
			env.Setenv("WHATIF_BIGQUERY_ENDPOINT", server.URL)
			return nil
		},
		// What scripts can do with BigQuery beside `exec whatif`:
		//
		//	loaded N                 the table has N rows, none of them twice
		//	faults METHOD FAULT...   what happens to the next requests of a method
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"loaded": func(ts *testscript.TestScript, _ bool, args []string) { checkLoaded(ts, server, args[0]) },
			"faults": func(_ *testscript.TestScript, _ bool, args []string) {
				for _, name := range args[1:] {
					server.Order(args[0], map[string]bigquerytest.Fault{"lost-answer": bigquerytest.LostAnswer, "rate-limited": bigquerytest.RateLimited}[name])
				}
			},
		},
	})
}

// checkLoaded fails the script unless the table has so many rows, each once.
func checkLoaded(ts *testscript.TestScript, server *bigquerytest.Server, text string) {
	want, err := strconv.Atoi(text)
	ts.Check(err)
	var keys []string
	for _, row := range server.Rows("my-project.whatif.variant_results") {
		keys = append(keys, row.Key)
	}
	slices.Sort(keys)
	if each := slices.Compact(slices.Clone(keys)); len(keys) != want || len(each) != want {
		ts.Fatalf("the table has %d rows, %d different ones, want %d", len(keys), len(each), want)
	}
}

// stored is how the warehouse reads a file of the bucket.
func stored(uri string) (bigquerytest.File, error) {
	name, ok := strings.CutPrefix(uri, "gs://"+objecttest.DefaultBucket+"/")
	if !ok {
		return bigquerytest.File{}, fmt.Errorf("%s is in no bucket", uri)
	}
	bucket, err := objects.Open(context.Background(), "gs://"+objecttest.DefaultBucket)
	if err != nil {
		return bigquerytest.File{}, err
	}
	data, _, err := bucket.Read(context.Background(), name, 16<<20)
	if err != nil {
		return bigquerytest.File{}, err
	}
	return bigquerytest.Parquet(data), nil
}
