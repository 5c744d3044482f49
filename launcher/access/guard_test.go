package access

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// guarded is a guard before a handler that answers 200, with the codes of its refusals as bodies.
func guarded(t *testing.T, o GuardOptions) http.Handler {
	t.Helper()
	o.Refuse = func(w http.ResponseWriter, _ *http.Request, status int, code, detail string) {
		w.WriteHeader(status)
		fmt.Fprint(w, code)
		if detail == "" {
			t.Error("a refusal without a reason")
		}
	}
	guard, err := Guard(o)
	if err != nil {
		t.Fatal(err)
	}
	return guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "in") }))
}

func TestHosts(t *testing.T) {
	h := guarded(t, GuardOptions{Listen: "192.0.2.7:8080", Hosts: []string{"WhatIf.example.com", "other.example.com:8443", "[2001:db8::1]:80"}})
	let := []string{
		"localhost", "localhost:8080", "LOCALHOST:1", "localhost.", "127.0.0.1", "127.0.0.1:9999", "127.8.9.1", "[::1]", "[::1]:8080",
		"[::ffff:127.0.0.1]:80", "192.0.2.7:8080", "whatif.example.com", "whatif.example.com:80", "WHATIF.EXAMPLE.COM.:81",
		"other.example.com:8443", "[2001:db8:0::1]:80",
	}
	refused := []string{
		"", "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io", "xlocalhost",
		"192.0.2.7", "192.0.2.7:80", "192.0.2.8:8080", "other.example.com", "other.example.com:8444", "sub.whatif.example.com",
		"whatif.example.com.evil.example", "localhost:", "localhost:0", "localhost:08080", "localhost:65536", "localhost:x", "localhost:80:80",
		"localhost@evil.example", "evil.example@localhost", "localhost/", "localhost evil.example", "::1", "[::1", "[::1%lo]", "[127.0.0.1]",
		"0.0.0.0", "0.0.0.0:8080", "[::]:8080", "2130706433", "0x7f.1", "127.1", "localhost..", ".localhost", "loc%61lhost", "ⓛocalhost",
		"[2001:db8::1]:81", "[2001:db8::1]",
	}
	for _, host := range let {
		if got := ask(h, http.MethodPost, host, nil); got.Code != http.StatusOK {
			t.Errorf("Host %q: %d %s", host, got.Code, got.Body)
		}
	}
	for _, host := range refused {
		if got := ask(h, http.MethodGet, host, nil); got.Code != http.StatusMisdirectedRequest || got.Body.String() != CodeHostNotAllowed {
			t.Errorf("Host %q: %d %s", host, got.Code, got.Body)
		}
	}
}

// Who listens on all addresses is asked by any of them, but not by any name.
func TestHostsOfAllAddresses(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:8080", "[::]:8080", ":8080"} {
		h := guarded(t, GuardOptions{Listen: listen})
		for host, status := range map[string]int{"10.1.2.3:8080": 200, "[2001:db8::1]": 200, "localhost": 200, "evil.example:8080": 421} {
			if got := ask(h, http.MethodGet, host, nil); got.Code != status {
				t.Errorf("listening on %s, Host %q: %d", listen, host, got.Code)
			}
		}
	}
}

// ask sends a request with pairs of header names and values.
func ask(h http.Handler, method, host string, pairs []string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/v1/simulations", nil)
	r.Host = host
	for i := 0; i+1 < len(pairs); i += 2 {
		r.Header.Add(pairs[i], pairs[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestOrigins(t *testing.T) {
	const own, allowed = "http://localhost:8080", "https://ads.example.com"
	h := guarded(t, GuardOptions{Listen: "127.0.0.1:8080", Origins: []string{"HTTPS://Ads.Example.com:443"}})
	public := guarded(t, GuardOptions{Public: func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1") }})
	navigate := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest"}
	tests := []struct {
		name      string
		headers   []string
		get, post int // statuses
	}{
		{"no browser", nil, 200, 200},
		{"own page", []string{"Origin", own, "Sec-Fetch-Site", "same-origin"}, 200, 200},
		{"own page behind TLS", []string{"Origin", "https://localhost:8080"}, 200, 200},
		{"own page, no Origin sent", []string{"Sec-Fetch-Site", "same-origin"}, 200, 200},
		{"typed", append([]string{"Sec-Fetch-Site", "none"}, navigate[2:]...), 200, 200},
		{"allowed page", []string{"Origin", allowed, "Sec-Fetch-Site", "cross-site"}, 200, 200},
		{"allowed page, its port written", []string{"Origin", allowed + ":443"}, 200, 200},
		{"page elsewhere", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403, 403},
		{"page elsewhere, old browser", []string{"Origin", "https://evil.example"}, 403, 403},
		{"page elsewhere that says it is ours", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "same-origin"}, 403, 403},
		{"our name, another port", []string{"Origin", "http://localhost:3000", "Sec-Fetch-Site", "same-site"}, 403, 403},
		{"our address, another name", []string{"Origin", "http://127.0.0.1:8080"}, 403, 403},
		{"allowed name, another scheme", []string{"Origin", "http://ads.example.com"}, 403, 403},
		{"allowed name, another port", []string{"Origin", allowed + ":8443"}, 403, 403},
		{"below the allowed name", []string{"Origin", "https://x.ads.example.com"}, 403, 403},
		{"sandboxed page or file", []string{"Origin", "null"}, 403, 403},
		{"two origins", []string{"Origin", own, "Origin", own}, 403, 403},
		{"several in one", []string{"Origin", own + " https://evil.example"}, 403, 403},
		{"no origin at all", []string{"Origin", ""}, 403, 403},
		{"extension", []string{"Origin", "chrome-extension://abcdef"}, 403, 403},
		{"form elsewhere without Origin", []string{"Sec-Fetch-Site", "cross-site"}, 403, 403},
		{"form of a neighbour without Origin", []string{"Sec-Fetch-Site", "same-site"}, 403, 403},
		{"link followed", append(navigate[:5:5], "document"), 200, 403},
		{"in a frame", append(navigate[:5:5], "iframe"), 403, 403},
		{"as a script", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, 403, 403},
		{"a value that will be invented", []string{"Sec-Fetch-Site", "future"}, 403, 403},
	}
	for _, test := range tests {
		for method, want := range map[string]int{"GET": test.get, "HEAD": test.get, "POST": test.post, "PATCH": test.post, "DELETE": test.post, "OPTIONS": test.post} {
			if got := ask(h, method, "localhost:8080", test.headers); got.Code != want {
				t.Errorf("%s, %s: %d %s", test.name, method, got.Code, got.Body)
			}
			if method == "GET" {
				if got := ask(public, method, "localhost:8080", test.headers); got.Code != 200 {
					t.Errorf("%s, GET of what is public: %d", test.name, got.Code)
				}
			}
			if method == "POST" && test.post == 403 && !strings.Contains(test.headers[1], "ads.example") {
				if got := ask(public, method, "localhost:8080", test.headers); got.Code != 403 {
					t.Errorf("%s, POST to what is public: %d", test.name, got.Code)
				}
			}
		}
	}
}

func TestCORS(t *testing.T) {
	const page = "https://ads.example.com"
	h := guarded(t, GuardOptions{Origins: []string{page}})
	preflight := []string{"Origin", page, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization"}
	got := ask(h, http.MethodOptions, "localhost", preflight)
	if got.Code != http.StatusNoContent || got.Body.Len() > 0 || got.Header().Get("Access-Control-Allow-Origin") != page {
		t.Errorf("preflight: %d %v", got.Code, got.Header())
	}
	for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
		if !slices.Contains(strings.Split(got.Header().Get("Access-Control-Allow-Methods"), ", "), method) {
			t.Errorf("preflight does not allow %s", method)
		}
	}
	for _, header := range []string{"Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"} {
		if !strings.Contains(got.Header().Get("Access-Control-Allow-Headers"), header) {
			t.Errorf("preflight does not allow %s", header)
		}
	}
	if got.Header().Get("Access-Control-Allow-Private-Network") != "" || got.Header().Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("preflight allows what was not asked: %v", got.Header())
	}
	got = ask(h, http.MethodOptions, "localhost", append(preflight, "Access-Control-Request-Private-Network", "true"))
	if got.Header().Get("Access-Control-Allow-Private-Network") != "true" {
		t.Error("the page may not ask the private network")
	}
	got = ask(h, http.MethodPost, "localhost", []string{"Origin", page})
	if got.Body.String() != "in" || got.Header().Get("Access-Control-Allow-Origin") != page ||
		!strings.Contains(got.Header().Get("Access-Control-Expose-Headers"), "RateLimit") {
		t.Errorf("post: %d %v", got.Code, got.Header())
	}
	for _, headers := range [][]string{nil, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		got := ask(h, http.MethodGet, "localhost", headers)
		if got.Header().Get("Access-Control-Allow-Origin") != "" || got.Header().Get("Vary") != "Origin" {
			t.Errorf("%v: %v", headers, got.Header())
		}
	}
	preflight[1] = "https://evil.example"
	if got := ask(h, http.MethodOptions, "localhost", preflight); got.Code != http.StatusForbidden {
		t.Errorf("preflight of another page: %d", got.Code)
	}
}

func TestGuardOptionsThatAreWrong(t *testing.T) {
	for _, o := range []GuardOptions{
		{Listen: "localhost"}, {Hosts: []string{"*"}}, {Hosts: []string{"*.example.com"}}, {Hosts: []string{""}}, {Hosts: []string{"https://x"}},
		{Origins: []string{"*"}}, {Origins: []string{"null"}}, {Origins: []string{"example.com"}}, {Origins: []string{"https://x/path"}},
		{Origins: []string{"https://user@x"}}, {Origins: []string{"ftp://x"}},
	} {
		if _, err := Guard(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// The guard refuses without any function given, too.
func TestGuardByItself(t *testing.T) {
	guard, err := Guard(GuardOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := guard(http.NotFoundHandler())
	if got := ask(h, "GET", "evil.example", nil); got.Code != http.StatusMisdirectedRequest {
		t.Errorf("%d", got.Code)
	}
}

// FuzzHost: a Host that is let in is a loopback address, localhost or the allowed name, by net/url's reading.
func FuzzHost(f *testing.F) {
	for _, seed := range []string{"localhost", "localhost:80", "[::1]:8080", "127.0.0.1", "whatif.example.com.", "evil.example", "localhost:80@evil.example", "[::1%25lo]"} {
		f.Add(seed)
	}
	g := &guard{hosts: map[string]bool{"whatif.example.com": true}}
	f.Fuzz(func(t *testing.T, host string) {
		if !g.ownHost(host) {
			return
		}
		u, err := url.Parse("http://" + host + "/")
		if err != nil || u.Host != host || u.User != nil || u.Path != "/" {
			t.Fatalf("%q is let in, but is no host of a URL: %v", host, err)
		}
		name := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
		ip, err := netip.ParseAddr(name)
		if name != "localhost" && name != "whatif.example.com" && (err != nil || !ip.Unmap().IsLoopback()) {
			t.Fatalf("%q is let in", host)
		}
	})
}

// FuzzOrigin: an Origin that counts as our own has, by net/url's reading, the host and port that were asked.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{"http://localhost:8080", "https://LOCALHOST:8080", "http://localhost:8080/", "http://x@localhost:8080", "null", "http://localhost:8080.evil.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		parsed, ok := parseOrigin(origin)
		if !ok || !isOwn(parsed, "localhost:8080") {
			return
		}
		u, err := url.Parse(origin)
		if err != nil || strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") != "localhost" || u.Port() != "8080" || u.User != nil || u.Path+u.RawQuery+u.Fragment != "" {
			t.Fatalf("%q counts as our own origin: %+v, %v", origin, u, err)
		}
	})
}
