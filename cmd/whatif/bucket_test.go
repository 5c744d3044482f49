package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// servedKey finds the Cloud Storage that a script has started.
type servedKey struct{}

// bucket starts Cloud Storage for the script and the commands that it runs.
func bucket(ts *testscript.TestScript, _ bool, names []string) {
	g, err := objecttest.Start(names...)
	ts.Check(err)
	ts.Defer(g.Close)
	ts.Setenv("STORAGE_EMULATOR_HOST", g.URL)
	ts.Setenv("WHATIF_CACHE", ts.MkAbs(".cache"))
	*ts.Value(servedKey{}).(**objecttest.GCS) = g
}

func served(ts *testscript.TestScript, uri string) (g *objecttest.GCS, bucket, name string) {
	bucket, name, ok := strings.Cut(strings.TrimPrefix(uri, "gs://"), "/")
	g = *ts.Value(servedKey{}).(**objecttest.GCS)
	if g == nil || !ok {
		ts.Fatalf("say `bucket` first, and name objects gs://bucket/name, not %s", uri)
	}
	return g, bucket, name
}

func put(ts *testscript.TestScript, _ bool, args []string) {
	g, bucket, name := served(ts, args[1])
	g.Put(bucket, name, []byte(ts.ReadFile(args[0])))
}

// takeObject prints an object, or with `gs://bucket/` the names of all of them; `! take` wants none of that name.
func takeObject(ts *testscript.TestScript, neg bool, args []string) {
	g, bucket, name := served(ts, args[0])
	if name == "" {
		_, _ = fmt.Fprintln(ts.Stdout(), strings.Join(g.Names(bucket), "\n"))
		return
	}
	text, ok := g.Get(bucket, name)
	_, _ = ts.Stdout().Write(text)
	if ok == neg {
		ts.Fatalf("%s: there %t", args[0], ok)
	}
}

// duckDB runs a script in a DuckDB of its own, as its users have one, and prints what a query then finds, as CSV.
func duckDB(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("duckdb", "")
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	ctx := context.Background()
	_, err = db.ExecContext(ctx, ts.ReadFile(args[0]))
	ts.Check(err)
	rows, err := db.QueryContext(ctx, args[1])
	ts.Check(err)
	defer func() { ts.Check(rows.Close()) }()
	columns, err := rows.Columns()
	ts.Check(err)
	_, _ = fmt.Fprintln(ts.Stdout(), strings.Join(columns, ","))
	for rows.Next() {
		values, fields := make([]any, len(columns)), make([]string, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		ts.Check(rows.Scan(values...))
		for i, v := range values {
			fields[i] = fmt.Sprint(*v.(*any))
		}
		_, _ = fmt.Fprintln(ts.Stdout(), strings.Join(fields, ","))
	}
	ts.Check(rows.Err())
}
