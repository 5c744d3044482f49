package api

import (
	"bytes"
	"fmt"
	"mime"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas holds answers against the OpenAPI document, with a validator that is not huma's.
type schemas struct {
	document map[string]any
	compiler *jsonschema.Compiler
	routes   []documented
}

// documented is a path of the document.
type documented struct {
	path    string
	pattern *regexp.Regexp
	item    map[string]any
}

func schemasOf(t testing.TB, text []byte) *schemas {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	s := &schemas{document: document.(map[string]any), compiler: jsonschema.NewCompiler()}
	if err := s.compiler.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\\\{[a-z_]+\\\}`)
	for path, item := range s.document["paths"].(map[string]any) {
		pattern := parameter.ReplaceAllString(regexp.QuoteMeta(path), `[^/:]+`)
		s.routes = append(s.routes, documented{path, regexp.MustCompile("^" + pattern + "$"), item.(map[string]any)})
	}
	return s
}

// check is nil if an answer is one that the document has, in status, media type and body.
func (s *schemas) check(method, path string, r reply) error {
	for _, route := range s.routes {
		operation, ok := route.item[strings.ToLower(method)].(map[string]any)
		if !ok || !route.pattern.MatchString(path) {
			continue
		}
		status := strconv.Itoa(r.status)
		answer, ok := operation["responses"].(map[string]any)[status].(map[string]any)
		if !ok {
			return fmt.Errorf("%s %s has no answer %s", method, route.path, status)
		}
		content, _ := answer["content"].(map[string]any)
		if len(content) == 0 {
			if len(r.body) > 0 {
				return fmt.Errorf("a body where none is documented")
			}
			return nil
		}
		kind, _, err := mime.ParseMediaType(r.header.Get("Content-Type"))
		if err != nil {
			return err
		}
		if content[kind] == nil {
			return fmt.Errorf("the type %s is not documented for %s", kind, status)
		}
		if !strings.HasSuffix(kind, "json") {
			return nil
		}
		return s.validate(fmt.Sprintf("#/paths/%s/%s/responses/%s/content/%s/schema", pointer(route.path), strings.ToLower(method), status, pointer(kind)), r.body)
	}
	return nil // not a route: the problem that says so is checked by its test
}

func (s *schemas) validate(at string, body []byte) error {
	schema, err := s.compiler.Compile("openapi.json" + at)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// pointer escapes a name for a JSON pointer in a URL's fragment.
func pointer(name string) string {
	name = strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	return strings.NewReplacer("{", "%7B", "}", "%7D", "+", "%2B").Replace(name)
}
