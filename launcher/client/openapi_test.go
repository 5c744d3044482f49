package client_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// witness lets requests through to a launcher and holds them and their answers to its OpenAPI document.
type witness struct {
	t        *testing.T
	document map[string]any
	compiler *jsonschema.Compiler

	mu   sync.Mutex
	seen map[string]bool // operations, as "GET /v1/feed"
}

// newWitness reads the document of a launcher.
func newWitness(t *testing.T, server string) *witness {
	t.Helper()
	res, err := http.Get(server + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	document, err := jsonschema.UnmarshalJSON(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{t: t, document: document.(map[string]any), compiler: jsonschema.NewCompiler(), seen: map[string]bool{}}
	w.compiler.DefaultDraft(jsonschema.Draft2020)
	if err := w.compiler.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	return w
}

// RoundTrip checks both directions of one exchange.
func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	template, operation := w.operation(r)
	at := []string{"paths", template, strings.ToLower(r.Method)}
	w.checkQuery(r, operation)
	if len(body) > 0 {
		w.checkBody(r.Method+" "+template, r.Header, body, append(at, "requestBody"))
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return res, err // events are checked as they are read
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(answer))
	what := fmt.Sprintf("%s %s: %d", r.Method, template, res.StatusCode)
	responses, _ := operation["responses"].(map[string]any)
	if _, declared := responses[strconv.Itoa(res.StatusCode)]; !declared {
		w.t.Errorf("%s is not among its answers: %s", what, answer)
		return res, nil
	}
	if len(answer) > 0 {
		w.checkBody(what, res.Header, answer, append(at, "responses", strconv.Itoa(res.StatusCode)))
	}
	return res, nil
}

// placeholder is a parameter in a path.
var placeholder = regexp.MustCompile(`\\\{[a-z_]+\\\}`)

// operation finds what the document says of a request.
func (w *witness) operation(r *http.Request) (template string, operation map[string]any) {
	paths, _ := w.document["paths"].(map[string]any)
	for template, item := range paths {
		pattern := "^" + placeholder.ReplaceAllString(regexp.QuoteMeta(template), `[^/:]+`) + "$"
		operation, ok := item.(map[string]any)[strings.ToLower(r.Method)].(map[string]any)
		if ok && regexp.MustCompile(pattern).MatchString(r.URL.Path) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.seen[r.Method+" "+template] = true
			return template, operation
		}
	}
	w.t.Errorf("%s %s is not in the document", r.Method, r.URL.Path)
	return r.URL.Path, map[string]any{}
}

// checkQuery finds parameters that the document does not have; filters by label and by column have names of their own.
func (w *witness) checkQuery(r *http.Request, operation map[string]any) {
	declared := []string{"variant_id"}
	parameters, _ := operation["parameters"].([]any)
	for _, p := range parameters {
		declared = append(declared, p.(map[string]any)["name"].(string))
	}
	for name := range r.URL.Query() {
		if !slices.Contains(declared, name) && !strings.HasPrefix(name, "label.") {
			w.t.Errorf("%s %s: the document has no parameter %q", r.Method, r.URL.Path, name)
		}
	}
}

// checkBody holds a body to the schema of its media type.
func (w *witness) checkBody(what string, header http.Header, body []byte, at []string) {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		w.t.Errorf("%s: %v", what, err)
		return
	}
	at = append(slices.Clone(at), "content", kind, "schema")
	if !w.has(at) {
		w.t.Errorf("%s: the document has no %s there", what, kind)
		return
	}
	if !strings.HasSuffix(kind, "json") {
		return
	}
	w.check(what, at, body)
}

// has reports whether the document has something at a place.
func (w *witness) has(at []string) bool {
	var here any = w.document
	for _, key := range at {
		object, ok := here.(map[string]any)
		if !ok {
			return false
		}
		if here, ok = object[key]; !ok {
			return false
		}
	}
	return true
}

// check holds a JSON text to the schema at a place of the document.
func (w *witness) check(what string, at []string, text []byte) {
	pointer := ""
	for _, key := range at {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	schema, err := w.compiler.Compile("openapi.json#" + (&urlFragment{pointer}).String())
	if err != nil {
		w.t.Errorf("%s: %v", what, err)
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		w.t.Errorf("%s: %v\n%s", what, err, text)
	}
}

// urlFragment is a JSON pointer as the fragment of an address.
type urlFragment struct{ text string }

func (f *urlFragment) String() string {
	return strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D", " ", "%20", "\"", "%22").Replace(f.text)
}

// marshalled is a value as JSON.
func marshalled(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
