package objecttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
)

// ServeHTTP answers a request, or lets the fault happen that was ordered for it.
func (g *GCS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := parse(r)
	f := g.fault(q)
	if f == nil {
		f = new(Fault)
	}
	if f.Torn {
		// How much came does not matter, as long as it is not all.
		_, _ = io.CopyN(io.Discard, r.Body, max(1, r.ContentLength/2))
		g.breakOff(q)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		g.breakOff(q) // the client did
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if f.Do != nil {
		f.Do()
	}
	if f.Rival != nil {
		g.Put(q.Bucket, q.Name, f.Rival)
	}
	if f.Until != nil {
		f.wait(r)
	}
	var answer *httptest.ResponseRecorder
	if f.Status != 0 {
		answer = refused(f.Status, http.StatusText(f.Status))
	} else {
		answer = g.answer(q, r, body)
	}
	if f.LostAnswer {
		g.breakOff(q)
	}
	q.Status = answer.Code
	g.record(q)
	data := answer.Body.Bytes()
	if f.Flipped && len(data) > 0 {
		data[len(data)/2] ^= 1
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(answer.Code)
	if f.Truncated {
		send(w, data[:len(data)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	send(w, data)
}

// send writes to a client that may be gone, as it is told to be by some tests.
func send(w io.Writer, data []byte) { _, _ = w.Write(data) }

// breakOff ends the connection without an answer.
func (g *GCS) breakOff(q Request) {
	g.record(q)
	panic(http.ErrAbortHandler)
}

// answer is Cloud Storage's answer.
func (g *GCS) answer(q Request, r *http.Request, body []byte) *httptest.ResponseRecorder {
	if q.Bucket != "" && !g.hasBucket(q.Bucket) {
		// "404-Not Found", https://cloud.google.com/storage/docs/json_api/v1/status-codes#404-not-found
		return refused(http.StatusNotFound, "The specified bucket does not exist.")
	}
	switch q.Op {
	case Create, Delete, Chunk:
		g.writing.Lock()
		defer g.writing.Unlock()
	}
	switch {
	case q.Op == Create && r.URL.Query().Get("uploadType") == "resumable":
		return g.sessions.begin(g, r, body)
	case q.Op == Chunk:
		return g.sessions.chunk(g, r, body)
	case q.Op == Delete:
		if answer := g.checkDelete(q, r); answer != nil {
			return answer
		}
	}
	answer := g.inner(r)
	if answer.Code == http.StatusNotFound {
		return refused(http.StatusNotFound, fmt.Sprintf("No such object: %s/%s", q.Bucket, q.Name))
	}
	if answer.Code == http.StatusPreconditionFailed {
		return refused(answer.Code, preconditionWords)
	}
	if q.Op == Delete && answer.Code == http.StatusOK {
		// "Objects: delete": an empty body, https://cloud.google.com/storage/docs/json_api/v1/objects/delete
		empty := httptest.NewRecorder()
		empty.Code = http.StatusNoContent
		return empty
	}
	return answer
}

const preconditionWords = "At least one of the pre-conditions you specified did not hold."

// checkDelete adds what the fake leaves out: "ifGenerationMatch: makes the operation conditional on whether the
// object's current generation matches the given value" ("Objects: delete",
// https://cloud.google.com/storage/docs/json_api/v1/objects/delete).
func (g *GCS) checkDelete(q Request, r *http.Request) *httptest.ResponseRecorder {
	want := r.URL.Query().Get("ifGenerationMatch")
	if want == "" {
		return nil
	}
	o, err := g.fake.GetObject(q.Bucket, q.Name)
	if err != nil {
		return nil // the fake's 404 follows
	}
	if strconv.FormatInt(o.Generation, 10) != want {
		return refused(http.StatusPreconditionFailed, preconditionWords)
	}
	return nil
}

func (g *GCS) hasBucket(bucket string) bool {
	_, err := g.fake.Backend().GetBucket(bucket)
	return err == nil
}

// refused is an error as the JSON API answers it ("HTTP status and error codes for JSON",
// https://cloud.google.com/storage/docs/json_api/v1/status-codes).
func refused(code int, message string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	answer.Code = code
	answer.Header().Set("Content-Type", "application/json; charset=UTF-8")
	type detail struct {
		Domain  string `json:"domain"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}
	type fault struct {
		Code    int      `json:"code"`
		Message string   `json:"message"`
		Errors  []detail `json:"errors"`
	}
	reasons := map[int]string{400: "invalid", 401: "required", 403: "forbidden", 404: "notFound", 412: "conditionNotMet", 429: "rateLimitExceeded", 503: "backendError"}
	data, err := json.Marshal(map[string]fault{"error": {code, message, []detail{{"global", reasons[code], message}}}})
	if err != nil {
		panic(err) // these types can be encoded
	}
	answer.Body.Write(data)
	return answer
}

func cutSlash(name string) (before, after string, found bool) { return strings.Cut(name, "/") }
