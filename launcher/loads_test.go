package launcher

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	rest "google.golang.org/api/bigquery/v2"

	"github.com/whatif-machine/whatif/launcher/loading"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/sql/loads/bigquerytest"
	"github.com/whatif-machine/whatif/transforms/objects"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// bucket reads what the launcher has staged.
func bucket(uri string) (bigquerytest.File, error) {
	b, err := objects.Open(context.Background(), "gs://"+objecttest.DefaultBucket)
	if err != nil {
		return bigquerytest.File{}, err
	}
	data, _, err := b.Read(context.Background(), strings.TrimPrefix(uri, "gs://"+objecttest.DefaultBucket+"/"), 16<<20)
	if err != nil {
		return bigquerytest.File{}, err
	}
	return bigquerytest.Parquet(data), nil
}

// TestResultsAreLoaded when a simulation has ended; and what ended before, at the next start.
func TestResultsAreLoaded(t *testing.T) {
	objecttest.Server(t)
	server := bigquerytest.NewServer(bigquerytest.New(bigquerytest.Options{Files: bucket}))
	t.Cleanup(server.Close)
	if _, err := server.InsertDataset("my-project", &rest.Dataset{DatasetReference: &rest.DatasetReference{DatasetId: "whatif"}}); err != nil {
		t.Fatal(err)
	}
	rows := func() (keys []string) {
		for _, r := range server.Rows("my-project.whatif.variant_results") {
			keys = append(keys, r.Key)
		}
		slices.Sort(keys)
		return keys
	}
	c := site(t)
	before := start(t, c)
	submit(t, before)
	if err := before.stop(); err != nil {
		t.Fatal(err)
	}
	c.LoadTo = loading.Target{Dataset: "my-project.whatif", Staging: "gs://bucket/staging", Endpoint: server.URL}
	server.Order("jobs.insert", bigquerytest.Internal, bigquerytest.LostAnswer)
	r := start(t, c)
	r.until("what ended before is loaded", func() bool { return len(rows()) == studyVariants })
	submit(t, r)
	r.until("what ended now is loaded", func() bool { return len(rows()) == 2*studyVariants })
	if each := slices.Compact(rows()); len(each) != 2*studyVariants {
		t.Errorf("%d rows are in the table, %d different ones", 2*studyVariants, len(each))
	}
	var health struct{ Checks map[string]string }
	if r.call(http.MethodGet, "/readyz", "", &health); health.Checks["warehouse"] != "ok" { //nolint:bodyclose // call has closed it
		t.Errorf("%+v", health)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, c)
	again.until("nothing waits", func() bool { return strings.Contains(again.metrics(), "\nwhatif_waiting_loads 0\n") })
	if n := len(rows()); n != 2*studyVariants {
		t.Errorf("after a restart there are %d rows", n)
	}
}

// TestALoadThatCantBeIsRefusedAtTheStart, before anything is taken.
func TestALoadThatCantBeIsRefusedAtTheStart(t *testing.T) {
	c := site(t)
	c.Listen = "127.0.0.1:0"
	c.LoadTo = loading.Target{Dataset: "my-project.whatif"}
	if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "give a prefix to upload them to") {
		t.Errorf("%v", err)
	}
}

// studyVariants are those of study, with the baseline.
const studyVariants = 7

// submit submits the study and waits until it has ended.
func submit(t *testing.T, r *running) {
	t.Helper()
	var sim wire.Simulation
	r.call(http.MethodPost, "/v1/simulations", study, &sim) //nolint:bodyclose // call has closed it
	if sim = r.finished(sim.ID); sim.State != "succeeded" {
		t.Fatalf("the study ended as %s", sim.State)
	}
}

// metrics are the launcher's, as Prometheus reads them.
func (r *running) metrics() string {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+"/metrics", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err := firstOf(err, answer.Body.Close()); err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}
