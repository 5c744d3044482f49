package limit

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// none comes back while a test runs.
var slowTier = store.Tier{Name: "slow", PerMinute: 1, Burst: 3}

// Launchers of one store count together.
func TestSharedByTwo(t *testing.T) {
	url := os.Getenv("WHATIF_TEST_REDIS")
	if url == "" {
		t.Log("WHATIF_TEST_REDIS is not set: nothing is shared")
		return
	}
	a, b, key := newShared(t, url), newShared(t, url), newKey()
	for i, s := range []*Shared{a, b, a, b} {
		if got := s.Take(t.Context(), key, slowTier); got.Allowed != (i < 3) || s.Failures() > 0 {
			t.Errorf("request %d: %+v, %d failures", i+1, got, s.Failures())
		}
	}
}

// A bucket in Redis does not outlive its use: it goes when it is full.
func TestSharedBucketsExpire(t *testing.T) {
	url := os.Getenv("WHATIF_TEST_REDIS")
	if url == "" {
		t.Log("WHATIF_TEST_REDIS is not set: nothing is shared")
		return
	}
	s, key := newShared(t, url), newKey()
	s.Take(t.Context(), key, slowTier)
	s.Take(t.Context(), key, slowTier)
	ttl, err := s.client.PTTL(t.Context(), redisPrefix+key).Result()
	if err != nil || ttl <= time.Minute || ttl > 2*time.Minute+time.Second { // two tokens at one a minute
		t.Errorf("expires in %v, %v", ttl, err)
	}
}

func TestSharedURLs(t *testing.T) {
	for _, url := range []string{"", "localhost:6379", "http://localhost", "redis://user:hunter2@%zz"} {
		_, err := NewShared(url, SharedOptions{})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// Nobody listens: requests pass at once and are counted.
func TestSharedWithoutServer(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := nobody.Addr().String()
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	passUndecided(t, newShared(t, "redis://"+address), 1000)
}

// Somebody listens but never answers: the first few requests wait 50 ms, then none does.
func TestSharedWithSilentServer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	passUndecided(t, newShared(t, "redis://"+silent.Addr().String()), 1000)
}

// passUndecided asks n times a limiter whose server is away: all pass and are counted, in far less time than n
// times the 50 ms that one may wait.
func passUndecided(t *testing.T, s *Shared, n int64) {
	t.Helper()
	before, start := s.Failures(), time.Now()
	for range n {
		if got := s.Take(t.Context(), "k", slowTier); !got.Allowed || got.Limit != 3 {
			t.Fatalf("%+v", got)
		}
	}
	if counted := s.Failures() - before; counted != n {
		t.Errorf("%d of %d were counted", counted, n)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%d requests took %v", n, took)
	}
}

// Clients that leave before the answer must not make Redis look absent.
func TestClientsThatLeave(t *testing.T) {
	url := os.Getenv("WHATIF_TEST_REDIS")
	if url == "" {
		t.Log("WHATIF_TEST_REDIS is not set: nothing is shared")
		return
	}
	s, key := newShared(t, url), newKey()
	gone, leave := context.WithCancel(t.Context())
	leave()
	for i := range 10 {
		if got := s.Take(gone, key, slowTier); got.Allowed != (i < 3) {
			t.Errorf("request %d: %+v", i+1, got)
		}
	}
	if s.Failures() > 0 {
		t.Errorf("%d failures", s.Failures())
	}
}

// Redis is killed in the middle, stays away, and comes back at its address: requests are limited, pass,
// and are limited again, without anybody doing anything. Each change is logged once.
func TestRedisIsKilledInTheMiddle(t *testing.T) {
	program, err := exec.LookPath("redis-server")
	if err != nil || os.Getenv("WHATIF_TEST_REDIS") == "" {
		t.Log("WHATIF_TEST_REDIS is not set or there is no redis-server: nothing can be killed")
		return
	}
	port := freePort(t)
	server := startRedis(t, program, port)
	var log logged
	s, err := NewShared("redis://127.0.0.1:"+port, SharedOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	limited(t, s)
	kill(t, server)
	passUndecided(t, s, 200)
	passUndecided(t, s, 200)
	server = startRedis(t, program, port)
	limited(t, s)
	if err := server.Process.Signal(syscall.SIGSTOP); err != nil { // there, but silent
		t.Fatal(err)
	}
	passUndecided(t, s, 200)
	if err := server.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	limited(t, s)
	kill(t, server)
	if away, back := log.count("does not answer"), log.count("answers again"); away != 2 || back != 2 {
		t.Errorf("logged %d times that it is away and %d times that it is back:\n%s", away, back, log.text.String())
	}
}

// limited waits until the limiter decides, and sees that it refuses the fourth of three.
func limited(t *testing.T, s *Shared) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
		key, before, allowed := newKey(), s.Failures(), 0
		for range 4 {
			if s.Take(t.Context(), key, slowTier).Allowed {
				allowed++
			}
		}
		if s.Failures() == before {
			if allowed != 3 {
				t.Errorf("%d of 4 passed", allowed)
			}
			return
		}
	}
	t.Fatal("Redis was not taken up again within 15 s")
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// startRedis starts a server that keeps nothing, and waits until it listens.
func startRedis(t *testing.T, program, port string) *exec.Cmd {
	t.Helper()
	server := exec.Command(program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill() }) // of a test that failed; else it is gone
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = conn.Close()
			return server
		}
	}
	t.Fatal("redis-server did not start within 10 s")
	return nil
}

func kill(t *testing.T, server *exec.Cmd) {
	t.Helper()
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait() // says that it was killed
}

// logged keeps what is logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(phrase string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), phrase)
}
