package install

import (
	"context"
	"errors"

	bq "cloud.google.com/go/bigquery"

	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/loads/bigquery"
)

// makeTable has the table made and its columns added by the code that loads into it, and then says what its
// columns mean and which queries it answers.
func (i *installation) makeTable(ctx context.Context) (did Did, err error) {
	table := i.dataset.Table(sql.Table)
	before, err := table.Metadata(ctx)
	if err != nil && !missing(err) {
		return "", err
	}
	if err := i.prepare(ctx); err != nil {
		return "", err
	}
	have, err := table.Metadata(ctx)
	if err != nil {
		return "", err
	}
	docs, err := sql.TableColumns()
	if err != nil {
		return "", err
	}
	said := map[string]string{}
	for _, c := range docs {
		said[c.Name] = c.Doc
	}
	schema, more := described(have.Schema, "", said)
	if more || have.RequirePartitionFilter == i.AnyDay {
		// The etag: if somebody changes the table meanwhile, nothing is done and the next run sees it.
		have, err = table.Update(ctx, bq.TableMetadataToUpdate{Schema: schema, RequirePartitionFilter: !i.AnyDay}, have.ETag)
		if err != nil {
			return "", err
		}
	}
	switch {
	case before == nil:
		return Created, nil
	case before.ETag != have.ETag:
		return Changed, nil
	}
	return Unchanged, nil
}

func (i *installation) prepare(ctx context.Context) (err error) {
	loader, err := bigquery.Open(ctx, i.Dataset, i.Endpoint)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, loader.Close()) }()
	return loader.Prepare(ctx)
}

// described is a schema with our descriptions, and whether that differs.
func described(have bq.Schema, path string, said map[string]string) (out bq.Schema, more bool) {
	for _, f := range have {
		field := *f
		if doc := said[path+f.Name]; doc != "" && doc != f.Description {
			field.Description, more = doc, true
		}
		nested, changed := described(f.Schema, path+f.Name+".", said)
		field.Schema, more = nested, more || changed
		out = append(out, &field)
	}
	return out, more
}
