package objecttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// DefaultBucket is there when a test names none.
const DefaultBucket = "bucket"

// GCS is a server that holds buckets.
type GCS struct {
	// URL is where the server is, as STORAGE_EMULATOR_HOST has it: http://127.0.0.1:port
	URL string

	fake *fakestorage.Server
	http *httptest.Server

	writing  sync.Mutex // a precondition and what it protects are one step
	sessions sessions

	mu     sync.Mutex
	faults []*Fault
	log    []Request
}

// Server starts a server with these buckets, DefaultBucket if none is named, for as long as the test runs, and
// points STORAGE_EMULATOR_HOST at it, for child processes too. A test that calls it is not parallel.
func Server(t testing.TB, buckets ...string) *GCS {
	t.Helper()
	g, err := Start(buckets...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	t.Setenv("STORAGE_EMULATOR_HOST", g.URL)
	return g
}

// Start is Server without a test: the caller closes it and sets the environment.
func Start(buckets ...string) (*GCS, error) {
	fake, err := fakestorage.NewServerWithOptions(fakestorage.Options{NoListener: true, Writer: io.Discard})
	if err != nil {
		return nil, fmt.Errorf("objecttest: start the server: %w", err)
	}
	if len(buckets) == 0 {
		buckets = []string{DefaultBucket}
	}
	g := &GCS{fake: fake}
	for _, bucket := range buckets {
		g.CreateBucket(bucket)
	}
	g.http = httptest.NewServer(g) // listens on 127.0.0.1
	g.URL = g.http.URL
	return g, nil
}

// Close stops the server and cuts off who still talks to it.
func (g *GCS) Close() {
	g.Heal()
	g.http.CloseClientConnections()
	g.http.Close()
	g.fake.Stop()
}

// CreateBucket makes an empty bucket.
func (g *GCS) CreateBucket(bucket string) {
	g.fake.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
}

// Put makes an object of these bytes, whatever there is under the name.
func (g *GCS) Put(bucket, name string, data []byte) {
	g.writing.Lock()
	defer g.writing.Unlock()
	g.fake.CreateObject(fakestorage.Object{
		ObjectAttrs: fakestorage.ObjectAttrs{BucketName: bucket, Name: name, ContentType: "application/octet-stream"},
		Content:     bytes.Clone(data),
	})
}

// Get is the bytes of an object; ok is false if there is none.
func (g *GCS) Get(bucket, name string) (data []byte, ok bool) {
	o, err := g.fake.GetObject(bucket, name)
	return o.Content, err == nil
}

// Names is the names of a bucket's objects, sorted.
func (g *GCS) Names(bucket string) (names []string) {
	found, err := g.fake.ListObjectsWithOptionsPaginated(bucket, fakestorage.ListOptions{})
	if err != nil {
		return nil
	}
	for _, o := range found.Objects {
		names = append(names, o.Name)
	}
	return names
}

// Remove takes an object away, as another program would.
func (g *GCS) Remove(bucket, name string) error {
	request, err := http.NewRequest(http.MethodDelete, "/storage/v1/b/"+bucket+"/o/"+escape(name), http.NoBody)
	if err != nil {
		return err
	}
	g.writing.Lock()
	defer g.writing.Unlock()
	if answer := g.inner(request); answer.Code != http.StatusOK {
		return errors.New("objecttest: remove " + name + ": " + answer.Body.String())
	}
	return nil
}

// inner is the fake's answer to a request.
func (g *GCS) inner(r *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	g.fake.HTTPHandler().ServeHTTP(answer, r)
	return answer
}
