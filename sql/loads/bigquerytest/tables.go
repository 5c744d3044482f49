package bigquerytest

import (
	"net/http"
	"slices"
	"strings"

	bq "google.golang.org/api/bigquery/v2"
)

// InsertDataset is datasets.insert. The location is US if none is named ("Dataset locations":
// https://cloud.google.com/bigquery/docs/locations).
func (s *Service) InsertDataset(project string, d *bq.Dataset) (*bq.Dataset, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := project + "." + d.DatasetReference.DatasetId
	if s.datasets[key] != nil {
		return nil, failure(http.StatusConflict, "duplicate", "Already Exists: Dataset %s", key)
	}
	if d.Location == "" {
		d.Location = "US"
	}
	d.DatasetReference.ProjectId = project
	s.datasets[key] = d
	return d, nil
}

// GetDataset is datasets.get.
func (s *Service) GetDataset(project, dataset string) (*bq.Dataset, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.datasets[project+"."+dataset]; d != nil {
		return d, nil
	}
	return nil, failure(http.StatusNotFound, "notFound", "Not found: Dataset %s:%s", project, dataset)
}

// InsertTable is tables.insert.
func (s *Service) InsertTable(project, dataset string, asked *bq.Table) (*bq.Table, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.datasets[project+"."+dataset]
	if d == nil {
		return nil, failure(http.StatusNotFound, "notFound", "Not found: Dataset %s:%s", project, dataset)
	}
	asked.TableReference.ProjectId, asked.TableReference.DatasetId = project, dataset
	key := tableKey(asked.TableReference)
	if s.tables[key] != nil {
		return nil, failure(http.StatusConflict, "duplicate", "Already Exists: Table %s", key)
	}
	if problem := layout(asked); problem != "" {
		return nil, failure(http.StatusBadRequest, "invalid", "%s", problem)
	}
	asked.Type, asked.Location = "TABLE", d.Location
	t := &table{Table: asked, version: 1}
	s.tables[key] = t
	return t.answer(), nil
}

// layout checks what partitioning and clustering name: top-level columns, a DATE, TIMESTAMP or DATETIME that is
// not repeated, at most four for clustering ("Introduction to partitioned tables", "Introduction to clustered
// tables": https://cloud.google.com/bigquery/docs/clustered-tables#limitations).
func layout(t *bq.Table) string {
	typeOf := map[string]string{}
	for _, f := range t.Schema.Fields {
		if mode(f) != "REPEATED" {
			typeOf[f.Name] = f.Type
		}
	}
	if p := t.TimePartitioning; p != nil && !slices.Contains([]string{"DATE", "TIMESTAMP", "DATETIME"}, typeOf[p.Field]) {
		return "The field specified for partitioning can only be of type TIMESTAMP, DATE or DATETIME: " + p.Field
	}
	if c := t.Clustering; c != nil {
		if len(c.Fields) > 4 {
			return "at most 4 clustering columns"
		}
		for _, name := range c.Fields {
			if typeOf[name] == "" || typeOf[name] == "RECORD" || typeOf[name] == "FLOAT" {
				return "The field specified for clustering can't be: " + name
			}
		}
	}
	return ""
}

// GetTable is tables.get.
func (s *Service) GetTable(project, dataset, name string) (*bq.Table, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if t := s.tables[project+"."+dataset+"."+name]; t != nil {
		return t.answer(), nil
	}
	return nil, failure(http.StatusNotFound, "notFound", "Not found: Table %s:%s.%s", project, dataset, name)
}

func (t *table) answer() *bq.Table {
	out := *t.Table
	out.Etag = t.etag()
	return &out
}

// PatchTable is tables.patch of the schema, of the table as it was at an etag ("Conditional requests").
func (s *Service) PatchTable(project, dataset, name, etag string, change *bq.Table) (*bq.Table, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	t := s.tables[project+"."+dataset+"."+name]
	if t == nil {
		return nil, failure(http.StatusNotFound, "notFound", "Not found: Table %s:%s.%s", project, dataset, name)
	}
	if etag != "" && etag != t.etag() {
		return nil, failure(http.StatusPreconditionFailed, "conditionNotMet", "Precondition Failed")
	}
	if change.Schema != nil {
		if problem := illegal(t.Schema.Fields, change.Schema.Fields); problem != "" {
			return nil, failure(http.StatusBadRequest, "invalid", "Provided Schema does not match Table %s. %s", name, problem)
		}
		t.Schema = change.Schema
	}
	t.version++
	return t.answer(), nil
}

// illegal is what of a change of schema is refused: "You can add .. columns with a mode of NULLABLE or REPEATED";
// REQUIRED may become NULLABLE; removing, renaming and changing types is not supported by patch ("Modifying table
// schemas": https://cloud.google.com/bigquery/docs/managing-table-schemas).
func illegal(have, want []*bq.TableFieldSchema) string {
	for _, h := range have {
		i := slices.IndexFunc(want, func(w *bq.TableFieldSchema) bool { return strings.EqualFold(w.Name, h.Name) })
		switch {
		case i < 0:
			return "Field " + h.Name + " is missing in new schema"
		case want[i].Type != h.Type:
			return "Field " + h.Name + " has changed type from " + h.Type + " to " + want[i].Type
		case mode(want[i]) != mode(h) && (mode(h) != "REQUIRED" || mode(want[i]) != "NULLABLE"):
			return "Field " + h.Name + " has changed mode from " + mode(h) + " to " + mode(want[i])
		}
		if nested := illegal(h.Fields, want[i].Fields); nested != "" {
			return nested
		}
	}
	for _, w := range want {
		isNew := !slices.ContainsFunc(have, func(h *bq.TableFieldSchema) bool { return strings.EqualFold(h.Name, w.Name) })
		if isNew && mode(w) == "REQUIRED" {
			return "Cannot add required fields to an existing schema. (field: " + w.Name + ")"
		}
	}
	return ""
}
