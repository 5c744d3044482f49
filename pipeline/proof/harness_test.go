package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline/dataflow/fake"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
	"github.com/whatif-machine/whatif/transforms/results"
)

// full is set for the proofs in the sizes that the documents state.
var full = os.Getenv("WHATIF_FULL") != ""

const (
	project = "ads-research"
	region  = "europe-west1"
)

// site is a study in a folder and in a bucket, and a cloud to run it in.
type site struct {
	t      *testing.T
	gcs    *objecttest.GCS
	prism  *fake.Prism
	cloud  *fake.Server
	inputs string // folder with the study
	home   string
	runs   int
}

// newSite makes a study of so many variants beside the baseline.
func newSite(t *testing.T, slots, variants int) *site {
	t.Helper()
	s := &site{
		t: t, gcs: objecttest.Server(t, "inputs", "results", "staging"),
		prism: &fake.Prism{Folder: t.TempDir()}, inputs: filepath.Join(t.TempDir(), "study"), home: t.TempDir(),
	}
	var err error
	s.cloud, err = fake.Start(fake.Options{Project: project, Regions: []string{region}, Engine: s.prism})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	s.must("generate", "--slots", fmt.Sprint(slots), "--campaigns", "12", "--users", fmt.Sprint(slots/5), "--days", "2", "--seed", "1", "-o", s.inputs)
	config := filepath.Join(s.inputs, "study.yaml")
	if err := os.WriteFile(config, []byte(study(variants)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"study.yaml", "campaigns.yaml", "slots.parquet"} {
		data, err := os.ReadFile(filepath.Join(s.inputs, name))
		if err != nil {
			t.Fatal(err)
		}
		s.gcs.Put("inputs", name, data)
	}
	return s
}

// study is a configuration of so many variants beside the baseline.
func study(variants int) string {
	var list strings.Builder
	for i := range variants {
		fmt.Fprintf(&list, "  - {bid: %d.%02d, cap: %d}\n", 1+i/100, i%100, 1+i%10)
	}
	return `name: proof
inventory: slots.parquet
campaigns: campaigns.yaml
parameters:
  bid: {edit: campaigns.bid_cpm, op: multiply}
  cap: {edit: campaigns.frequency_caps.day}
sweep:
  list:
` + list.String()
}

// onDataflow are the flags of a run in the cloud.
func (s *site) onDataflow() []string {
	return []string{
		"--runner", "dataflow", "--endpoint", s.cloud.URL(), "--project", project, "--region", region, "--staging", "gs://staging/jobs",
	}
}

// newResults is a place for results of its own.
func (s *site) newResults() string {
	s.runs++
	return fmt.Sprintf("gs://results/%d", s.runs)
}

// command is the true program.
func (s *site) command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(os.Getenv(programsVariable), "whatif"), args...)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+s.home)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// patience is how long one command may take.
const patience = 2 * time.Minute

// run runs a command to its end and returns what it says to people, and how it ended.
func (s *site) run(env []string, args ...string) (said string, err error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := s.command(ctx, env, append(args, "--quiet")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &out
	err = cmd.Run()
	return out.String(), err
}

// must runs a command that is to succeed.
func (s *site) must(args ...string) {
	s.t.Helper()
	if said, err := s.run(nil, args...); err != nil {
		s.t.Fatalf("whatif %s: %v\n%s", strings.Join(args, " "), err, said)
	}
}

// digests are what the only simulation of a store came to, by variant. Each has one row, which has succeeded.
func (s *site) digests(at string) map[string]string {
	s.t.Helper()
	store, id := s.only(at)
	rows, err := store.Committed(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	digests := map[string]string{}
	for _, r := range rows {
		row, err := store.Read(s.t.Context(), id, r.VariantID, r.Attempt)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, twice := digests[r.VariantID]; twice {
			s.t.Errorf("%s: variant %s has more than one row", at, r.VariantID)
		}
		if row.Status != model.StatusSucceeded {
			s.t.Errorf("%s: variant %s has failed: %+v", at, r.VariantID, row.Error)
		}
		digests[r.VariantID] = row.ResultSHA256
	}
	return digests
}

// only is a store with one simulation in it.
func (s *site) only(at string) (*results.Store, string) {
	s.t.Helper()
	store, err := results.Open(at)
	if err != nil {
		s.t.Fatal(err)
	}
	all, err := store.Simulations(s.t.Context())
	if err != nil || len(all) != 1 {
		s.t.Fatalf("%s has %d simulations: %v", at, len(all), err)
	}
	return store, all[0].ID
}

// killed tells whether a program was ended by force.
func killed(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	return ok && exit.ExitCode() == -1
}
