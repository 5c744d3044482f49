package fake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	df "google.golang.org/api/dataflow/v1b3"
	"google.golang.org/protobuf/proto"

	"github.com/whatif-machine/whatif/transforms/objects"
)

// container is what a job's machines have before they start: the model, and the worker program ready to run.
type container struct {
	Pipeline []byte // the model
	Program  string // path of the worker program
	Options  []byte // the pipeline's options, for the program
	folder   string
}

// sdkOptions is the part of a job's options that says where the model is: what Beam's translation of portable
// jobs writes, dataflowlib.Translate,
// https://pkg.go.dev/github.com/apache/beam/sdks/v2/go/pkg/beam/runners/dataflow/dataflowlib.
type sdkOptions struct {
	Options struct {
		PipelineURL       string `json:"pipelineUrl"`
		PipelineProtoHash string `json:"pipelineProtoHash"`
	} `json:"options"`
}

// openContainer fetches what a job refers to, into a folder. Nothing is taken from anywhere else.
func openContainer(ctx context.Context, job *df.Job, folder string) (*container, error) {
	if job.Environment == nil || len(job.Environment.WorkerPools) != 1 {
		return nil, errors.New("the job describes no workers")
	}
	var options sdkOptions
	if err := json.Unmarshal(job.Environment.SdkPipelineOptions, &options); err != nil {
		return nil, fmt.Errorf("the job's options are no JSON: %w", err)
	}
	model, err := fetch(ctx, options.Options.PipelineURL)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(model); hex.EncodeToString(sum[:]) != options.Options.PipelineProtoHash {
		return nil, fmt.Errorf("the model at %s is not the one of the job", options.Options.PipelineURL)
	}
	c := &container{Pipeline: model, Options: job.Environment.SdkPipelineOptions, folder: folder}
	program, err := programOf(model)
	if err != nil {
		return nil, err
	}
	packages := job.Environment.WorkerPools[0].Packages
	if len(packages) != 1 || packages[0].Location != program.Url || packages[0].Sha256 != program.Sha256 {
		return nil, errors.New("the job's package is not the worker program of its model")
	}
	return c, c.install(ctx, program)
}

// maxModel is the largest graph of a job the service takes: "Request quotas", Jobs,
// https://cloud.google.com/dataflow/docs/request-quotas.
const maxModel = 10 << 20

// fetch reads an object; the words of a failure are those of "Troubleshoot Dataflow permissions",
// https://cloud.google.com/dataflow/docs/guides/troubleshoot-permissions.
func fetch(ctx context.Context, uri string) ([]byte, error) {
	bucket, err := objects.Open(ctx, folderOf(uri))
	if err != nil {
		return nil, err
	}
	data, _, err := bucket.Read(ctx, path.Base(uri), maxModel)
	if err != nil {
		return nil, fmt.Errorf("calling GetObjectMetadata with file %q: %w", uri, err)
	}
	return data, nil
}

// folderOf is the address of the folder that an object is in.
func folderOf(uri string) string { return strings.TrimSuffix(uri, "/"+path.Base(uri)) }

// programOf is the worker program that a model names, as Beam's container looks for it: the dependency of the
// role go_worker_binary, "boot.go", https://github.com/apache/beam/blob/v2.77.0/sdks/go/container/boot.go.
func programOf(model []byte) (*pipepb.ArtifactUrlPayload, error) {
	var p pipepb.Pipeline
	if err := proto.Unmarshal(model, &p); err != nil {
		return nil, fmt.Errorf("the model is no pipeline: %w", err)
	}
	for _, environment := range p.GetComponents().GetEnvironments() {
		for _, d := range environment.GetDependencies() {
			if d.GetRoleUrn() != graphx.URNArtifactGoWorkerRole || d.GetTypeUrn() != graphx.URNArtifactURLType {
				continue
			}
			program := &pipepb.ArtifactUrlPayload{}
			if err := proto.Unmarshal(d.GetTypePayload(), program); err != nil {
				return nil, fmt.Errorf("the model's worker program: %w", err)
			}
			return program, nil
		}
	}
	return nil, errors.New("no artifact named 'worker' found")
}

// install downloads the program, compares its digest and makes it a program, as the container does.
func (c *container) install(ctx context.Context, program *pipepb.ArtifactUrlPayload) error {
	bucket, err := objects.Open(ctx, folderOf(program.Url))
	if err != nil {
		return err
	}
	object, err := bucket.Stat(ctx, path.Base(program.Url))
	if err != nil {
		return fmt.Errorf("calling GetObjectMetadata with file %q: %w", program.Url, err)
	}
	c.Program = filepath.Join(c.folder, "worker")
	if err := bucket.Download(ctx, object, c.Program); err != nil {
		return err
	}
	sum, err := digest(c.Program)
	if err != nil {
		return err
	}
	if sum != program.Sha256 {
		return fmt.Errorf("bad SHA256 for %s: %s, want %s", program.Url, sum, program.Sha256)
	}
	return os.Chmod(c.Program, 0o755)
}

func digest(file string) (sum string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
