package loading

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/loads"
	"github.com/whatif-machine/whatif/sql/loads/bigquery"
	"github.com/whatif-machine/whatif/transforms/objects"
	"github.com/whatif-machine/whatif/transforms/results"
)

// Target says where rows are loaded to.
type Target struct {
	Dataset  string // PROJECT.DATASET
	Staging  string // gs:// prefix to upload results to that are in a folder; not used for others
	Endpoint string // URL of the BigQuery API; default Google's
}

// Check is nil if the target can be that of a result store. It asks nobody.
func (t Target) Check(store *results.Store) error {
	if _, err := sql.ParseDataset(t.Dataset); err != nil {
		return err
	}
	local := !objects.IsURI(store.URI())
	switch {
	case local && t.Staging == "":
		return fmt.Errorf("BigQuery loads from Cloud Storage, and the results are in the folder %s: give a prefix to upload them to, such as gs://BUCKET/staging", store.URI())
	case local && !objects.IsURI(t.Staging):
		return fmt.Errorf("%.200q is no prefix to upload to; it looks like gs://BUCKET/staging", t.Staging)
	}
	if t.Endpoint != "" && !strings.HasPrefix(t.Endpoint, "http://") && !strings.HasPrefix(t.Endpoint, "https://") {
		return fmt.Errorf("%.200q is no URL of the BigQuery API", t.Endpoint)
	}
	return nil
}

// Warehouse loads the rows of one result store into one table.
type Warehouse struct {
	*loads.Loader
	table *bigquery.Client
	Table string // PROJECT.DATASET.TABLE
}

// Open makes the way from a result store to a target. Nothing is asked yet.
func Open(ctx context.Context, from *results.Store, t Target) (*Warehouse, error) {
	if err := t.Check(from); err != nil {
		return nil, err
	}
	dataset, err := sql.ParseDataset(t.Dataset)
	if err != nil {
		return nil, err
	}
	s, source := &store{results: from}, from.URI()
	if !objects.IsURI(source) {
		bucket, err := objects.Open(ctx, t.Staging)
		if err != nil {
			return nil, fmt.Errorf("loading: %w", err)
		}
		s.staging, source = bucket, bucket.URI("")
	}
	table, err := bigquery.Open(ctx, dataset, t.Endpoint)
	if err != nil {
		return nil, err
	}
	name := dataset.String() + "." + bigquery.Table
	loader, err := loads.New(loads.Options{Store: s, Warehouse: table, Table: name, Source: strings.TrimSuffix(source, "/"), Now: time.Now})
	if err != nil {
		return nil, errors.Join(err, table.Close())
	}
	return &Warehouse{Loader: loader, table: table, Table: name}, nil
}

// Ping is nil if BigQuery answers about the dataset.
func (w *Warehouse) Ping(ctx context.Context) error { return w.table.Ping(ctx) }

// Close lets the connections go.
func (w *Warehouse) Close() error { return w.table.Close() }
