package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/limit"
	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/results"
)

// Reader answers views of results; *reading.Reader does.
type Reader interface {
	Read(ctx context.Context, r reading.Request) (*reading.Answer, error)
	CSV(ctx context.Context, r reading.Request, out io.Writer) error
	Report(ctx context.Context, id string, finished bool, revision string, out io.Writer) error
}

// Options are what the interface stands on.
type Options struct {
	Store    *store.Store
	Results  *results.Store
	Reader   Reader
	Identify func(*http.Request) (access.Identity, error)
	Limiter  limit.Limiter
	Shedder  *limit.Shedder
	Guard    access.GuardOptions             // Public and Refuse are set here
	Trace    func(http.Handler) http.Handler // default: none
	Web      http.Handler                    // pages for people; default: none
	Metrics  *Metrics

	// Source is where a tenant's configurations find what they name.
	Source func(tenant string) pipeline.Source
	// Upload keeps a file for a tenant.
	Upload func(ctx context.Context, tenant string, body io.Reader) (wire.Upload, error)
	// CheckWebhook refuses addresses that may not be told of finished simulations.
	CheckWebhook func(url string) error
	// Warehouse is nil if results are loaded into none, and else asks whether it is well.
	Warehouse func(ctx context.Context) error
	// Live tells how a simulation goes that runs here, as of this moment. Default: what the store has.
	Live func(id string) (store.Progress, bool)

	Version        string
	MaxUploadBytes int64
	BodyPatience   time.Duration // how long a body may take, uploads aside; default 1 min
	Logger         *slog.Logger
	Now            func() time.Time
	Random         io.Reader
}

// API is the interface of one launcher. Close it before its store.
type API struct {
	http.Handler
	server *server
}

// Close ends all event streams; their readers come back to another launcher, or to this one's successor.
// It may be called twice.
func (a *API) Close() { a.server.hub.close() }

// server is what the routes share.
type server struct {
	Options
	huma     huma.API
	openAPI  []byte
	hub      *hub
	plans    *plans
	load     *remembered[store.Load]
	waiters  *waiters
	bodies   *limit.Bytes
	checking *bench
}

// New makes the interface.
func New(o Options) (*API, error) {
	if o.Store == nil || o.Results == nil || o.Reader == nil || o.Identify == nil || o.Limiter == nil || o.Shedder == nil || o.Metrics == nil || o.Source == nil || o.Upload == nil || o.CheckWebhook == nil {
		return nil, errors.New("api: an option is missing")
	}
	o.setDefaults()
	s := &server{Options: o, checking: newBench(), bodies: limit.NewBytes(bodyMemory), plans: newPlans()}
	s.load = remember(o.Now, time.Second, o.Store.Load)
	s.waiters = &waiters{now: o.Now, count: o.Store.Unfinished, tenants: map[string]*tally{}}
	s.hub = newHub(o.Store, o.Live, o.Now)
	o.Metrics.watch(s)
	handler, err := s.routes()
	if err != nil {
		return nil, err
	}
	return &API{Handler: handler, server: s}, nil
}

func (o *Options) setDefaults() {
	if o.Trace == nil {
		o.Trace = func(next http.Handler) http.Handler { return next }
	}
	if o.Live == nil {
		o.Live = func(string) (store.Progress, bool) { return store.Progress{}, false }
	}
	if o.BodyPatience <= 0 {
		o.BodyPatience = time.Minute
	}
	if o.MaxUploadBytes <= 0 {
		o.MaxUploadBytes = 64 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

// routes puts the middlewares and routes together.
func (s *server) routes() (http.Handler, error) {
	s.Guard.Public = func(r *http.Request) bool { return r.URL.Path == openAPIPath }
	s.Guard.Refuse = func(w http.ResponseWriter, r *http.Request, _ int, c, detail string) {
		writeProblem(w, r, refuse(code(c), "%s", detail))
	}
	guard, err := access.Guard(s.Guard)
	if err != nil {
		return nil, err
	}
	mux := chi.NewMux()
	mux.Use(s.frame, s.Trace, headers, guard, middleware.GetHead)
	mux.NotFound(func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, r, refuse(notFound, "there is nothing at %.200q", r.URL.Path))
	})
	mux.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) { notAllowed(mux, w, r) })
	s.huma = humachi.New(mux, openAPIConfig(s.Version))
	s.huma.UseMiddleware(s.admit)
	s.routeSubmit()
	s.routeSimulations()
	s.routeVariants()
	s.routeControl()
	s.routeViews()
	s.routeEvents()
	s.routeNotes()
	s.routeUploads()
	s.routeSchedules()
	s.routeLinks()
	s.routeHealth()
	if err := s.routeOpenAPI(mux); err != nil {
		return nil, err
	}
	if s.Web != nil {
		for _, pattern := range []string{"/", "/simulations/*", "/docs", "/docs/*", "/assets/*"} {
			mux.Method(http.MethodGet, pattern, s.Web)
		}
	}
	return mux, nil
}

// methods are those that any route has.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// notAllowed answers a request to a path that has other methods, and names them.
func notAllowed(mux *chi.Mux, w http.ResponseWriter, r *http.Request) {
	path := r.URL.RawPath
	if path == "" {
		path = r.URL.Path
	}
	allowed := http.Header{}
	text := ""
	for _, method := range methods {
		route := method
		if method == http.MethodHead {
			route = http.MethodGet
		}
		if mux.Match(chi.NewRouteContext(), route, path) {
			allowed.Add("Allow", method)
			text += " " + method
		}
	}
	writeProblem(w, r, &refusal{code: methodNotAllowed, detail: "this address takes" + text, header: allowed})
}
