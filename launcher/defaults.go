package launcher

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/transforms/objects"
)

// Defaults of a Config.
const (
	defaultListen    = "127.0.0.1:8080"
	defaultLease     = 10 * time.Second
	defaultRunning   = 8
	defaultUpload    = 64 << 20
	defaultMaxMemory = 448 << 20
)

// settled is the configuration with its defaults.
func (c Config) settled() (Config, error) {
	if c.Results == "" {
		return c, errors.New("launcher: no results folder given")
	}
	if err := c.CheckStore(); err != nil {
		return c, err
	}
	orDefault(&c.Listen, defaultListen)
	orDefault(&c.Lease, defaultLease)
	orDefault(&c.MaxRunning, defaultRunning)
	orDefault(&c.Parallelism, runtime.GOMAXPROCS(0))
	orDefault(&c.MaxUploadBytes, defaultUpload)
	orDefault(&c.MaxMemoryBytes, defaultMaxMemory)
	orDefault(&c.Name, defaultName(c.StoreURL()))
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Ready == nil {
		c.Ready = func(string) {}
	}
	c.Logger = c.Logger.With("launcher", c.Name)
	return c, nil
}

func orDefault[T comparable](value *T, or T) {
	var zero T
	if *value == zero {
		*value = or
	}
}

// CheckStore refuses to keep the queue in a file that nobody has chosen: beside results in a bucket there is no
// place for it, and a place that does not outlive the machine would lose what was acknowledged.
func (c Config) CheckStore() error {
	if c.Store == "" && objects.IsURI(c.Results) {
		return fmt.Errorf("launcher: results are at %s, where the launcher's own store can't be; name one with --store: sqlite:PATH on a disk that stays, or postgres://HOST/DATABASE", c.Results)
	}
	return nil
}

// StoreURL is the launcher's store: Store, or else a file in the results folder. Tools that work on a
// launcher's store find it by this.
func (c Config) StoreURL() string {
	if c.Store != "" {
		return c.Store
	}
	return sqliteScheme + filepath.Join(c.Results, "_launcher", "store.sqlite")
}

const sqliteScheme = "sqlite:"

// sqlitePath is the file of a store that is one; ok is false for a server.
func sqlitePath(url string) (path string, ok bool) {
	path = strings.TrimPrefix(url, sqliteScheme)
	return path, !strings.Contains(path, "://")
}

// defaultName is the host's name. One file has one launcher, which on the next start goes on at once with
// what it had been running; launchers of a server need names of their own.
func defaultName(storeURL string) string {
	name, err := os.Hostname()
	if err != nil {
		name = "launcher"
	}
	if _, file := sqlitePath(storeURL); file {
		return name
	}
	return name + "-" + strings.ToLower(rand.Text()[:8])
}

// loopback reports whether an address can be reached from this machine only.
func loopback(listen string) (bool, error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false, fmt.Errorf("launcher: address to listen on: %w; write host:port, such as %s", err, defaultListen)
	}
	if host == "localhost" {
		return true, nil
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback(), nil
}
