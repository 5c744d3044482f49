package sql

import (
	"fmt"
	"regexp"
	"strings"
)

// Dataset is where tables and views are in BigQuery.
type Dataset struct {
	Project string
	Name    string
}

// datasetForm is PROJECT.DATASET. Old projects have a domain before a colon.
var datasetForm = regexp.MustCompile(`^((?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9])\.([A-Za-z0-9_]+)$`)

// ParseDataset reads PROJECT.DATASET.
func ParseDataset(text string) (Dataset, error) {
	parts := datasetForm.FindStringSubmatch(text)
	if parts == nil || len(parts[2]) > 1024 {
		return Dataset{}, fmt.Errorf("%.200q is no dataset of BigQuery: write PROJECT.DATASET, like my-project.whatif", text)
	}
	return Dataset{parts[1], parts[2]}, nil
}

func (d Dataset) String() string { return d.Project + "." + d.Name }

// Of is the name of a table or view as a statement says it: without a dataset by itself, as in DuckDB.
func (d Dataset) Of(name string) string {
	if d == (Dataset{}) {
		return name
	}
	return "`" + d.String() + "." + name + "`"
}

// Views are the views as BigQuery SQL, each after those it reads, naming each other in the dataset.
func (d Dataset) Views() ([]View, error) {
	r, err := newRendering(BigQuery, d.Of)
	if err != nil {
		return nil, err
	}
	return r.views()
}

// Text writes a text as a literal of a dialect. DuckDB's doubles the quote and takes all else as it is;
// BigQuery's has escapes and may not hold a line break.
func Text(dialect, text string) string {
	if dialect != BigQuery {
		return Quote(text)
	}
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range text {
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
