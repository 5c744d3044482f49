package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"

	"github.com/google/licensecheck"
)

// licenseFile is how files with a module's licence are called.
var licenseFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([-._].*)?$`)

// coverage is how much of a file, in percent, must be known text for its licence to be believed.
const coverage = 75

// licensesOf reads each module's licence from its own files: an SPDX expression by path, none where the text is unknown.
func licensesOf(cache string, modules []*debug.Module) (map[string]string, error) {
	licenses := map[string]string{}
	for _, module := range modules {
		used := module
		if module.Replace != nil {
			used = module.Replace
		}
		folder := filepath.Join(cache, escaped(used.Path)+"@"+escaped(used.Version))
		names, err := namesIn(folder)
		if err != nil {
			return nil, fmt.Errorf("licence of %s: %w", used.Path, err)
		}
		licenses[module.Path] = strings.Join(names, " AND ")
	}
	return licenses, nil
}

// namesIn are the licences of a folder's files, in order, each once.
func namesIn(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if !licenseFile.MatchString(entry.Name()) || entry.Type()&fs.ModeType != 0 {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		found := licensecheck.Scan(text)
		if found.Percent < coverage {
			continue
		}
		for _, match := range found.Match {
			names = append(names, match.ID)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// escaped is how the module cache writes a path: capitals as ! and a small letter (go.dev/ref/mod#module-cache).
func escaped(path string) string {
	var b strings.Builder
	for _, r := range path {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
