package client

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultServer is where a launcher listens unless told otherwise.
const DefaultServer = "http://127.0.0.1:8080"

// Options of New; each may be left out.
type Options struct {
	Server   string        // address of the launcher; default DefaultServer; without scheme: http
	Key      string        // API key; empty: none
	Patience time.Duration // bound of all waits of one call between its tries; default 30 s; negative: one try only
	Idle     time.Duration // a stream of events without a sign of life for so long is opened anew; default 1 min

	// HTTP sends the requests. Its redirects are never followed: the key is for one launcher only.
	// Default: one that waits 2 min for the beginning of an answer.
	HTTP *http.Client
	// Retrying is told before each wait, why and how long; default: nobody is.
	Retrying func(why error, wait time.Duration)

	Random func() float64 // in [0, 1), for jitter; default: the system's
	NewKey func() string  // makes idempotency keys; default: 130 random bits
}

// Client calls one launcher. It is safe for concurrent use.
type Client struct {
	o    Options
	base *url.URL
}

// New makes a client; nothing is sent yet.
func New(o Options) (*Client, error) {
	base, err := parseServer(o.Server)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(o.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("client: the API key has characters that no key has; is there a line break at its end?")
	}
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
	}
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	if o.Random == nil {
		o.Random = systemRandom
	}
	if o.NewKey == nil {
		o.NewKey = rand.Text
	}
	if o.Retrying == nil {
		o.Retrying = func(error, time.Duration) {}
	}
	o.HTTP = withoutRedirects(o.HTTP)
	return &Client{o: o, base: base}, nil
}

// Server is the address of the launcher, without a slash at its end.
func (c *Client) Server() string { return c.base.String() }

// parseServer reads the address of a launcher, perhaps below a path of a proxy.
func parseServer(text string) (*url.URL, error) {
	if text == "" {
		text = DefaultServer
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("client: %q is no address of a launcher: %w", text, err)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("client: %q is no address of a launcher: http or https, not %s", text, u.Scheme)
	case u.Host == "":
		return nil, fmt.Errorf("client: %q names no host; an address is like %s", text, DefaultServer)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("client: the address of a launcher is like %s, without user, query or fragment", DefaultServer)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}, nil
}

// withoutRedirects is a copy of a client, or the default one, that hands redirects to its caller.
func withoutRedirects(h *http.Client) *http.Client {
	if h == nil {
		h = &http.Client{}
		if usual, ok := http.DefaultTransport.(*http.Transport); ok { // else the program has replaced it
			transport := usual.Clone()
			transport.ResponseHeaderTimeout = 2 * time.Minute
			h.Transport = transport
		}
	}
	own := *h
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// systemRandom is a number in [0, 1) of the system's random source.
func systemRandom() float64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return float64(binary.NativeEndian.Uint64(b[:])>>11) / (1 << 53)
}
