package bigquery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	bq "cloud.google.com/go/bigquery"
	"google.golang.org/api/option"

	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/loads"
)

// Table is the name of the table in its dataset.
const Table = sql.Table

// requestPatience bounds a request with the client's own repetitions of it.
const requestPatience = 30 * time.Second

// Client is a table of BigQuery. It is safe for concurrent use.
type Client struct {
	client *bq.Client
	table  *bq.Table

	mu       sync.Mutex
	location string // of the dataset; empty: not asked for yet
	schema   bq.Schema
}

var _ loads.Warehouse = (*Client)(nil)

// Open is the client of a dataset's table. Nothing is asked yet. The endpoint is for tests and private
// connections: one with http:// gets no credentials, the others get those of the environment.
func Open(ctx context.Context, dataset sql.Dataset, endpoint string) (*Client, error) {
	var options []option.ClientOption
	if endpoint != "" {
		options = append(options, option.WithEndpoint(strings.TrimSuffix(endpoint, "/")+"/bigquery/v2/"))
		if strings.HasPrefix(endpoint, "http://") {
			options = append(options, option.WithoutAuthentication())
		}
	}
	client, err := bq.NewClient(ctx, dataset.Project, options...)
	if err != nil {
		return nil, fmt.Errorf("bigquery: %w", Explained(err))
	}
	return &Client{client: client, table: client.Dataset(dataset.Name).Table(Table)}, nil
}

// Close lets the client go.
func (c *Client) Close() error { return c.client.Close() }

// Ping is nil if the dataset answers.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.client.Dataset(c.table.DatasetID).Metadata(ctx)
	return Explained(err)
}

// Prepare makes the table, or adds the columns that it lacks.
func (c *Client) Prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*requestPatience)
	defer cancel()
	for {
		have, err := c.table.Metadata(ctx)
		switch {
		case hasCode(err, http.StatusNotFound):
			err = c.create(ctx)
		case err == nil:
			var done bool
			if done, err = c.evolve(ctx, have); done && err == nil {
				return nil
			}
		}
		// Another loader may do the same at the same time: what it has done is looked at.
		if err != nil && !hasCode(err, http.StatusConflict) && !hasCode(err, http.StatusPreconditionFailed) {
			return Explained(err)
		}
		if err := ctx.Err(); err != nil {
			return Explained(err)
		}
	}
}

func (c *Client) create(ctx context.Context) error {
	return c.table.Create(ctx, Metadata())
}

// Metadata is the table as it is made.
func Metadata() *bq.TableMetadata {
	return &bq.TableMetadata{
		Description:      "Results of what-if simulations: a row for each attempt at each variant. The views pick the rows that count.",
		Schema:           Schema(),
		TimePartitioning: &bq.TimePartitioning{Type: bq.DayPartitioningType, Field: partitionColumn},
		Clustering:       &bq.Clustering{Fields: slices.Clone(clusterColumns)},
		// A query that says no days would read, and be charged for, every simulation there ever was.
		RequirePartitionFilter: true,
	}
}

// evolve adds what the table lacks; done if nothing was. What can't be changed is refused.
func (c *Client) evolve(ctx context.Context, have *bq.TableMetadata) (done bool, err error) {
	if problem := layoutProblem(have); problem != "" {
		return false, &loads.Error{Kind: loads.Refused, Reason: "layout", Message: fmt.Sprintf("table %s %s", c.table.FullyQualifiedName(), problem),
			Advice: "BigQuery can't change that: copy it away and drop it, so that it is made anew, or load into another dataset"}
	}
	merged, more, err := missing(have.Schema, Schema(), "")
	if err != nil {
		return false, &loads.Error{Kind: loads.Refused, Reason: "schema", Message: fmt.Sprintf("table %s: %v", c.table.FullyQualifiedName(), err),
			Advice: "only optional columns can be added to a table; load into another dataset, or alter that column"}
	}
	if more {
		_, err := c.table.Update(ctx, bq.TableMetadataToUpdate{Schema: merged}, have.ETag)
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.location, c.schema = have.Location, have.Schema
	return true, nil
}

// layoutProblem is what is wrong with a table that is there.
func layoutProblem(have *bq.TableMetadata) string {
	p := have.TimePartitioning
	switch {
	case have.Type != bq.RegularTable:
		return fmt.Sprintf("is a %s", have.Type)
	case p == nil || !strings.EqualFold(p.Field, partitionColumn) || p.Type != bq.DayPartitioningType:
		return "is not partitioned by day of " + partitionColumn
	case have.Clustering == nil || !slices.EqualFunc(have.Clustering.Fields, clusterColumns, strings.EqualFold):
		return "is not clustered by " + strings.Join(clusterColumns, ", ")
	}
	return ""
}

// where is the dataset's location, which jobs need, and the table's schema.
func (c *Client) where(ctx context.Context) (string, bq.Schema, error) {
	c.mu.Lock()
	location, schema := c.location, c.schema
	c.mu.Unlock()
	if location == "" {
		if err := c.Prepare(ctx); err != nil {
			return "", nil, err
		}
		c.mu.Lock()
		location, schema = c.location, c.schema
		c.mu.Unlock()
	}
	return location, schema, nil
}

// Job asks for a load job.
func (c *Client) Job(ctx context.Context, id string) (loads.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, requestPatience)
	defer cancel()
	location, _, err := c.where(ctx)
	if err != nil {
		return loads.Job{}, err
	}
	job, err := c.client.JobFromIDLocation(ctx, id, location)
	if hasCode(err, http.StatusNotFound) {
		return loads.Job{}, loads.ErrNoJob
	}
	if err != nil {
		return loads.Job{}, OfJob(err)
	}
	return standing(job.LastStatus()), nil
}

// standing translates a job's status.
func standing(s *bq.JobStatus) loads.Job {
	job := loads.Job{Done: s.State == bq.Done}
	if !job.Done {
		return job
	}
	if err := s.Err(); err != nil {
		if of, ok := errors.AsType[*bq.Error](err); ok {
			job.Err = JobError(of.Reason, of.Message)
		} else {
			job.Err = JobError("", err.Error())
		}
		return job
	}
	if s.Statistics != nil {
		if of, ok := s.Statistics.Details.(*bq.LoadStatistics); ok {
			job.Rows = of.OutputRows
		}
	}
	return job
}

// Load starts a load job. The table's own schema goes with it, so that files which were written before a column
// was added are read beside later ones, whichever the service would take the schema from.
func (c *Client) Load(ctx context.Context, id string, uris []string) error {
	ctx, cancel := context.WithTimeout(ctx, requestPatience)
	defer cancel()
	location, schema, err := c.where(ctx)
	if err != nil {
		return err
	}
	source := bq.NewGCSReference(uris...)
	source.SourceFormat, source.Schema = bq.Parquet, schema
	source.ParquetOptions = &bq.ParquetOptions{EnableListInference: true}
	loader := c.table.LoaderFrom(source)
	loader.JobID, loader.Location = id, location
	loader.WriteDisposition, loader.CreateDisposition = bq.WriteAppend, bq.CreateNever
	loader.Labels = map[string]string{"whatif": "load"}
	_, err = loader.Run(ctx)
	if hasCode(err, http.StatusConflict) {
		return loads.ErrJobExists
	}
	return Explained(err)
}
