package portable

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/whatif-machine/whatif/pipeline/remote"
)

// flink is the address of Flink's REST interface: what a job service has forgotten is found there by name.
// (Flink, "REST API": https://nightlies.apache.org/flink/flink-docs-stable/docs/ops/rest_api/)
type flink string

// flinkJob is one job in the answer to GET /jobs/overview.
type flinkJob struct {
	ID    string `json:"jid"`
	Name  string `json:"name"`
	State string `json:"state"`
	Start int64  `json:"start-time"` // milliseconds
}

// state is a Flink job's in ours. Flink's RESTARTING, FAILING and CANCELLING are on the way to another one.
func (j flinkJob) state() remote.State {
	switch j.State {
	case "INITIALIZING", "CREATED":
		return remote.Pending
	case "FINISHED":
		return remote.Done
	case "FAILED":
		return remote.Failed
	case "CANCELED":
		return remote.Cancelled
	}
	return remote.Running
}

// job finds a job by name: the one that can still bring the most, then the latest.
func (f flink) job(ctx context.Context, name string) (found flinkJob, ok bool, err error) {
	var answer struct {
		Jobs []flinkJob `json:"jobs"`
	}
	if err := f.ask(ctx, http.MethodGet, "/jobs/overview", &answer); err != nil {
		return found, false, err
	}
	for _, j := range answer.Jobs {
		if j.Name != name {
			continue
		}
		if !ok || cmp.Or(cmp.Compare(rankOf(j.state()), rankOf(found.state())), cmp.Compare(j.Start, found.Start)) > 0 {
			found, ok = j, true
		}
	}
	return found, ok, nil
}

// failure is what brought a job down.
func (f flink) failure(ctx context.Context, id string) (string, error) {
	var answer struct {
		RootException string `json:"root-exception"`
	}
	err := f.ask(ctx, http.MethodGet, "/jobs/"+url.PathEscape(id)+"/exceptions", &answer)
	return cut(answer.RootException), err
}

func (f flink) cancel(ctx context.Context, id string) error {
	return f.ask(ctx, http.MethodPatch, "/jobs/"+url.PathEscape(id)+"?mode=cancel", nil)
}

// maxAnswer bounds an answer of Flink's: it names every job of its history.
const maxAnswer = 16 << 20

// ask makes one request and reads the answer into a value, if there is one.
func (f flink) ask(ctx context.Context, method, path string, answer any) (err error) {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, method, "http://"+string(f)+path, nil)
	if err != nil {
		return fmt.Errorf("pipeline: Flink at %s: %w", f, err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: answerTime + time.Second}
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return passing{fmt.Errorf("Flink at %s can't be reached; is it running? %w", f, err)}
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return passing{fmt.Errorf("Flink at %s: %w", f, err)}
	}
	return f.read(response, body, answer)
}

func (f flink) read(response *http.Response, body []byte, answer any) error {
	switch {
	case response.StatusCode >= http.StatusInternalServerError:
		return passing{fmt.Errorf("Flink at %s answered %s: %.200s", f, response.Status, body)}
	case response.StatusCode >= http.StatusMultipleChoices:
		return fmt.Errorf("Flink at %s answered %s: %.200s", f, response.Status, body)
	case answer == nil:
		return nil
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("Flink at %s: what answers there is not Flink: %w", f, err)
	}
	return nil
}
