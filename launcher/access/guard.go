package access

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// GuardOptions say which names and pages a launcher answers.
type GuardOptions struct {
	Listen  string   // address listened on, host:port
	Hosts   []string // further Host headers: a name (any port) or name:port
	Origins []string // further origins that browsers may ask from: scheme://host[:port]
	// Public says what any page may GET: nothing of a tenant. Default: nothing.
	Public func(*http.Request) bool
	// Refuse answers a request that is not let through: 403 or 421, a code for problems, and a sentence.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
}

// Codes of the guard's refusals.
const (
	CodeHostNotAllowed   = "HOST_NOT_ALLOWED"   // 421
	CodeOriginNotAllowed = "ORIGIN_NOT_ALLOWED" // 403
)

// guard is what GuardOptions say, made ready to compare.
type guard struct {
	hosts   map[string]bool // name, or name:port
	anyIP   bool            // listens on all addresses: any address is its own
	origins map[string]bool
	public  func(*http.Request) bool
	refuse  func(w http.ResponseWriter, r *http.Request, status int, code, detail string)
}

// Guard refuses requests that a browser was tricked into: under a name that is not the launcher's (DNS
// rebinding), or from a page of another origin. It answers the CORS preflights of the allowed origins.
// Programs that are no browsers send neither Origin nor Sec-Fetch-Site and need only the right Host.
//
// It is stricter than http.CrossOriginProtection, which lets every GET pass and does not look at hosts: here
// a page elsewhere can't read or embed anything either, only link to it.
func Guard(o GuardOptions) (func(http.Handler) http.Handler, error) {
	g := &guard{hosts: map[string]bool{}, origins: map[string]bool{}, public: o.Public, refuse: o.Refuse}
	if g.public == nil {
		g.public = func(*http.Request) bool { return false }
	}
	if g.refuse == nil {
		g.refuse = func(w http.ResponseWriter, _ *http.Request, status int, _, detail string) {
			http.Error(w, detail, status)
		}
	}
	if err := errors.Join(g.addListen(o.Listen), g.addHosts(o.Hosts), g.addOrigins(o.Origins)); err != nil {
		return nil, err
	}
	return g.handler, nil
}

func (g *guard) addListen(listen string) error {
	if listen == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("listen address %q: %w; write host:port", listen, err)
	}
	ip, err := netip.ParseAddr(host)
	if host == "" || err == nil && ip.IsUnspecified() {
		g.anyIP = true
		return nil
	}
	g.hosts[canonicalName(host)+":"+port] = true
	return nil
}

func (g *guard) addHosts(hosts []string) error {
	for _, host := range hosts {
		name, port, ok := splitHost(host)
		if !ok {
			return fmt.Errorf("allowed host %q is none: write a name such as whatif.example.com, or name:port", host)
		}
		if port != "" {
			name += ":" + port
		}
		g.hosts[name] = true
	}
	return nil
}

func (g *guard) addOrigins(origins []string) error {
	for _, text := range origins {
		origin, ok := parseOrigin(text)
		if !ok {
			return fmt.Errorf("allowed origin %q is none: write scheme://host[:port], such as https://ads.example.com", text)
		}
		g.origins[origin] = true
	}
	return nil
}

func (g *guard) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !g.ownHost(r.Host) {
			g.refuse(w, r, http.StatusMisdirectedRequest, CodeHostNotAllowed,
				fmt.Sprintf("%.100q is not a name of this launcher; start it with this allowed host if it should be", r.Host))
			return
		}
		w.Header().Add("Vary", "Origin")
		origin, foreign := g.foreignPage(r)
		if !foreign {
			next.ServeHTTP(w, r)
			return
		}
		if origin != "" && g.origins[origin] {
			g.answerAllowed(w, r, next)
			return
		}
		if isLink(r) || isRead(r) && g.public(r) {
			next.ServeHTTP(w, r)
			return
		}
		g.refuse(w, r, http.StatusForbidden, CodeOriginNotAllowed,
			"a page of another origin asked; start the launcher with this allowed origin if it may")
	})
}

// ownHost reports whether a Host header names this launcher.
func (g *guard) ownHost(host string) bool {
	name, port, ok := splitHost(host)
	if !ok {
		return false
	}
	if name == "localhost" || g.hosts[name] || port != "" && g.hosts[name+":"+port] {
		return true
	}
	// A rebound name is never an address, so that an address in the Host header was asked for on purpose.
	ip, err := netip.ParseAddr(name)
	return err == nil && (ip.IsLoopback() || g.anyIP)
}

// foreignPage reports whether a page of another origin made a browser send the request, and which one
// where that is known ("" otherwise, also for the opaque origin `null`).
func (g *guard) foreignPage(r *http.Request) (origin string, foreign bool) {
	switch origins := r.Header.Values("Origin"); len(origins) {
	case 0:
	case 1:
		origin, ok := parseOrigin(origins[0])
		if !ok {
			return "", true
		}
		return origin, !isOwn(origin, r.Host)
	default:
		return "", true
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin": // no browser, or an old one; typed by the user; our own page
		return "", false
	}
	return "", true // cross-site or same-site: another port of this machine is the same site
}

// isOwn compares an origin with the Host that was asked. The scheme is left out: behind a proxy that
// ends TLS the launcher does not know it, and one port does not serve both.
func isOwn(origin, host string) bool {
	scheme, rest, _ := strings.Cut(origin, "://")
	own, ok := parseOrigin(scheme + "://" + host)
	return ok && own == scheme+"://"+rest
}

// isRead reports whether a request changes nothing.
func isRead(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// isLink reports whether a person followed a link: the answer is shown as a page of ours, and the other
// page can't read it. Not in a frame, where it could be clicked on unawares.
func isLink(r *http.Request) bool {
	return isRead(r) && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// splitHost takes a Host header apart, in canonical spelling; port is empty if there is none.
func splitHost(host string) (name, port string, ok bool) {
	name = host
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || port != strconv.FormatUint(n, 10) || n == 0 {
			return "", "", false
		}
	}
	if inner, found := strings.CutPrefix(name, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		ip, err := netip.ParseAddr(inner)
		return canonicalName(inner), port, found && err == nil && ip.Is6() && ip.Zone() == ""
	}
	return canonicalName(name), port, isHostName(name)
}

// canonicalName spells a name or address as it is compared.
func canonicalName(name string) string {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// isHostName reports whether a name has only letters, digits, hyphens, underscores and dots between them.
func isHostName(name string) bool {
	if name == "" || len(name) > 253 || strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		return false
	}
	return strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// parseOrigin brings an origin (RFC 6454, 6.2) into its canonical spelling: without the scheme's own port.
func parseOrigin(text string) (string, bool) {
	scheme, rest, found := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "http" && scheme != "https" {
		return "", false
	}
	name, port, ok := splitHost(rest)
	if !ok {
		return "", false
	}
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port == "" || scheme == "http" && port == "80" || scheme == "https" && port == "443" {
		return scheme + "://" + name, true
	}
	return scheme + "://" + name + ":" + port, true
}
