package portable_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	fnpb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/fnexecution_v1"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/whatif-machine/whatif/pipeline/portable"
)

// control is the service that workers work for: it notes who comes and who is gone.
type control struct {
	fnpb.UnimplementedBeamFnControlServer
	fnpb.UnimplementedBeamFnLoggingServer
	came, left chan struct{}
	dismiss    chan struct{}
}

func (c *control) Control(stream fnpb.BeamFnControl_ControlServer) error {
	c.came <- struct{}{}
	select {
	case <-stream.Context().Done():
	case <-c.dismiss:
	}
	c.left <- struct{}{}
	return nil
}

func (c *control) Logging(stream fnpb.BeamFnLogging_LoggingServer) error {
	for {
		if _, err := stream.Recv(); err != nil {
			return nil //nolint:nilerr // the worker has ended
		}
	}
}

func startControl(t *testing.T) (*control, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, server := &control{came: make(chan struct{}, 9), left: make(chan struct{}, 9), dismiss: make(chan struct{})}, grpc.NewServer()
	fnpb.RegisterBeamFnControlServer(server, c)
	fnpb.RegisterBeamFnLoggingServer(server, c)
	go func() { _ = server.Serve(listener) }() // ends with Stop
	t.Cleanup(server.Stop)
	return c, listener.Addr().String()
}

// within waits for a signal; what a worker does takes well under the deadline.
func within(t *testing.T, what string, signal <-chan struct{}) {
	t.Helper()
	select {
	case <-signal:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: not within 30 s", what)
	}
}

// buffer is what workers write to, from several processes' pipes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func startPool(t *testing.T) (*portable.Pool, string) {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	pool, err := portable.StartPool(address, []string{os.Args[0]}, &buffer{})
	if err != nil {
		t.Fatal(err)
	}
	return pool, address
}

// taskManager is a connection to the pool of its own.
func taskManager(t *testing.T, pool string) fnpb.BeamFnExternalWorkerPoolClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+pool, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return fnpb.NewBeamFnExternalWorkerPoolClient(conn)
}

// hire asks for a worker and gives the pool's refusal.
func hire(t *testing.T, tm fnpb.BeamFnExternalWorkerPoolClient, id, services string) string {
	t.Helper()
	at := &pipepb.ApiServiceDescriptor{Url: services}
	answer, err := tm.StartWorker(t.Context(), &fnpb.StartWorkerRequest{WorkerId: id, ControlEndpoint: at, LoggingEndpoint: at})
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetError()
}

func fire(t *testing.T, tm fnpb.BeamFnExternalWorkerPoolClient, id string) {
	t.Helper()
	answer, err := tm.StopWorker(t.Context(), &fnpb.StopWorkerRequest{WorkerId: id})
	if err != nil || answer.GetError() != "" {
		t.Fatal(answer.GetError(), err)
	}
}

// TestAPoolTellsTaskManagersApart: each numbers its workers from 1, and ends its own only.
func TestAPoolTellsTaskManagersApart(t *testing.T) {
	pool, address := startPool(t)
	defer pool.Stop()
	one, two := taskManager(t, address), taskManager(t, address)
	first, at1 := startControl(t)
	second, at2 := startControl(t)
	for _, refusal := range []string{hire(t, one, "1-1", at1), hire(t, two, "1-1", at2)} {
		if refusal != "" {
			t.Fatal(refusal)
		}
	}
	within(t, "the first worker", first.came)
	within(t, "the second worker", second.came)
	if refusal := hire(t, one, "1-1", at1); !strings.Contains(refusal, "already") {
		t.Errorf("the same once more: %q", refusal)
	}
	fire(t, one, "1-1")
	within(t, "the first worker's end", first.left)
	fire(t, one, "1-1") // is gone: no error, and not the other's
	fire(t, one, "2-1")
	select {
	case <-second.left:
		t.Error("the second worker was ended too")
	default:
	}
	if refusal := hire(t, one, "1-1", at1); refusal != "" {
		t.Errorf("the same again, later: %s", refusal)
	}
	within(t, "the first worker again", first.came)
}

// TestWorkersEndWithThePool.
func TestWorkersEndWithThePool(t *testing.T) {
	pool, address := startPool(t)
	services, at := startControl(t)
	tm := taskManager(t, address)
	for _, id := range []string{"1-1", "2-1"} {
		if refusal := hire(t, tm, id, at); refusal != "" {
			t.Fatal(refusal)
		}
		within(t, "the worker", services.came)
	}
	pool.Stop()
	within(t, "one worker's end", services.left)
	within(t, "the other's", services.left)
	if err := pool.Wait(); err != nil {
		t.Error(err)
	}
}

// TestAWorkerEndsWithoutItsServices, although nobody tells it: Beam's own entry would stay for ever.
func TestAWorkerEndsWithoutItsServices(t *testing.T) {
	services, at := startControl(t)
	leash, hold := io.Pipe()
	defer func() {
		if err := errors.Join(leash.Close(), hold.Close()); err != nil {
			t.Error(err)
		}
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := portable.Work(t.Context(), []string{"--worker=true", "--id=1-1", "--logging_endpoint=" + at, "--control_endpoint=" + at}, leash); err != nil {
			t.Error(err)
		}
	}()
	within(t, "the worker", services.came)
	close(services.dismiss)
	within(t, "its end", ended)
}

// TestAPoolListensOnTheLoopbackOnly, for whoever reaches it starts programs.
func TestAPoolListensOnTheLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0", "nonsense"} {
		if _, err := portable.StartPool(address, []string{os.Args[0]}, &buffer{}); err == nil {
			t.Errorf("it listens at %s", address)
		}
	}
}

// TestWorkSaysWhatItMisses.
func TestWorkSaysWhatItMisses(t *testing.T) {
	if err := portable.Work(t.Context(), nil, strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "a runner starts it") {
		t.Errorf("%v", err)
	}
	pool, address := startPool(t)
	defer pool.Stop()
	if refusal := hire(t, taskManager(t, address), "1-1", ""); !strings.Contains(refusal, "endpoint") {
		t.Errorf("without services: %q", refusal)
	}
}
