package hooks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/model"
)

// With the real store: a launcher takes a delivery and dies. Once its lease has run out another one makes
// it, says what became of the simulation, and it is not made again.
func TestDeliveryOutlivesALauncher(t *testing.T) {
	var late atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "launcher.db"), store.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	type request struct{ id, body string }
	arrived := make(chan request, 10)
	url, host := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || verify(r, body, Secret(root, "acme")) != nil {
			t.Errorf("%v: %q %v", err, body, r.Header)
		}
		arrived <- request{r.Header.Get("webhook-id"), string(body)}
	})
	finish(t, s, "20260701-aaaaaaaaaa", url)

	taken, err := s.DueDeliveries(t.Context(), "dead", time.Minute, 10)
	if err != nil || len(taken) != 1 || strings.Contains(taken[0].ID, ".") {
		t.Fatalf("%+v, %v", taken, err)
	}
	h := newHooks(t, Options{Store: s, Hosts: []string{host}, Poll: time.Millisecond, Now: clock})
	h.Start(t.Context())
	late.Store(int64(time.Minute + time.Second))
	got := wait(t, arrived)
	var payload struct {
		Type      string
		Timestamp time.Time
		Data      struct {
			SimulationID string `json:"simulation_id"`
			State        string
		}
	}
	if err := json.Unmarshal([]byte(got.body), &payload); err != nil {
		t.Fatal(err)
	}
	if got.id != taken[0].ID || payload.Type != "simulation.finished" || payload.Timestamp.IsZero() ||
		payload.Data.SimulationID != "20260701-aaaaaaaaaa" || payload.Data.State != "cancelled" {
		t.Errorf("%+v", got)
	}
	for deadline := time.After(20 * time.Second); h.Stats().Delivered == 0; {
		select {
		case <-deadline:
			t.Fatal("the delivery was not counted")
		case <-time.After(time.Millisecond):
		}
	}
	h.Stop()
	late.Store(int64(24 * time.Hour))
	left, err := s.DueDeliveries(t.Context(), "other", time.Minute, 10)
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %+v, %v", left, err)
	}
}

func document(name, text string) model.Document {
	sum := sha256.Sum256([]byte(text))
	return model.Document{Name: name, Text: text, SHA256: hex.EncodeToString(sum[:])}
}

// finish submits a simulation with a webhook and ends it.
func finish(t *testing.T, s *store.Store, id, url string) {
	t.Helper()
	_, _, err := s.Submit(t.Context(), store.Submission{
		Simulation: store.Simulation{ID: id, Tenant: "acme", Name: "study", Variants: 1, SubmittedAt: time.Now()},
		Inputs:     model.Inputs{EngineVersion: "1", Config: document("study.yaml", "name: study\n")},
		Webhook:    url,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Cancel(t.Context(), "acme", id, "ann"); err != nil {
		t.Fatal(err)
	}
}
