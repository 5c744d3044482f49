package dataflow_test

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	df "google.golang.org/api/dataflow/v1b3"

	"github.com/whatif-machine/whatif/pipeline/dataflow"
	"github.com/whatif-machine/whatif/pipeline/dataflow/fake"
	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

func init() { register.Function1x1(echo) }

func echo(b []byte) []byte { return b }

// smallPipeline is a pipeline of one step.
func smallPipeline() *beam.Pipeline {
	p, s := beam.NewPipelineWithRoot()
	beam.ParDo(s, echo, beam.Impulse(s))
	return p
}

// place is a fake service with a fake storage, and the runner that knows both.
type place struct {
	*fake.Server
	gcs    *objecttest.GCS
	runner remote.Runner
	waits  *waits
}

// waits notes the waits before other tries instead of waiting.
type waits struct {
	sync.Mutex
	took []time.Duration
}

func (w *waits) sleep(ctx context.Context, d time.Duration) error {
	w.Lock()
	defer w.Unlock()
	w.took = append(w.took, d)
	return ctx.Err()
}

const (
	project = "ads-research"
	region  = "europe-west1"
)

// newPlace starts the service; jobs do what the engine says.
func newPlace(t *testing.T, engine fake.Scripted, how ...func(*fake.Options)) *place {
	t.Helper()
	o := fake.Options{Project: project, Regions: []string{region}, Engine: engine}
	for _, change := range how {
		change(&o)
	}
	p := &place{gcs: objecttest.Server(t, "staging"), waits: &waits{}}
	server, err := fake.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	p.Server = server
	p.runner = dataflow.New(dataflow.Options{Sleep: p.waits.sleep})
	return p
}

// spec is a job that the service takes.
func (p *place) spec(t *testing.T) remote.Spec {
	t.Helper()
	return remote.Spec{
		Name: "whatif-20260701-abcdefgh23-1",
		Settings: remote.Settings{
			Endpoint: p.URL(), Project: project, Region: region, Staging: "gs://staging/jobs",
			WorkerBinary: program(t, elf.EM_X86_64),
		},
	}
}

// untilCancelled is an engine whose jobs run until somebody ends them.
func untilCancelled(ctx context.Context, _ df.Job, tell fake.Teller) error {
	tell.Running()
	<-ctx.Done()
	return ctx.Err()
}

// program writes an ELF file with nothing in it but its headers (ELF-64 Object File Format, Version 1.5:
// https://uclibc.org/docs/elf-64-gen.pdf), which names these segments.
func program(t *testing.T, machine elf.Machine, segments ...elf.ProgType) string {
	t.Helper()
	const headerSize, segmentSize = 64, 56
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Phoff: headerSize, Ehsize: headerSize, Phentsize: segmentSize, Phnum: uint16(len(segments)),
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB)
	header.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	var text bytes.Buffer
	write := func(part any) {
		if err := binary.Write(&text, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	write(header)
	for _, s := range segments {
		write(elf.Prog64{Type: uint32(s)})
	}
	file := filepath.Join(t.TempDir(), "whatif-worker")
	if err := os.WriteFile(file, text.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// submit submits a job that is to be taken.
func (p *place) submit(t *testing.T, spec remote.Spec) remote.Job {
	t.Helper()
	job, err := p.runner.Submit(t.Context(), smallPipeline(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// await asks for a job's status until it is in a state.
func await(t *testing.T, job remote.Job, want remote.State) remote.Status {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		status, err := job.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if status.State == want {
			return status
		}
		if status.State.Final() || time.Now().After(deadline) {
			t.Fatalf("the job is %s (%s), want %s", status.State, status.Message, want)
		}
	}
}

// isTemporary tells whether an error says that it may pass.
func isTemporary(err error) bool {
	t, ok := err.(interface{ Temporary() bool })
	return ok && t.Temporary()
}
