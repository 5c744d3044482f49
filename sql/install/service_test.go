package install_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	bq "google.golang.org/api/bigquery/v2"

	"github.com/whatif-machine/whatif/sql/loads/bigquerytest"
)

// service is the BigQuery of package bigquerytest, and what that lacks: statements that make views and table
// functions, and the table's partition filter.
type service struct {
	*bigquerytest.Server
	URL string

	mu     sync.Mutex
	made   map[string]string // description of each view and function, by name
	ran    []string          // names that statements made, in order
	strict bool              // the table's require_partition_filter
	refuse string            // a name whose statement fails
}

const project = "/bigquery/v2/projects/my-project"

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{Server: bigquerytest.NewServer(bigquerytest.New(bigquerytest.Options{})), made: map[string]string{}}
	t.Cleanup(s.Close)
	behind, err := url.Parse(s.Server.URL)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", httputil.NewSingleHostReverseProxy(behind))
	mux.HandleFunc("POST "+project+"/jobs", s.statement)
	// "jobs.query, jobs.getQueryResults: jobComplete, whether the query has completed or not" (REST reference).
	mux.HandleFunc("GET "+project+"/queries/{job}", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, &bq.GetQueryResultsResponse{JobComplete: true, JobReference: reference(r.PathValue("job"))})
	})
	mux.HandleFunc("GET "+project+"/jobs/{job}", func(w http.ResponseWriter, r *http.Request) { reply(w, http.StatusOK, done(r.PathValue("job"), nil)) })
	mux.HandleFunc("GET "+project+"/datasets/whatif/routines/{name}", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, func(description string) any {
			return &bq.Routine{RoutineType: "TABLE_VALUED_FUNCTION", Description: description, RoutineReference: &bq.RoutineReference{RoutineId: r.PathValue("name")}}
		})
	})
	mux.HandleFunc("GET "+project+"/datasets/whatif/tables/{name}", s.table)
	mux.HandleFunc("PATCH "+project+"/datasets/whatif/tables/variant_results", s.patch)
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	s.URL = front.URL
	return s
}

var (
	creates = regexp.MustCompile("^CREATE OR REPLACE (VIEW|TABLE FUNCTION) `my-project\\.whatif\\.(\\w+)`")
	said    = regexp.MustCompile(`(?m)^OPTIONS \(description = '(.*)'\)$`)
	reading = regexp.MustCompile("FROM `my-project\\.whatif\\.(\\w+)`")
)

// statement runs a statement. A view's query is checked when it is made: it must find what it reads ("Not found:
// Table", Creating views: https://cloud.google.com/bigquery/docs/views).
func (s *service) statement(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var asked bq.Job
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		panic(err)
	}
	text := asked.Configuration.Query.Query
	name, description := creates.FindStringSubmatch(text), said.FindStringSubmatch(text)
	if name == nil || description == nil || *asked.Configuration.Query.UseLegacySql || asked.JobReference.Location != "EU" {
		reply(w, http.StatusBadRequest, fault("invalidQuery", "not a statement of ours: "+text))
		return
	}
	for _, read := range reading.FindAllStringSubmatch(text, -1) {
		if _, ok := s.made[read[1]]; !ok && read[1] != "variant_results" {
			reply(w, http.StatusNotFound, fault("notFound", "Not found: Table my-project:whatif."+read[1]))
			return
		}
	}
	if name[2] == s.refuse {
		reply(w, http.StatusForbidden, fault("accessDenied", "Access Denied: User does not have bigquery.tables.create permission"))
		return
	}
	s.made[name[2]] = strings.ReplaceAll(description[1], `\'`, `'`)
	s.ran = append(s.ran, name[2])
	reply(w, http.StatusOK, done(asked.JobReference.JobId, asked.Configuration))
}

// answer is what a statement made, by its description.
func (s *service) answer(w http.ResponseWriter, r *http.Request, of func(description string) any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	description, ok := s.made[r.PathValue("name")]
	if !ok {
		reply(w, http.StatusNotFound, fault("notFound", "Not found: "+r.PathValue("name")))
		return
	}
	reply(w, http.StatusOK, of(description))
}

func (s *service) table(w http.ResponseWriter, r *http.Request) {
	t, err := s.GetTable("my-project", "whatif", r.PathValue("name"))
	if err != nil {
		s.answer(w, r, func(description string) any {
			return &bq.Table{Type: "VIEW", View: &bq.ViewDefinition{Query: "SELECT 1"}, Description: description, TableReference: &bq.TableReference{TableId: r.PathValue("name")}}
		})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.RequirePartitionFilter = s.strict
	reply(w, http.StatusOK, t)
}

// patch changes the schema and the filter: "requirePartitionFilter: If set to true, queries over this table require
// a partition filter" (Table resource).
func (s *service) patch(w http.ResponseWriter, r *http.Request) {
	var change bq.Table
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
		panic(err)
	}
	t, err := s.PatchTable("my-project", "whatif", "variant_results", r.Header.Get("If-Match"), &change)
	if err != nil {
		reply(w, http.StatusPreconditionFailed, fault("conditionNotMet", err.Error()))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strict = change.RequirePartitionFilter
	t.RequirePartitionFilter = s.strict
	reply(w, http.StatusOK, t)
}

// statements are the names that have been made since this was asked last.
func (s *service) statements() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ran := slices.Clone(s.ran)
	s.ran = nil
	return ran
}

func reference(job string) *bq.JobReference {
	return &bq.JobReference{ProjectId: "my-project", JobId: job, Location: "EU"}
}

func done(job string, of *bq.JobConfiguration) *bq.Job {
	if of == nil {
		of = &bq.JobConfiguration{Query: &bq.JobConfigurationQuery{}}
	}
	return &bq.Job{JobReference: reference(job), Configuration: of, Status: &bq.JobStatus{State: "DONE"}}
}

func fault(reason, message string) any {
	return map[string]any{"error": map[string]any{"message": message, "errors": []map[string]string{{"reason": reason, "message": message}}}}
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(fmt.Sprint("answer: ", err))
	}
}
