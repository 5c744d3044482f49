package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var files embed.FS

// Prefix is the path below which the pages' scripts and styles are.
const Prefix = "/assets/"

// policy lets a page load what this launcher serves, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// types are the media types of what is embedded, which must not depend on the machine's own table.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// asset is one embedded file.
type asset struct {
	name string
	text []byte
	tag  string // its ETag
}

// Handler serves the pages at `/`, `/simulations/{id}` and `/docs`, and what they load below Prefix. Other
// paths are not found. An error means that the program was built without its assets.
func Handler() (http.Handler, error) {
	assets, err := embedded()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for pattern, name := range map[string]string{"GET /{$}": "index.html", "GET /simulations/{id}": "simulation.html", "GET /docs": "docs.html"} {
		page, ok := assets[name]
		if !ok {
			return nil, fmt.Errorf("web: the page %s is not embedded", name)
		}
		mux.Handle(pattern, page)
	}
	for name, a := range assets {
		if path.Ext(name) != ".html" {
			mux.Handle("GET "+Prefix+name, a)
		}
	}
	return mux, nil
}

func embedded() (map[string]*asset, error) {
	assets := map[string]*asset{}
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	for _, entry := range entries {
		text, err := files.ReadFile("assets/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
		digest := sha256.Sum256(text)
		assets[entry.Name()] = &asset{entry.Name(), text, `"` + hex.EncodeToString(digest[:8]) + `"`}
	}
	return assets, nil
}

// ServeHTTP answers with the file, or that the reader has it: browsers ask each time, since a new
// version of the program has the same addresses.
func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", types[path.Ext(a.name)])
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.tag)
	if strings.Contains(r.Header.Get("If-None-Match"), a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(a.text) // fails only if the reader is gone
}
