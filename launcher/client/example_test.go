package client_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/whatif-machine/whatif/launcher/client"
)

// smallLauncher answers as a launcher does that runs one small study.
func smallLauncher() *httptest.Server {
	events := []string{
		`{"type": "state", "data": {"state": "running"}}`,
		`{"type": "variant", "data": {"variant_id": "baseline", "state": "succeeded"}}`,
		`{"type": "variant", "data": {"variant_id": "v0001", "state": "succeeded"}}`,
		`{"type": "state", "data": {"state": "succeeded"}}`,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/simulations", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"id": "20260701-abcdefgh23", "state": "queued", "variants": 2}`)
	})
	mux.HandleFunc("GET /v1/simulations/{id}/events", func(w http.ResponseWriter, _ *http.Request) {
		for i, data := range events {
			_, _ = fmt.Fprintf(w, "id: %d\ndata: %s\n\n", i+1, data)
		}
	})
	mux.HandleFunc("GET /v1/simulations/{id}/comparison", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"columns": [{"name": "variant_id"}, {"name": "reach"}], "rows": [["baseline", 5], ["v0001", 4]]}`)
	})
	return httptest.NewServer(mux)
}

// A study is submitted, watched to its end, and compared.
func Example() {
	server := smallLauncher()
	defer server.Close()
	ctx := context.Background()

	c, err := client.New(client.Options{Server: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	sim, err := c.Submit(ctx, client.Submission{Config: []byte("inventory: slots.parquet\n# ..")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sim.ID, sim.State)

	for event, err := range c.Events(ctx, sim.ID, 0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Seq, event.Type, string(event.Data))
		if event.Type == "state" && strings.Contains(string(event.Data), "succeeded") {
			break
		}
	}

	table, err := c.Table(ctx, sim.ID, "comparison", client.Query{Metrics: []string{"reach"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range table.Rows {
		fmt.Println(row...)
	}
	// Output:
	// 20260701-abcdefgh23 queued
	// 1 state {"state": "running"}
	// 2 variant {"variant_id": "baseline", "state": "succeeded"}
	// 3 variant {"variant_id": "v0001", "state": "succeeded"}
	// 4 state {"state": "succeeded"}
	// baseline 5
	// v0001 4
}
