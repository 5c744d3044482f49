package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/whatif-machine/whatif/"

// rooms says which packages of ours each room may import: a prefix of the import path, "/" at the
// end for everything below. A room not listed here must not exist. Code of tests may import more.
var rooms = map[string][]string{
	"model":                         {},
	"model/inventory":               {"model", "model/inventory/columns", "model/inventory/logs"},
	"model/inventory/columns":       {},
	"model/inventory/logs":          {"model"},
	"model/inventory/synthetic":     {"model", "model/inventory", "model/matcher/engine"},
	"model/matcher":                 {"model"},
	"model/matcher/engine":          {"model", "model/inventory"},
	"model/matcher/studies":         {"model", "model/inventory"},
	"transforms":                    {"model", "model/", "transforms/objects", "transforms/results"},
	"transforms/killpoint":          {},
	"transforms/objects":            {"model", "transforms/killpoint"},
	"transforms/objects/objecttest": {},
	"transforms/results":            {"model", "transforms/killpoint", "transforms/objects"},
	"pipeline":                      {"model", "model/", "pipeline/", "transforms", "transforms/"},
	"pipeline/dataflow":             {"model", "pipeline/remote", "transforms", "transforms/killpoint", "transforms/objects"},
	"pipeline/dataflow/fake":        {"transforms/objects"},
	"pipeline/portable":             {"pipeline/remote", "transforms"},
	"pipeline/proof":                {},
	"pipeline/remote":               {},
	"sql":                           {"model"},
	"sql/install":                   {"sql", "sql/loads/bigquery"},
	"sql/loads":                     {"model", "transforms/killpoint"},
	"sql/loads/bigquery":            {"model", "sql", "sql/loads"},
	"sql/loads/bigquerytest":        {"model", "sql/loads", "sql/loads/bigquery"},
	"sql/warehouse":                 {"model", "sql"},
	"sql/report":                    {"model", "sql", "sql/warehouse"},
	"launcher":                      {"launcher/", "model", "model/inventory", "transforms/killpoint", "pipeline", "sql", "sql/", "transforms/objects", "transforms/results"},
	"launcher/access":               {"launcher/store"},
	"launcher/calendar":             {},
	"launcher/api":                  {"launcher/", "transforms/killpoint", "model", "model/inventory", "pipeline", "sql", "transforms/results"},
	"launcher/client":               {"launcher/wire"},
	"launcher/hooks":                {"launcher/store"},
	"launcher/inputs":               {"model", "model/inventory", "pipeline", "transforms/objects"},
	"launcher/limit":                {"launcher/store"},
	"launcher/loading":              {"model", "sql", "sql/loads", "sql/loads/bigquery", "transforms/objects", "transforms/results"},
	"launcher/proof":                {},
	"launcher/queue":                {"launcher/calendar", "launcher/store", "model", "pipeline", "transforms/killpoint", "transforms/results"},
	"launcher/reading":              {"model", "sql", "sql/", "transforms/results"},
	"launcher/store":                {"model", "transforms/killpoint"},
	"launcher/web":                  {},
	"launcher/wire":                 {},
	"cmd/whatif":                    {"launcher", "launcher/", "model", "model/", "transforms", "transforms/", "pipeline", "sql", "sql/"},
	"cmd/whatif-worker":             {"pipeline"},
}

// libraries says which outside packages the rooms below a prefix may not know.
var libraries = map[string][]string{
	"model":           {"github.com/parquet-go/", "github.com/apache/beam", "github.com/duckdb/", "net", "os"},
	"model/matcher":   {"github.com/parquet-go/", "github.com/apache/beam", "github.com/duckdb/", "net", "os"},
	"model/inventory": {"github.com/apache/beam", "github.com/duckdb/", "net"},
	"transforms":      {"github.com/duckdb/"},
	"pipeline":        {"github.com/duckdb/"},
	"sql":             {"github.com/apache/beam"},
	"launcher":        {"github.com/apache/beam"},
}

// TestRooms holds the code to the table of rooms: nothing is imported that a room may not know.
func TestRooms(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && file != root || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		room := path.Dir(filepath.ToSlash(rel))
		seen[room] = true
		checkImports(t, room, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("room %s is in the table but has no code", room)
		}
	}
}

func checkImports(t *testing.T, room, file string) {
	t.Helper()
	allowed, known := rooms[room]
	if !known {
		t.Errorf("%s: room %s is not in the table of rooms", file, room)
		return
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if own, ok := strings.CutPrefix(name, module); ok {
			if own != room && !permits(allowed, own) {
				t.Errorf("%s: %s may not import %s", file, room, own)
			}
		} else if forbidden(room, name) {
			t.Errorf("%s: %s may not import %s", file, room, name)
		}
	}
}

// permits reports whether a list of rooms allows one: by its name, or by a prefix that ends in "/".
func permits(allowed []string, room string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		return a == room || strings.HasSuffix(a, "/") && strings.HasPrefix(room, a)
	})
}

// forbidden looks the import up under the room and every room above it that has a list of its own:
// the nearest one decides.
func forbidden(room, name string) bool {
	for ; room != "."; room = path.Dir(room) {
		if list, ok := libraries[room]; ok {
			return slices.ContainsFunc(list, func(prefix string) bool {
				return name == prefix || strings.HasPrefix(name, prefix+"/") || strings.HasSuffix(prefix, "/") && strings.HasPrefix(name, prefix)
			})
		}
	}
	return false
}
