package objects

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms/objects/objecttest"
)

// largeBytes is the size of an object that comes in ranges: 4 of them, in the slow proofs 13.
func largeBytes() int {
	if os.Getenv("WHATIF_FULL") != "" {
		return 200 << 20
	}
	return 50 << 20
}

// TestALargeObjectComesInRanges: each range once, all of them the object's bytes.
func TestALargeObjectComesInRanges(t *testing.T) {
	g := objecttest.Server(t)
	data := random(largeBytes())
	sum := sha256.Sum256(data)
	g.Put("bucket", "x.parquet", data)
	b := must[*Bucket](t)(Open(t.Context(), "gs://bucket"))
	c := NewCache(t.TempDir(), 1<<30)
	pin := must[model.PinnedInput](t)(c.Pin(t.Context(), b, must[Object](t)(b.Stat(t.Context(), "x.parquet"))))
	if pin.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("the digest is %s", pin.SHA256)
	}
	if n, want := g.Count(objecttest.Read), (len(data)+partBytes-1)/partBytes; n != want {
		t.Errorf("%d requests for %d ranges", n, want)
	}
	f := must[*Cached](t)(c.Fetch(t.Context(), pin))
	if !bytes.Equal(must[[]byte](t)(os.ReadFile(f.Path)), data) {
		t.Error("other bytes")
	}
	if err := f.Release(); err != nil {
		t.Error(err)
	}
}

// streamRate is what one stream is given in the benchmark, bytes a second; a network gives several more.
const streamRate = 50e6

// BenchmarkDownload is 200 MB from a server of this process: in one stream and in ranges, as fast as both go and with a
// bound on each stream, as over a network.
func BenchmarkDownload(b *testing.B) {
	g := objecttest.Server(b)
	data := random(200 << 20)
	g.Put("bucket", "x", data)
	for _, server := range []struct {
		name string
		rate float64
	}{{"unbounded", 0}, {"50MBps_a_stream", streamRate}} {
		front := httptest.NewServer(paced(b, g.URL, server.rate))
		b.Setenv("STORAGE_EMULATOR_HOST", front.URL)
		bucket := must[*Bucket](b)(Open(b.Context(), "gs://bucket"))
		o := must[Object](b)(bucket.Stat(b.Context(), "x"))
		for name, part := range map[string]int64{"one_stream": o.Size, "ranges": partBytes} {
			b.Run(server.name+"/"+name, func(b *testing.B) {
				bucket.part = part
				b.SetBytes(o.Size)
				for b.Loop() {
					if err := bucket.Download(b.Context(), o, filepath.Join(b.TempDir(), "x")); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		front.Close()
	}
}

// paced passes requests on to a server, and its answers back no faster than so many bytes a second each.
func paced(b *testing.B, to string, rate float64) http.Handler {
	b.Helper()
	target := must[*url.URL](b)(url.Parse(to))
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	if rate == 0 {
		return proxy
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy.ServeHTTP(&pacedWriter{w, rate, time.Now(), 0}, r)
	})
}

// pacedWriter waits with each piece until it is due.
type pacedWriter struct {
	http.ResponseWriter
	rate  float64
	began time.Time
	sent  int
}

func (p *pacedWriter) Write(data []byte) (int, error) {
	n, err := p.ResponseWriter.Write(data)
	p.sent += n
	<-time.After(time.Until(p.began.Add(time.Duration(float64(p.sent) / p.rate * float64(time.Second)))))
	return n, err
}
