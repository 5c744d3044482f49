package launcher

import (
	"log/slog"
	"time"

	"github.com/whatif-machine/whatif/launcher/loading"
	"github.com/whatif-machine/whatif/pipeline"
)

// Config is what a launcher is started with. Command-line flags, environment and file are read in cmd.
type Config struct {
	Listen     string   // host:port; default 127.0.0.1:8080; port 0: any
	Store      string   // sqlite:PATH or postgres://..; default: an SQLite file in the results folder, see StoreURL
	Results    string   // the result store
	InputRoots []string // folders that configurations may read; none: uploads only

	Name        string // of this launcher among those of its store; default: host name and a random suffix
	AcceptOnly  bool   // take submissions and answer, but run nothing: another launcher of the store does
	Parallelism int    // CPU tokens: variants at a time over all simulations; default: one a core
	MaxRunning  int    // simulations at a time; default 8
	MemoryBytes int64  // state that variants in flight may hold, over all simulations; default: half of what is free

	Runner    string             // of configurations that name none; default: direct
	Elsewhere pipeline.Elsewhere // what runners beyond this machine are told

	LoadTo loading.Target // where results are loaded to when simulations have ended; default: nowhere

	AllowedHosts   []string // Host headers answered beside the loopback names and the address listened on
	AllowedOrigins []string // Origins that browsers may post from, beside the launcher's own
	Limiter        string   // redis://.. shared by launchers; default: each its own
	WebhookHosts   []string // hosts that may be told of finished simulations; none: no webhooks
	WebhookSecret  string   // root of the tenants' signing secrets; needed with WebhookHosts
	MaxUploadBytes int64    // default 64 MiB
	MaxMemoryBytes int64    // of this process, above which it sheds load; default 448 MiB

	Lease      time.Duration // default 10 s; heartbeats come five times as often
	JobCommand []string      // argv of a job's process; default: this program and run-job
	Simulator  string        // name of a registered simulator; default: the engine

	Version string
	Logger  *slog.Logger
	// Ready is told the address listened on, once requests are answered.
	Ready func(address string)
}
