package store

import (
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire is a connection to PostgreSQL that can be frozen: it stays open and says nothing more, as one to a server that was
// stopped does.
type wire struct {
	listener net.Listener
	server   string
	mu       sync.Mutex
	conns    []net.Conn
	frozen   bool
	asked    chan struct{} // closed when the first words are lost
	once     sync.Once
	ends     sync.WaitGroup
}

// through is a database's URL by way of a wire.
func through(t *testing.T, d database) (string, *wire) {
	t.Helper()
	u, err := url.Parse(d.url)
	ok(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	w := &wire{listener: listener, server: u.Host, asked: make(chan struct{})}
	w.ends.Go(w.accept)
	t.Cleanup(w.cut)
	u.Host = listener.Addr().String()
	return u.String(), w
}

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.server)
		if err != nil {
			_ = client.Close()
			return
		}
		w.mu.Lock()
		w.conns = append(w.conns, client, server)
		w.mu.Unlock()
		w.ends.Go(func() { w.carry(server, client) })
		w.ends.Go(func() { w.carry(client, server) })
	}
}

// carry copies until an end is closed, and drops all while the wire is frozen.
func (w *wire) carry(to, from net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		frozen := w.frozen
		w.mu.Unlock()
		if frozen && err == nil {
			w.once.Do(func() { close(w.asked) })
			continue
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			if err == nil || errors.Is(err, io.EOF) {
				_ = to.Close()
			}
			return
		}
	}
}

func (w *wire) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = true
}

// cut ends the wire and all on it.
func (w *wire) cut() {
	_ = w.listener.Close()
	w.mu.Lock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.mu.Unlock()
	w.ends.Wait()
}

// A PostgreSQL that answers nothing any more is unavailable to everybody after a while, and keeps nobody from closing the store.
func TestFrozen(t *testing.T) {
	server := os.Getenv("WHATIF_TEST_POSTGRES")
	if server == "" {
		t.Log("WHATIF_TEST_POSTGRES is not set (.ci/postgres starts a server): nothing to freeze")
		return
	}
	address, w := through(t, database{kind: "postgres", url: newSchema(t, server)})
	s, err := Open(t.Context(), address, Options{Patience: 300 * time.Millisecond})
	ok(t, err)
	submit(t, s, study("acme", "20260701-before", 1))
	w.freeze()
	calls := map[string]func() error{
		"Submit":      func() error { _, _, err := s.Submit(t.Context(), study("acme", "20260701-a", 1)); return err },
		"Cancel":      func() error { _, err := s.Cancel(t.Context(), "acme", "20260701-before", "ada"); return err },
		"Simulation":  func() error { _, err := s.Simulation(t.Context(), "acme", "20260701-before"); return err },
		"Simulations": func() error { _, _, err := s.Simulations(t.Context(), Filter{Tenant: "acme"}, Page{}); return err },
		"Claim":       func() error { _, err := s.Claim(t.Context(), "a", time.Minute); return err },
	}
	answers := make(chan string, len(calls))
	for name, call := range calls {
		go func() {
			err := call()
			if !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "\n") {
				answers <- name + ": " + errorText(err)
				return
			}
			answers <- ""
		}()
	}
	deadline := time.After(20 * time.Second)
	for range calls {
		select {
		case wrong := <-answers:
			if wrong != "" {
				t.Error(wrong)
			}
		case <-deadline:
			t.Fatal("still no answer")
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		ok(t, err)
	case <-deadline:
		t.Fatal("Close still waits")
	}
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

// Close gives up a batch that waits for longer than its grace, however patient the store is.
func TestCloseFrozen(t *testing.T) {
	server := os.Getenv("WHATIF_TEST_POSTGRES")
	if server == "" {
		t.Log("WHATIF_TEST_POSTGRES is not set (.ci/postgres starts a server): nothing to freeze")
		return
	}
	address, w := through(t, database{kind: "postgres", url: newSchema(t, server)})
	s, err := Open(t.Context(), address, Options{Patience: time.Hour})
	ok(t, err)
	submit(t, s, study("acme", "20260701-before", 1))
	w.freeze()
	answer, closed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, _, err := s.Submit(t.Context(), study("acme", "20260701-a", 1))
		answer <- err
	}()
	<-w.asked // or Close would overtake it
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		ok(t, err)
	case <-time.After(closeGrace + 10*time.Second):
		t.Fatal("Close still waits")
	}
	if err := <-answer; !errors.Is(err, ErrUnavailable) {
		t.Errorf("the submission under way: %v", err)
	}
}
