package fake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	df "google.golang.org/api/dataflow/v1b3"
)

// Options say what the service is like. The zero one has no limits but those of the engine.
type Options struct {
	Project string   // the only one there is
	Regions []string // those there are
	Engine  Engine   // runs the jobs

	// MaxActive is how many jobs may be active at a time; 0: 25, "Quotas and limits",
	// https://cloud.google.com/dataflow/quotas.
	MaxActive int
	// ReturnExisting answers the creation of a second job of an active name with the first, as the field
	// `name` is documented (projects.locations.jobs), instead of 409, which Beam's runners handle.
	ReturnExisting bool
	// ListLag is how many lists leave a new job out: no document promises that a list is up to date.
	ListLag int
}

// Server is the service, on a port of the loopback.
type Server struct {
	options Options
	http    *http.Server
	address string
	ended   chan error // of the server's loop
	stop    context.CancelFunc
	running sync.WaitGroup // the engine's jobs

	mu       sync.Mutex
	ticks    int
	jobs     []*job
	faults   map[Operation][]Fault
	requests map[Operation]int
}

// Start starts a service; Close ends it and its jobs.
func Start(o Options) (*Server, error) {
	if o.MaxActive == 0 {
		o.MaxActive = 25
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("fake dataflow: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		options: o, address: "http://" + listener.Addr().String() + "/", stop: stop, ended: make(chan error, 1),
		faults: map[Operation][]Fault{}, requests: map[Operation]int{},
	}
	s.http = &http.Server{Handler: s.routes(ctx), ReadHeaderTimeout: 10 * time.Second}
	go func() { s.ended <- s.http.Serve(listener) }()
	return s, nil
}

// URL is the service's address, for remote.Settings.Endpoint.
func (s *Server) URL() string { return s.address }

// Close cancels the jobs that run, waits for them and ends the service.
func (s *Server) Close() error {
	s.stop()
	err := s.http.Close()
	s.running.Wait()
	if served := <-s.ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Jobs are all jobs there ever were, in the order of their creation.
func (s *Server) Jobs() []df.Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]df.Job, len(s.jobs))
	for i, j := range s.jobs {
		all[i] = j.said
	}
	return all
}

// epoch is when the service's clock begins.
var epoch = time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)

// now is the service's time, which goes on by a second whenever it is told. The lock is held.
func (s *Server) now() string {
	s.ticks++
	return epoch.Add(time.Duration(s.ticks) * time.Second).Format(time.RFC3339Nano)
}

// Requests is how many requests of an operation have come in.
func (s *Server) Requests(op Operation) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[op]
}

// Operation is a method of the API.
type Operation string

// The methods that there are: "REST Resource: projects.locations.jobs",
// https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs.
const (
	Create   Operation = "create"
	List     Operation = "list"
	Get      Operation = "get"
	Update   Operation = "update"
	Metrics  Operation = "getMetrics"
	Messages Operation = "messages.list"
)

func (s *Server) routes(ctx context.Context) http.Handler {
	mux := http.NewServeMux()
	const jobs = "/v1b3/projects/{project}/locations/{region}/jobs"
	on := func(pattern string, op Operation, answer func(context.Context, *http.Request) (any, *Fault)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.serve(w, r, op, func() (any, *Fault) { return answer(ctx, r) })
		})
	}
	on("POST "+jobs, Create, s.create)
	on("GET "+jobs, List, s.list)
	on("GET "+jobs+"/{id}", Get, s.get)
	on("PUT "+jobs+"/{id}", Update, s.update)
	on("GET "+jobs+"/{id}/metrics", Metrics, s.metrics)
	on("GET "+jobs+"/{id}/messages", Messages, s.messages)
	return mux
}

// serve answers one request, or does what the next fault of its operation says.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, op Operation, answer func() (any, *Fault)) {
	fault := s.next(op)
	if fault != nil && !fault.Lost {
		fault.write(w)
		return
	}
	refused := s.place(r)
	var body any
	if refused == nil {
		body, refused = answer()
	}
	switch {
	case fault != nil:
		// What was asked for has been done, and nobody hears of it: the server closes the connection.
		panic(http.ErrAbortHandler)
	case refused != nil:
		refused.write(w)
	default:
		write(w, http.StatusOK, body)
	}
}

// place refuses projects and regions there are not.
func (s *Server) place(r *http.Request) *Fault {
	if project := r.PathValue("project"); project != s.options.Project {
		return NoProject(project)
	}
	region := r.PathValue("region")
	for _, known := range s.options.Regions {
		if region == known {
			return nil
		}
	}
	return NoRegion(region)
}

func write(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(code)
	// An error means that the client has gone.
	_ = json.NewEncoder(w).Encode(body)
}
