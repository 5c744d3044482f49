package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// call is one request, as often as it has to be sent.
type call struct {
	method string
	path   []string // segments, escaped when sent
	query  url.Values
	header http.Header
	body   io.ReaderAt // nil: none
	size   int64       // of the body
	// repeatable: doing it twice is the same as doing it once, so that a lost answer does no harm.
	repeatable bool
}

// The bounds of what one call does to get an answer.
const (
	maxTries     = 8
	firstBackoff = 200 * time.Millisecond // bound of the first wait; each next one's is twice as long
	maxBackoff   = 5 * time.Second
	maxAnswer    = 256 << 20 // bytes of a JSON answer
)

// jsonBody gives a call a JSON body.
func (c call) jsonBody(v any) (call, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return c, fmt.Errorf("client: %w", err)
	}
	return c.bytesBody("application/json", text), nil
}

// bytesBody gives a call a body.
func (c call) bytesBody(kind string, body []byte) call {
	c.body, c.size = bytes.NewReader(body), int64(len(body))
	return c.with("Content-Type", kind)
}

// with adds a header.
func (c call) with(name, value string) call {
	h := c.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set(name, value)
	c.header = h
	return c
}

// ask sends a call and reads its JSON answer into out; nil: there is none to read.
func (c *Client) ask(ctx context.Context, what call, out any) (err error) {
	res, err := c.send(ctx, what.with("Accept", "application/json"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if out == nil {
		return nil
	}
	body := &bounded{from: res.Body, left: maxAnswer}
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return fmt.Errorf("client: the answer to %s %s can't be read: %w", what.method, res.Request.URL.Path, err)
	}
	return nil
}

// send sends a call until there is an answer to keep: one of success, which the caller closes, or an
// error that trying again would not better.
func (c *Client) send(ctx context.Context, what call) (*http.Response, error) {
	var waited time.Duration
	for try := 0; ; try++ {
		res, err := c.once(ctx, what)
		if err == nil {
			return res, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		wait := c.backoff(try, err)
		if !worthAnother(err, what.repeatable) || try+1 == maxTries || waited+wait > c.o.Patience {
			return nil, err
		}
		c.o.Retrying(err, wait)
		waited += wait
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// once sends a call one time.
func (c *Client) once(ctx context.Context, what call) (*http.Response, error) {
	var body io.Reader
	if what.body != nil {
		body = io.NewSectionReader(what.body, 0, what.size) // its own: an earlier try may still be reading
	}
	address, err := c.address(what)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, what.method, address, body)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if what.body != nil {
		req.ContentLength = what.size
	}
	for name, values := range what.header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", "whatif-client")
	if c.o.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.Key)
	}
	res, err := c.o.HTTP.Do(req)
	if err != nil {
		return nil, &NoAnswer{Server: c.Server(), Err: err}
	}
	if res.StatusCode/100 != 2 {
		return nil, problemOf(res)
	}
	return res, nil
}

// address is where a call goes. A name that would lead to another path is none that a launcher gives.
func (c *Client) address(what call) (string, error) {
	var b strings.Builder
	b.WriteString(c.base.String())
	for _, segment := range what.path {
		if segment == "" || strings.Trim(segment, ".") == "" {
			return "", fmt.Errorf("client: %q is no name of anything at a launcher", segment)
		}
		b.WriteByte('/')
		b.WriteString(url.PathEscape(segment))
	}
	if len(what.query) > 0 {
		b.WriteString("?" + what.query.Encode())
	}
	return b.String(), nil
}

// NoAnswer is a call that got none: no connection, or one that broke. Whether it was carried out is
// not known, unless Refused.
type NoAnswer struct {
	Server string
	Err    error
}

func (n *NoAnswer) Error() string {
	err := n.Err
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err // without method and address: Server says enough
	}
	return fmt.Sprintf("no answer from %s: %v", n.Server, err)
}

func (n *NoAnswer) Unwrap() error { return n.Err }

// Refused reports whether there was no connection, so that nothing was sent.
func (n *NoAnswer) Refused() bool {
	op, ok := errors.AsType[*net.OpError](n.Err)
	return ok && op.Op == "dial"
}

// worthAnother reports whether a call may be sent again after an error.
func worthAnother(err error, repeatable bool) bool {
	if lost, ok := errors.AsType[*NoAnswer](err); ok {
		return repeatable || lost.Refused()
	}
	refused, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch refused.Status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return repeatable // whether it was carried out is not known
	}
	return false
}

// backoff is how long to wait after a try: exponential with full jitter, not before the launcher asks for it.
func (c *Client) backoff(try int, err error) time.Duration {
	bound := min(maxBackoff, firstBackoff<<try)
	wait := time.Duration(c.o.Random() * float64(bound))
	if refused, ok := errors.AsType[*Error](err); ok {
		wait = max(wait, refused.RetryAfter)
	}
	return wait
}

// sleep waits, or less if ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bounded reads at most so many bytes; more is an error, not an end.
type bounded struct {
	from io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("it is larger than the %d MiB that are read", maxAnswer>>20)
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
