package bigquerytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"

	bq "google.golang.org/api/bigquery/v2"
	"google.golang.org/api/googleapi"
)

// Server is a service on loopback, by the REST interface of BigQuery
// (https://cloud.google.com/bigquery/docs/reference/rest).
type Server struct {
	*Service
	URL string

	http *httptest.Server
	mu   sync.Mutex
	next map[string][]Fault
}

// NewServer starts a server. Close ends it.
func NewServer(s *Service) *Server {
	srv := &Server{Service: s, next: map[string][]Fault{}}
	mux := http.NewServeMux()
	const base = "/bigquery/v2/projects/{project}"
	srv.handle(mux, "jobs.insert", "POST "+base+"/jobs", func(r *http.Request) (any, error) {
		return decoded(r, func(job *bq.Job) (any, error) { return s.InsertJob(r.PathValue("project"), job) })
	})
	srv.handle(mux, "jobs.get", "GET "+base+"/jobs/{job}", func(r *http.Request) (any, error) {
		return s.GetJob(r.PathValue("project"), r.PathValue("job"), r.FormValue("location"))
	})
	srv.handle(mux, "datasets.insert", "POST "+base+"/datasets", func(r *http.Request) (any, error) {
		return decoded(r, func(d *bq.Dataset) (any, error) { return s.InsertDataset(r.PathValue("project"), d) })
	})
	srv.handle(mux, "datasets.get", "GET "+base+"/datasets/{dataset}", func(r *http.Request) (any, error) {
		return s.GetDataset(r.PathValue("project"), r.PathValue("dataset"))
	})
	srv.handle(mux, "tables.insert", "POST "+base+"/datasets/{dataset}/tables", func(r *http.Request) (any, error) {
		return decoded(r, func(t *bq.Table) (any, error) {
			return s.InsertTable(r.PathValue("project"), r.PathValue("dataset"), t)
		})
	})
	const table = base + "/datasets/{dataset}/tables/{table}"
	srv.handle(mux, "tables.get", "GET "+table, func(r *http.Request) (any, error) {
		return s.GetTable(r.PathValue("project"), r.PathValue("dataset"), r.PathValue("table"))
	})
	srv.handle(mux, "tables.patch", "PATCH "+table, func(r *http.Request) (any, error) {
		return decoded(r, func(t *bq.Table) (any, error) {
			return s.PatchTable(r.PathValue("project"), r.PathValue("dataset"), r.PathValue("table"), r.Header.Get("If-Match"), t)
		})
	})
	srv.http = httptest.NewServer(mux)
	srv.URL = srv.http.URL
	return srv
}

// Close ends the server.
func (s *Server) Close() { s.http.Close() }

// Order has the next requests of a method, such as jobs.insert, meet these faults, one each.
func (s *Server) Order(method string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next[method] = append(s.next[method], faults...)
}

func (s *Server) due(method string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.next[method]) == 0 {
		return None
	}
	fault := s.next[method][0]
	s.next[method] = s.next[method][1:]
	return fault
}

// handle answers a method's requests, with the fault that is due.
func (s *Server) handle(mux *http.ServeMux, method, pattern string, do func(*http.Request) (any, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		fault := s.due(method)
		if err := fault.refused(); err != nil {
			answer(w, nil, err)
			return
		}
		if fault == LostRequest {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		out, err := do(r)
		switch fault {
		case LostAnswer:
			panic(http.ErrAbortHandler)
		case Internal:
			out, err = nil, failure(http.StatusInternalServerError, "internalError", "An internal error occurred.")
		}
		answer(w, out, err)
	})
}

// decoded reads a request's body.
func decoded[T any](r *http.Request, do func(*T) (any, error)) (any, error) {
	body := new(T)
	if err := json.NewDecoder(r.Body).Decode(body); err != nil {
		return nil, failure(http.StatusBadRequest, "parseError", "%v", err)
	}
	return do(body)
}

// answer writes an answer, or an error as the error table shows it.
func answer(w http.ResponseWriter, out any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if e, ok := errors.AsType[*googleapi.Error](err); ok {
		w.WriteHeader(e.Code)
		out = map[string]any{"error": map[string]any{"code": e.Code, "message": e.Message,
			"errors": []map[string]string{{"reason": e.Errors[0].Reason, "message": e.Message, "domain": "global"}}}}
	} else if err != nil {
		panic(fmt.Sprintf("bigquerytest: %v", err))
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		panic(http.ErrAbortHandler)
	}
}
