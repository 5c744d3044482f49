package main

import (
	"crypto/sha1"
	"debug/buildinfo"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// bill is a CycloneDX 1.6 document: https://cyclonedx.org/docs/1.6/json/. Only what this program writes.
type bill struct {
	Schema       string       `json:"$schema"`
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type        string     `json:"type"`
	Ref         string     `json:"bom-ref,omitempty"`
	Name        string     `json:"name"`
	Version     string     `json:"version,omitempty"`
	Description string     `json:"description,omitempty"`
	Hashes      []hash     `json:"hashes,omitempty"`
	Licenses    []license  `json:"licenses,omitempty"`
	Purl        string     `json:"purl,omitempty"`
	Properties  []property `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

// license is an SPDX expression: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/.
type license struct {
	Expression string `json:"expression"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref  string   `json:"ref"`
	Uses []string `json:"dependsOn,omitempty"`
}

func expression(text string) []license { return []license{{text}} }

// billOf is the bill of a program by what Go recorded in it. A build's settings (platform, cgo) are properties, since the same
// source in another setting is another program.
func billOf(info *buildinfo.BuildInfo, licenses map[string]string, name, sha256, version string, at time.Time) bill {
	main := component{
		Type: "application", Ref: "pkg:golang/" + info.Main.Path + "@" + version + "#" + strings.TrimPrefix(info.Path, info.Main.Path+"/"),
		Name: name, Version: version, Licenses: expression("Apache-2.0"), Hashes: []hash{{"SHA-256", sha256}},
	}
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" || s.Key == "CGO_ENABLED" || s.Key == "GOAMD64" || s.Key == "GOARM64" {
			main.Properties = append(main.Properties, property{"go:build:" + s.Key, s.Value})
		}
	}
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	parts := []component{{Type: "library", Name: "std", Version: goVersion, Purl: "pkg:golang/std@" + goVersion, Licenses: expression("BSD-3-Clause")}}
	for _, module := range info.Deps {
		parts = append(parts, componentOf(module, licenses[module.Path]))
		parts = append(parts, linked[module.Path]...)
	}
	uses := make([]string, len(parts))
	for i, part := range sorted(parts) {
		parts[i].Ref, uses[i] = part.Purl, part.Purl
	}
	return bill{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1, Serial: serialOf(sha256),
		Metadata: metadata{at.Format(time.RFC3339), main}, Components: parts, Dependencies: []dependency{{main.Ref, uses}},
	}
}

// componentOf is one module. Its digest is the one of go.sum, a SHA-256 over the digests of its files.
func componentOf(module *debug.Module, license string) component {
	if module.Replace != nil {
		module = module.Replace
	}
	c := component{Type: "library", Name: module.Path, Version: module.Version, Purl: "pkg:golang/" + module.Path + "@" + module.Version}
	if license != "" {
		c.Licenses = expression(license)
	}
	if module.Sum != "" {
		c.Properties = []property{{"go:sum", module.Sum}}
	}
	return c
}

// serialOf is a UUID by name (RFC 9562, version 5) of the program's digest.
func serialOf(digest string) string {
	namespace := [16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8} // of URLs
	sum := sha1.Sum(append(namespace[:], "https://github.com/whatif-machine/whatif/sha256/"+digest...))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
