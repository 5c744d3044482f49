package main

import (
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBill writes the bill of a program that is told: what it says of each part is fixed by hand.
func TestBill(t *testing.T) {
	info := &buildinfo.BuildInfo{
		GoVersion: "go1.26.8", Path: "example.com/m/cmd/p", Main: debug.Module{Path: "example.com/m"},
		Deps: []*debug.Module{
			{Path: "github.com/duckdb/duckdb-go-bindings", Version: "v0.3.5", Sum: "h1:abc="},
			{Path: "example.com/B", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/C", Version: "v2.0.0"}},
		},
		Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "-ldflags", Value: "-s"}},
	}
	b := billOf(info, map[string]string{"github.com/duckdb/duckdb-go-bindings": "MIT"}, "p", "00", "v1", time.Unix(1790000000, 0).UTC())
	// uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/whatif-machine/whatif/sha256/00") of Python.
	if want := "urn:uuid:6db11763-93f2-5410-b55d-3191785bd40e"; b.Serial != want {
		t.Errorf("serial %s, want %s", b.Serial, want)
	}
	if b.Metadata.Timestamp != "2026-09-21T14:13:20Z" {
		t.Errorf("time %s", b.Metadata.Timestamp)
	}
	var purls []string
	for _, c := range b.Components {
		purls = append(purls, c.Purl)
	}
	want := []string{
		"pkg:deb/debian/gcc-12", "pkg:github/duckdb/duckdb@v1.4.5", "pkg:golang/example.com/C@v2.0.0",
		"pkg:golang/github.com/duckdb/duckdb-go-bindings@v0.3.5", "pkg:golang/std@1.26.8", "pkg:npm/echarts@6.1.0",
	}
	if !slices.Equal(purls, want) {
		t.Errorf("parts %q, want %q", purls, want)
	}
	if p := b.Metadata.Component.Properties; len(p) != 1 || p[0] != (property{"go:build:GOOS", "linux"}) {
		t.Errorf("settings %v", p)
	}
}

func TestEscaped(t *testing.T) {
	if got := escaped("github.com/Azure/sdk@v1"); got != "github.com/!azure/sdk@v1" {
		t.Error(got)
	}
}

// TestVersions finds what is linked in and embedded in the things themselves: of DuckDB its own text in the program of a
// release, of ECharts the text of its file.
func TestVersions(t *testing.T) {
	file, err := os.Open("../../sql/report/assets/echarts/echarts.min.js.gz")
	if err != nil {
		t.Fatal(err)
	}
	zipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	script, err := io.ReadAll(zipped)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(script), `version="`+echartsVersion+`"`) {
		t.Errorf("the report's ECharts is not %s", echartsVersion)
	}
	programs, err := filepath.Glob(filepath.Join(os.Getenv("WHATIF_DIST"), "whatif_linux_*[0-9]"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range programs {
		program, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(program, []byte("v"+duckdbVersion)) {
			t.Errorf("%s: its DuckDB is not %s", path, duckdbVersion)
		}
	}
}
