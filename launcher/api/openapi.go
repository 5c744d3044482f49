package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// openAPIPath is where the interface's document is.
const openAPIPath = "/openapi.json"

// openAPIConfig is how huma documents the interface. Its own pages and paths are left out: the document is
// served by routeOpenAPI, the readable page by package web.
func openAPIConfig(version string) huma.Config {
	if version == "" {
		version = "dev"
	}
	schemas := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "What-If Machine launcher", Version: version, Description: description(),
			},
			Servers: []*huma.Server{{URL: "/", Description: "this launcher"}},
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "an API key of `whatif keys create`"},
					"apiKey": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "the same key"},
				},
			},
			Tags: []*huma.Tag{
				{Name: "simulations", Description: "Submit configurations and see them through"},
				{Name: "variants", Description: "The single what-ifs of a simulation"},
				{Name: "results", Description: "What came of them"},
				{Name: "inputs", Description: "Files to refer to"},
				{Name: "notes", Description: "What people said and what happened"},
				{Name: "schedules", Description: "Configurations that are submitted again and again"},
				{Name: "links", Description: "Short links"},
				{Name: "operation", Description: "For those who run the launcher"},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

// description is the document's text: what holds for all routes, and the table of codes.
func description() string {
	var b strings.Builder
	b.WriteString(`Takes configurations of what-if studies, runs them durably and serves their comparison.

Times are RFC 3339. Lists come in pages: send ` + "`next_page_token`" + ` as ` + "`page_token`" + ` for the next one. Every answer to a request
with a key has the fields ` + "`RateLimit` and `RateLimit-Policy`" + `. Scopes include each other: ` + "`admin`, `submit`, `read`" + `. A key sees its
own tenant only; a launcher without keys answers on loopback, to anybody there.

Errors are problems of RFC 9457 with a code:

| code | status | means | what to do |
|---|---|---|---|
`)
	for _, c := range slices.Sorted(maps.Keys(codes)) {
		m := codes[c]
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", c, m.status, m.title, m.remedy)
	}
	return b.String()
}

// routeOpenAPI serves the document of all routes registered before.
func (s *server) routeOpenAPI(mux chi.Router) error {
	document := s.huma.OpenAPI()
	document.AddOperation(&huma.Operation{
		OperationID: "openapi", Method: http.MethodGet, Path: openAPIPath, Tags: []string{"operation"}, Summary: "This document",
		Responses: map[string]*huma.Response{"200": {Description: "OpenAPI 3.1", Content: map[string]*huma.MediaType{"application/openapi+json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}},
	})
	// The problem's schema is referred to by every route and made by none.
	document.Components.Schemas.Schema(errorType, true, "Error")
	text, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("api: OpenAPI: %w", err)
	}
	s.openAPI = text
	digest := sha256.Sum256(text)
	tag := `"` + hex.EncodeToString(digest[:12]) + `"`
	mux.Get(openAPIPath, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/openapi+json")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tag)
		if matches(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(text) // fails only if the reader is gone
	})
	return nil
}

var errorType = reflect.TypeFor[wire.Error]()
