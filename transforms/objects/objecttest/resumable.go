package objecttest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// sessions are the resumable uploads that have begun ("Resumable uploads",
// https://cloud.google.com/storage/docs/resumable-uploads, and "Perform resumable uploads",
// https://cloud.google.com/storage/docs/performing-resumable-uploads).
type sessions struct {
	mu   sync.Mutex
	last int
	open map[string]*session
}

type session struct {
	bucket   string
	query    url.Values // with the preconditions, which are judged at the end
	metadata []byte
	data     []byte
	answer   *httptest.ResponseRecorder // of one that is complete
}

// begin opens a session: its address is in the answer's Location.
func (s *sessions) begin(g *GCS, r *http.Request, body []byte) *httptest.ResponseRecorder {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	id := strconv.Itoa(s.last)
	if s.open == nil {
		s.open = map[string]*session{}
	}
	query := r.URL.Query()
	s.open[id] = &session{bucket: parse(r).Bucket, query: query, metadata: body}
	answer := httptest.NewRecorder()
	answer.Header().Set("Location", fmt.Sprintf("%s%s?uploadType=resumable&name=%s&upload_id=%s", g.URL, r.URL.Path, url.QueryEscape(query.Get("name")), id))
	return answer
}

// chunk takes the next bytes. Bytes the session has already are ignored, so a chunk may be sent again; so may
// the last one of a session that is complete, which is answered with the object again.
func (s *sessions) chunk(g *GCS, r *http.Request, body []byte) *httptest.ResponseRecorder {
	s.mu.Lock()
	defer s.mu.Unlock()
	up := s.open[r.URL.Query().Get("upload_id")]
	if up == nil {
		return refused(http.StatusNotFound, "Not Found")
	}
	if up.answer != nil {
		return up.answer
	}
	first, total, err := contentRange(r.Header.Get("Content-Range"))
	if err != nil || first > len(up.data) {
		return refused(http.StatusBadRequest, "Invalid request. Failed to parse Content-Range header.")
	}
	if have := len(up.data) - first; have < len(body) {
		up.data = append(up.data, body[have:]...)
	}
	if total < 0 || len(up.data) < total {
		return incomplete(len(up.data))
	}
	if sum, ok := strings.CutPrefix(r.Header.Get("X-Goog-Hash"), "crc32c="); ok && sum != checksum(up.data) {
		return refused(http.StatusBadRequest, fmt.Sprintf("Provided CRC32C %q doesn't match calculated CRC32C %q.", sum, checksum(up.data)))
	}
	up.answer = g.inner(up.request())
	if up.answer.Code == http.StatusPreconditionFailed {
		up.answer = refused(http.StatusPreconditionFailed, preconditionWords)
	}
	return up.answer
}

// Forget ends the sessions of all uploads that have begun, as the service does after a week.
func (g *GCS) Forget() {
	g.sessions.mu.Lock()
	defer g.sessions.mu.Unlock()
	clear(g.sessions.open)
}

// incomplete is a 308 as a client that sends X-GUploader-No-308 gets it.
func incomplete(have int) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	answer.Header().Set("X-Http-Status-Code-Override", "308")
	if have > 0 {
		answer.Header().Set("Range", fmt.Sprintf("bytes=0-%d", have-1))
	}
	return answer
}

// contentRange reads "bytes 0-99/*", "bytes 100-149/150" and "bytes */150"; total is -1 if it is not known.
func contentRange(header string) (first, total int, err error) {
	part, all, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	if !ok {
		return 0, 0, fmt.Errorf("no range: %q", header)
	}
	if total = -1; all != "*" {
		if total, err = strconv.Atoi(all); err != nil {
			return 0, 0, err
		}
	}
	if part == "*" {
		return max(total, 0), total, nil
	}
	from, _, _ := strings.Cut(part, "-")
	first, err = strconv.Atoi(from)
	return first, total, err
}

// request is the upload in one request, to the fake.
func (up *session) request() *http.Request {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for _, part := range [][]byte{up.metadata, up.data} {
		p, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json"}})
		if err == nil {
			_, err = p.Write(part)
		}
		if err != nil {
			panic(err) // it writes to memory
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	query := url.Values{}
	for key, values := range up.query {
		query[key] = values
	}
	query.Set("uploadType", "multipart")
	r := httptest.NewRequest(http.MethodPost, "/upload/storage/v1/b/"+up.bucket+"/o?"+query.Encode(), &body)
	r.Header.Set("Content-Type", `multipart/related; boundary="`+w.Boundary()+`"`)
	return r
}

// checksum is a CRC32C as the API writes it: big-endian, in base64.
func checksum(data []byte) string {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	return base64.StdEncoding.EncodeToString(sum[:])
}
