package objecttest

import (
	"net/http"
	"net/url"
	"strings"
)

// Op is what a request does.
type Op string

// The operations of package objects.
const (
	Create Op = "create" // also replaces
	Chunk  Op = "chunk"  // of a resumable upload
	Read   Op = "read"
	Stat   Op = "stat"
	List   Op = "list"
	Delete Op = "delete"
)

// Request is one that the server was asked.
type Request struct {
	Op     Op
	Bucket string
	Name   string // of the object; of a list its prefix
	Status int    // of the answer; 0: the connection was broken off instead
}

// Requests is what the server was asked so far.
func (g *GCS) Requests() []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Request(nil), g.log...)
}

// Count is how many requests of these operations the server was asked so far; of none: of all.
func (g *GCS) Count(ops ...Op) (n int) {
	for _, r := range g.Requests() {
		if len(ops) == 0 {
			n++
		}
		for _, op := range ops {
			if r.Op == op {
				n++
			}
		}
	}
	return n
}

func (g *GCS) record(r Request) {
	g.mu.Lock()
	g.log = append(g.log, r)
	g.mu.Unlock()
}

// parse tells what a request of the JSON API asks for ("JSON API overview",
// https://cloud.google.com/storage/docs/json_api). The op is empty of what package objects never asks.
func parse(r *http.Request) (q Request) {
	path, upload := r.URL.EscapedPath(), false
	if rest, ok := strings.CutPrefix(path, "/upload"); ok {
		path, upload = rest, true
	}
	rest, ok := strings.CutPrefix(path, "/storage/v1/b/")
	if !ok {
		return q
	}
	bucket, object, _ := strings.Cut(rest, "/o")
	q.Bucket = bucket
	q.Name = unescape(strings.TrimPrefix(object, "/"))
	query := r.URL.Query()
	switch {
	case upload && query.Has("upload_id"):
		q.Op, q.Name = Chunk, query.Get("name")
	case upload:
		q.Op, q.Name = Create, query.Get("name")
	case r.Method == http.MethodDelete:
		q.Op = Delete
	case r.Method == http.MethodGet && q.Name == "":
		q.Op, q.Name = List, query.Get("prefix")
	case r.Method == http.MethodGet && query.Get("alt") == "media":
		q.Op = Read
	case r.Method == http.MethodGet:
		q.Op = Stat
	}
	return q
}

func escape(name string) string { return url.PathEscape(name) }

func unescape(path string) string {
	if name, err := url.PathUnescape(path); err == nil {
		return name
	}
	return path
}
