package dataflow

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	df "google.golang.org/api/dataflow/v1b3"

	"github.com/whatif-machine/whatif/pipeline/remote"
	"github.com/whatif-machine/whatif/transforms/killpoint"
	"github.com/whatif-machine/whatif/transforms/objects"
)

// stage stores the worker program and the model where the job's machines find them. Names are made from
// contents, so that whatever is there already is the same, and nothing is ever replaced under a job that
// runs.
func stage(ctx context.Context, p *beam.Pipeline, spec remote.Spec) (*df.Job, error) {
	bucket, err := objects.Open(ctx, spec.Settings.Staging)
	if err != nil {
		return nil, fmt.Errorf("dataflow: staging: %w", err)
	}
	program, err := openWorker(spec.Settings.WorkerBinary)
	if err != nil {
		return nil, err
	}
	err = program.store(ctx, bucket)
	if err := errors.Join(err, program.file.Close()); err != nil {
		return nil, err
	}
	killpoint.Here("dataflow.worker_staged")
	d := &description{Spec: spec, workerURI: bucket.URI(program.object()), workerSHA256: program.sha256, tempURI: bucket.URI(spec.Name + "/tmp")}
	model, err := d.model(ctx, p)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(model)
	d.modelSHA256 = hex.EncodeToString(hash[:])
	name := spec.Name + "/" + d.modelSHA256 + "/model"
	d.modelURI = bucket.URI(name)
	if _, err := bucket.Create(ctx, name, model); err != nil {
		return nil, staging("the job's model", d.modelURI, err)
	}
	killpoint.Here("dataflow.model_staged")
	return d.job(ctx)
}

// worker is the program that the job's machines run, open for reading.
type worker struct {
	file   *os.File
	size   int64
	sha256 string
	crc32c uint32
}

// howToBuild is what to do without a worker program.
const howToBuild = "build it: CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -o whatif-worker ./cmd/whatif-worker, and name it (--worker-binary)"

// openWorker opens the worker program and reads it once for its digests. Without a path it is the one beside
// this program.
func openWorker(path string) (*worker, error) {
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("dataflow: where the worker program is: %w; name it (--worker-binary)", err)
		}
		path = filepath.Join(filepath.Dir(self), "whatif-worker")
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("dataflow: there is no worker program at %s; %s", path, howToBuild)
	} else if err != nil {
		return nil, fmt.Errorf("dataflow: worker program: %w", err)
	}
	w := &worker{file: file}
	if err := errors.Join(w.check(path), w.read()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return w, nil
}

// check makes sure that Beam's container can run the program: it has a kernel for x86-64 and no library of
// ours.
func (w *worker) check(path string) error {
	program, err := elf.NewFile(w.file)
	if err != nil {
		return fmt.Errorf("dataflow: worker program %s is none for Linux (%w); %s", path, err, howToBuild)
	}
	if program.Machine != elf.EM_X86_64 {
		return fmt.Errorf("dataflow: worker program %s is for another processor (%s); %s", path, program.Machine, howToBuild)
	}
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP {
			return fmt.Errorf("dataflow: worker program %s is linked dynamically, and the workers may lack what it needs; %s", path, howToBuild)
		}
	}
	return nil
}

// read takes the program's digests.
func (w *worker) read() error {
	sha, crc := sha256.New(), crc32.New(crc32.MakeTable(crc32.Castagnoli))
	size, err := io.Copy(io.MultiWriter(sha, crc), w.file)
	if err != nil {
		return fmt.Errorf("dataflow: read the worker program: %w", err)
	}
	w.size, w.sha256, w.crc32c = size, hex.EncodeToString(sha.Sum(nil)), crc.Sum32()
	return nil
}

// object is the program's name in the staging folder. Beam wants the last part to be `worker`.
func (w *worker) object() string { return "whatif-worker-" + w.sha256 + "/worker" }

// store uploads the program unless it is there.
func (w *worker) store(ctx context.Context, bucket *objects.Bucket) error {
	name := w.object()
	there, err := bucket.Stat(ctx, name)
	if err == nil && there.Size == w.size && there.CRC32C == w.crc32c {
		return nil
	}
	if err == nil {
		return fmt.Errorf("dataflow: %s is not the worker program that its name says; delete it, and see who may write there", bucket.URI(name))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return staging("the worker program", bucket.URI(name), err)
	}
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("dataflow: read the worker program again: %w", err)
	}
	if _, err := bucket.Upload(ctx, name, w.file, w.size); err != nil {
		return staging("the worker program", bucket.URI(name), err)
	}
	return nil
}
