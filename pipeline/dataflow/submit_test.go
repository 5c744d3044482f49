package dataflow_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core/runtime/graphx"
	pipepb "github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"github.com/google/go-cmp/cmp"
	df "google.golang.org/api/dataflow/v1b3"
	"google.golang.org/protobuf/proto"

	"github.com/whatif-machine/whatif/pipeline/dataflow/fake"
	"github.com/whatif-machine/whatif/pipeline/remote"
)

// TestAJobIsWhatWasAskedFor reads the job that the service was given, as the service's documents describe
// its fields, and the objects that it refers to.
func TestAJobIsWhatWasAskedFor(t *testing.T) {
	p := newPlace(t, untilCancelled)
	spec := p.spec(t)
	spec.Labels = map[string]string{"simulation": "20260701-abcdefgh23", "owner": "Ana.Díaz@example.com", "tenant": strings.Repeat("x", 80)}
	spec.Settings.ServiceAccount = "workers@ads-research.iam.gserviceaccount.com"
	spec.Settings.MachineType = "n2-standard-4"
	spec.Settings.Subnetwork = "regions/europe-west1/subnetworks/private"
	spec.Settings.NoPublicIPs = true
	spec.Settings.Workers, spec.Settings.MaxWorkers, spec.Settings.DiskGB = 2, 30, 40
	job := p.submit(t, spec)

	said := p.Jobs()[0]
	if job.ID() != said.Id {
		t.Errorf("the job has id %s, the service says %s", job.ID(), said.Id)
	}
	pool := said.Environment.WorkerPools[0]
	got := map[string]any{
		"name": said.Name, "request": said.ClientRequestId, "type": said.Type, "labels": said.Labels,
		"account": said.Environment.ServiceAccountEmail, "machine": pool.MachineType, "subnetwork": pool.Subnetwork,
		"ips": pool.IpConfiguration, "workers": pool.NumWorkers, "most": pool.AutoscalingSettings.MaxNumWorkers,
		"scaling": pool.AutoscalingSettings.Algorithm, "disk": pool.DiskSizeGb,
	}
	want := map[string]any{
		"name": spec.Name, "request": spec.Name, "type": "JOB_TYPE_BATCH",
		"labels":  map[string]string{"simulation": "20260701-abcdefgh23", "owner": "ana_díaz_example_com", "tenant": strings.Repeat("x", 63)},
		"account": spec.Settings.ServiceAccount, "machine": "n2-standard-4", "subnetwork": spec.Settings.Subnetwork,
		"ips": "WORKER_IP_PRIVATE", "workers": int64(2), "most": int64(30),
		"scaling": "AUTOSCALING_ALGORITHM_BASIC", "disk": int64(40),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	checkProgram(t, p, spec, &said)
}

// checkProgram follows a job to its program, by both of the ways that lead to it.
func checkProgram(t *testing.T, p *place, spec remote.Spec, said *df.Job) {
	t.Helper()
	program, err := os.ReadFile(spec.Settings.WorkerBinary)
	if err != nil {
		t.Fatal(err)
	}
	sum := sum256(program)
	name := "jobs/whatif-worker-" + sum + "/worker"
	if stored, ok := p.gcs.Get("staging", name); !ok || string(stored) != string(program) {
		t.Errorf("the storage has %q and not the program under %s", p.gcs.Names("staging"), name)
	}
	want := &df.Package{Name: "worker", Location: "gs://staging/" + name, Sha256: sum}
	if diff := cmp.Diff([]*df.Package{want}, said.Environment.WorkerPools[0].Packages); diff != "" {
		t.Error("package:", diff)
	}
	var options struct {
		Options struct{ PipelineURL, PipelineProtoHash string }
	}
	if err := json.Unmarshal(said.Environment.SdkPipelineOptions, &options); err != nil {
		t.Fatal(err)
	}
	model, ok := p.gcs.Get("staging", strings.TrimPrefix(options.Options.PipelineURL, "gs://staging/"))
	if !ok || sum256(model) != options.Options.PipelineProtoHash {
		t.Fatalf("no model of digest %s at %s", options.Options.PipelineProtoHash, options.Options.PipelineURL)
	}
	var pipeline pipepb.Pipeline
	if err := proto.Unmarshal(model, &pipeline); err != nil {
		t.Fatal(err)
	}
	for _, e := range pipeline.GetComponents().GetEnvironments() {
		var named pipepb.ArtifactUrlPayload
		if err := proto.Unmarshal(e.GetDependencies()[0].GetTypePayload(), &named); err != nil {
			t.Fatal(err)
		}
		if e.GetUrn() != graphx.URNEnvDocker || named.GetUrl() != want.Location || named.GetSha256() != sum {
			t.Errorf("the model's environment %s names the program %s of digest %s", e.GetUrn(), named.GetUrl(), named.GetSha256())
		}
	}
}

func sum256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// TestTheProgramIsStoredOnce: two jobs with one program upload it once.
func TestTheProgramIsStoredOnce(t *testing.T) {
	p := newPlace(t, untilCancelled)
	spec := p.spec(t)
	p.submit(t, spec)
	before := len(p.gcs.Names("staging"))
	// A second upload would fail: the service takes nothing for that name any more.
	p.gcs.Break(storageFault("worker", 403))
	spec.Name = "whatif-20260701-abcdefgh23-2"
	p.submit(t, spec)
	if after := p.gcs.Names("staging"); len(after) != before+1 {
		t.Errorf("the second job added %d objects, want its model alone: %q", len(after)-before, after)
	}
}

// TestASecondSubmissionFindsTheFirstJob whatever has become of it, and stores nothing.
func TestASecondSubmissionFindsTheFirstJob(t *testing.T) {
	for state, engine := range map[remote.State]fake.Scripted{
		remote.Running: untilCancelled,
		remote.Done:    func(context.Context, df.Job, fake.Teller) error { return nil },
		remote.Failed:  func(context.Context, df.Job, fake.Teller) error { return os.ErrInvalid },
	} {
		t.Run(string(state), func(t *testing.T) {
			p := newPlace(t, engine)
			first := p.submit(t, p.spec(t))
			await(t, first, state)
			objects := len(p.gcs.Names("staging"))
			second := p.submit(t, p.spec(t))
			if second.ID() != first.ID() || len(p.Jobs()) != 1 {
				t.Errorf("the second submission got %s, the first %s; there are %d jobs", second.ID(), first.ID(), len(p.Jobs()))
			}
			if p.Requests(fake.Create) != 1 || len(p.gcs.Names("staging")) != objects {
				t.Errorf("the second submission created or stored something: %d creations", p.Requests(fake.Create))
			}
		})
	}
}

// TestALostAnswerMakesNoSecondJob whichever way the service answers the second creation, and though its list
// lags behind.
func TestALostAnswerMakesNoSecondJob(t *testing.T) {
	for name, how := range map[string]func(*fake.Options){
		"the second is refused":                 func(*fake.Options) {},
		"the second is answered with the first": func(o *fake.Options) { o.ReturnExisting = true },
		"the list lags behind":                  func(o *fake.Options) { o.ListLag = 3 },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, untilCancelled, how)
			p.Inject(fake.Create, fake.Lost(), fake.Lost())
			job := p.submit(t, p.spec(t))
			all := p.Jobs()
			if len(all) != 1 || all[0].Id != job.ID() {
				t.Errorf("the service made %d jobs, the submission found %s", len(all), job.ID())
			}
		})
	}
}

// TestALostAnswerAndADeadSubmitter: the process is gone before it hears of the job; the next one finds it,
// though it has ended meanwhile.
func TestALostAnswerAndADeadSubmitter(t *testing.T) {
	p := newPlace(t, func(context.Context, df.Job, fake.Teller) error { return nil })
	ctx, cancel := context.WithCancel(t.Context())
	p.Inject(fake.Create, fake.Lost())
	// The first submitter's wait for another try is its end.
	dying := newRunner(func(context.Context, time.Duration) error { cancel(); return ctx.Err() })
	if job, err := dying.Submit(ctx, smallPipeline(), p.spec(t)); err == nil {
		t.Fatalf("a submitter that ended heard of %s", job.ID())
	}
	job := p.submit(t, p.spec(t))
	await(t, job, remote.Done)
	if len(p.Jobs()) != 1 {
		t.Errorf("there are %d jobs", len(p.Jobs()))
	}
}

// TestARefusalAfterALostAnswerIsNoRefusal: the job is there, and whoever submits is to go on asking.
func TestARefusalAfterALostAnswerIsNoRefusal(t *testing.T) {
	p := newPlace(t, untilCancelled)
	p.Inject(fake.Create, fake.Lost(), fake.Denied(project))
	_, err := p.runner.Submit(t.Context(), smallPipeline(), p.spec(t))
	expect(t, err, true, "permission denied", "may have created the job")
	if job := p.submit(t, p.spec(t)); len(p.Jobs()) != 1 || p.Jobs()[0].Id != job.ID() {
		t.Errorf("there are %d jobs", len(p.Jobs()))
	}
	p = newPlace(t, untilCancelled)
	p.Inject(fake.Create, fake.Denied(project))
	_, err = p.runner.Submit(t.Context(), smallPipeline(), p.spec(t))
	expect(t, err, false, "permission denied")
}

// TestSubmittersAtOnce: of many there is one job, and all have it.
func TestSubmittersAtOnce(t *testing.T) {
	p := newPlace(t, untilCancelled)
	spec := p.spec(t)
	const submitters = 8
	ids := make(chan string, submitters)
	var all sync.WaitGroup
	for range submitters {
		all.Go(func() {
			job, err := p.runner.Submit(t.Context(), smallPipeline(), spec)
			if err != nil {
				t.Error(err)
				return
			}
			ids <- job.ID()
		})
	}
	all.Wait()
	close(ids)
	for id := range ids {
		if id != p.Jobs()[0].Id {
			t.Errorf("a submitter has %s, want %s", id, p.Jobs()[0].Id)
		}
	}
	if len(p.Jobs()) != 1 {
		t.Errorf("there are %d jobs", len(p.Jobs()))
	}
}

// TestAnotherProgramsJobIsNotOurs: an active job of the name that was created with another client's id.
func TestAnotherProgramsJobIsNotOurs(t *testing.T) {
	p := newPlace(t, untilCancelled, func(o *fake.Options) { o.ReturnExisting, o.ListLag = true, 1 })
	spec := p.spec(t)
	other, err := df.NewService(t.Context(), clientOf(p)...)
	if err != nil {
		t.Fatal(err)
	}
	made, err := other.Projects.Locations.Jobs.Create(project, region, &df.Job{Name: spec.Name, ClientRequestId: "somebody"}).Do()
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.runner.Submit(t.Context(), smallPipeline(), spec)
	if err == nil || !strings.Contains(err.Error(), "another program's job "+made.Id) || isTemporary(err) {
		t.Errorf("got %v", err)
	}
}

// TestTriesGrowApart: an outage is met with growing waits, and told of as one that may pass.
func TestTriesGrowApart(t *testing.T) {
	p := newPlace(t, untilCancelled)
	p.Inject(fake.List, fake.Unavailable(), fake.Unavailable())
	p.submit(t, p.spec(t))
	if diff := cmp.Diff([]time.Duration{time.Second, 2 * time.Second}, p.waits.took); diff != "" {
		t.Error(diff)
	}
	p.Inject(fake.List, often(fake.Unavailable())...)
	_, err := p.runner.Submit(t.Context(), smallPipeline(), p.spec(t))
	if err == nil || !isTemporary(err) {
		t.Errorf("an outage that lasts: %v", err)
	}
}
