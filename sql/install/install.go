package install

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	bq "cloud.google.com/go/bigquery"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"github.com/whatif-machine/whatif/sql"
	"github.com/whatif-machine/whatif/sql/loads/bigquery"
)

// Target is where to install.
type Target struct {
	Dataset  sql.Dataset
	Location string // of the dataset, if it has to be made; empty: BigQuery's default, US
	Endpoint string // of the service; empty: Google's
	// AnyDay leaves queries without a filter on the day of submission possible. They read, and are charged
	// for, every simulation there ever was.
	AnyDay bool
}

// Did is what became of a thing.
type Did string

// What became of a thing.
const (
	Created   Did = "created"
	Changed   Did = "changed"
	Unchanged Did = "unchanged"
)

// Change is what was done to one thing.
type Change struct {
	Kind sql.Kind
	Name string
	Did  Did
}

// Run makes dataset, table, views and table function, as far as they are not there as they should be. With an
// error the changes are those made before it; running again goes on.
func Run(ctx context.Context, t Target) (changes []Change, err error) {
	list, err := sql.Install(t.Dataset, t.Location)
	if err != nil {
		return nil, err
	}
	client, err := bq.NewClient(ctx, t.Dataset.Project, t.options()...)
	if err != nil {
		return nil, fmt.Errorf("install: %w", bigquery.Explained(err))
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	i := &installation{Target: t, client: client, dataset: client.Dataset(t.Dataset.Name)}
	for _, s := range list {
		did, err := i.make(ctx, s)
		if err != nil {
			return changes, fmt.Errorf("install %s %s in %s: %w", s.Kind, s.Name, t.Dataset, bigquery.Explained(err))
		}
		changes = append(changes, Change{s.Kind, s.Name, did})
	}
	return changes, nil
}

// options are those of the client. A service by http:// is one of tests and gets no credentials.
func (t Target) options() (list []option.ClientOption) {
	if t.Endpoint == "" {
		return nil
	}
	list = append(list, option.WithEndpoint(strings.TrimSuffix(t.Endpoint, "/")+"/bigquery/v2/"))
	if strings.HasPrefix(t.Endpoint, "http://") {
		list = append(list, option.WithoutAuthentication())
	}
	return list
}

// installation is one run.
type installation struct {
	Target
	client  *bq.Client
	dataset *bq.Dataset
	located string // where the dataset is
}

func (i *installation) make(ctx context.Context, s sql.Statement) (Did, error) {
	switch s.Kind {
	case sql.KindDataset:
		return i.makeDataset(ctx)
	case sql.KindTable:
		return i.makeTable(ctx)
	case sql.KindFunction:
		have, err := i.dataset.Routine(s.Name).Metadata(ctx)
		if err != nil {
			return i.replace(ctx, s, "", err)
		}
		return i.replace(ctx, s, have.Description, nil)
	}
	have, err := i.dataset.Table(s.Name).Metadata(ctx)
	if err != nil {
		return i.replace(ctx, s, "", err)
	}
	if have.Type != bq.ViewTable {
		return "", fmt.Errorf("there is a %s of that name; rename it, or install into another dataset", strings.ToLower(string(have.Type)))
	}
	return i.replace(ctx, s, have.Description, nil)
}

func (i *installation) makeDataset(ctx context.Context) (Did, error) {
	have, err := i.dataset.Metadata(ctx)
	did := Unchanged
	if missing(err) {
		err = i.dataset.Create(ctx, &bq.DatasetMetadata{Location: i.Location, Description: "What-if simulations: results and the views over them."})
		if err == nil || hasCode(err, http.StatusConflict) { // 409: another has just made it
			did = Created
			have, err = i.dataset.Metadata(ctx)
		}
	}
	if err != nil {
		return "", err
	}
	if i.Location != "" && !strings.EqualFold(have.Location, i.Location) {
		return "", fmt.Errorf("it is in %s, not in %s, and datasets don't move; leave the location out, or name another dataset", have.Location, i.Location)
	}
	i.located = have.Location
	return did, nil
}

// replace runs the statement of a view or function, unless what is there was made by the same one.
func (i *installation) replace(ctx context.Context, s sql.Statement, description string, err error) (Did, error) {
	did := Changed
	switch {
	case missing(err):
		did = Created
	case err != nil:
		return "", err
	case strings.HasSuffix(description, s.Mark):
		return Unchanged, nil
	}
	query := i.client.Query(s.SQL)
	query.Location = i.located
	query.Labels = map[string]string{"whatif": "install"}
	job, err := query.Run(ctx)
	if err != nil {
		return "", err
	}
	status, err := job.Wait(ctx)
	if err != nil {
		return "", err
	}
	return did, status.Err()
}

// missing reports that there is no such thing.
func missing(err error) bool { return hasCode(err, http.StatusNotFound) }

func hasCode(err error, code int) bool {
	answer, ok := errors.AsType[*googleapi.Error](err)
	return ok && answer.Code == code
}
