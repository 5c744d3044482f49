// Command sbom writes the bill of materials of a compiled Go program: what is in it, in which version, under which
// licence, as CycloneDX 1.6 in JSON.
//
//	sbom PROGRAM > PROGRAM.cdx.json
//
// It reads the program itself (debug/buildinfo), not go.mod: a library that is required but not linked is not in it. What
// Go doesn't know of is added by hand below. Equal programs and SOURCE_DATE_EPOCH give equal bytes.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sbom PROGRAM")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH is the time of the source in seconds: %w", err)
	}
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		return fmt.Errorf("asking go for its module cache: %w", err)
	}
	licenses, err := licensesOf(strings.TrimSpace(string(cache)), info.Deps)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(program)
	bill := billOf(info, licenses, filepath.Base(path), hex.EncodeToString(sum[:]), os.Getenv("VERSION"), time.Unix(seconds, 0).UTC())
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(bill)
}

// linked are parts of a program that are no Go modules: by the module that brings them.
var linked = map[string][]component{
	"github.com/duckdb/duckdb-go-bindings": {
		{Type: "library", Name: "duckdb", Version: duckdbVersion, Purl: "pkg:github/duckdb/duckdb@v" + duckdbVersion, Licenses: expression("MIT"),
			Description: "linked in as the static library of duckdb-go-bindings, with the libraries that its own source holds"},
		{Type: "library", Name: "libstdc++ and libgcc", Purl: "pkg:deb/debian/gcc-12", Licenses: expression("GPL-3.0-or-later WITH GCC-exception-3.1"),
			Description: "the C++ runtime of the compiler that built the program, linked in"},
		{Type: "library", Name: "echarts", Version: echartsVersion, Purl: "pkg:npm/echarts@" + echartsVersion, Licenses: expression("Apache-2.0"),
			Description: "embedded in the report's page"},
	},
}

// Versions of what is linked in and embedded; the test finds them in the parts themselves.
const (
	duckdbVersion  = "1.4.5"
	echartsVersion = "6.1.0"
)

// sorted gives components the order of their purls, so that equal programs have equal bills.
func sorted(list []component) []component {
	slices.SortFunc(list, func(a, b component) int { return strings.Compare(a.Purl, b.Purl) })
	return list
}
