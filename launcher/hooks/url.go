package hooks

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// maxURL bounds a webhook's URL in bytes.
const maxURL = 2000

// target is where a checked URL leads.
type target struct {
	name string // a DNS name in lower case, or an IP address
	port string
}

func (t target) String() string {
	if strings.Contains(t.name, ":") {
		return "[" + t.name + "]:" + t.port
	}
	return t.name + ":" + t.port
}

// own is an address that the operator allowed by itself: it may be of the own network.
func (t target) own() bool {
	_, err := netip.ParseAddr(t.name)
	return err == nil || t.name == "localhost"
}

// loopback reports whether what is sent never leaves the machine.
func (t target) loopback() bool {
	ip, err := netip.ParseAddr(t.name)
	return err == nil && ip.IsLoopback() || t.name == "localhost"
}

// CheckURL says why a webhook's URL can't be used, or nil. hosts are what the operator allowed: a name
// (`hooks.example.com`), all names below one (`*.example.com`), or an address (`10.1.2.3`); each with
// `:port` if that is not 443. Plain http is for loopback addresses and localhost only.
//
// It looks nothing up: which addresses a name has is checked when it is connected to.
func CheckURL(text string, hosts []string) error {
	_, err := parseURL(text, hosts)
	return err
}

func parseURL(text string, hosts []string) (target, error) {
	if len(hosts) == 0 {
		return target{}, errors.New("webhooks are off: no host was allowed when the launcher was started")
	}
	t, scheme, err := splitURL(text)
	if err != nil {
		return target{}, err
	}
	if !allowed(t, hosts) {
		return target{}, fmt.Errorf("host %s is not among those that webhooks may go to (%s)", t, strings.Join(hosts, ", "))
	}
	if scheme != "https" && !t.loopback() {
		return target{}, fmt.Errorf("webhook URLs begin with https://, not %s://", scheme)
	}
	return t, nil
}

// splitURL takes a URL apart and refuses what a webhook's can't have.
func splitURL(text string) (t target, scheme string, err error) {
	if len(text) > maxURL {
		return t, "", fmt.Errorf("a webhook URL has at most %d bytes, not %d", maxURL, len(text))
	}
	u, err := url.Parse(text)
	if err != nil { // the error repeats the URL, and it may have a password
		return t, "", errors.New("the webhook URL is not understood: write https://host/path")
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Opaque != "" {
		return t, "", errors.New("a webhook URL begins with https://")
	}
	if u.User != nil {
		return t, "", errors.New("a webhook URL has no user and password: requests are signed instead")
	}
	if u.Fragment != "" || strings.Contains(text, "#") {
		return t, "", errors.New("a webhook URL has no fragment (#..): it is never sent")
	}
	t, err = splitTarget(u.Hostname(), u.Port(), u.Scheme)
	if err == nil && strings.HasSuffix(u.Host, ":") {
		err = errors.New("the webhook URL has a colon but no port")
	}
	return t, u.Scheme, err
}

// splitTarget brings name and port into the spelling they are compared in.
func splitTarget(name, port, scheme string) (target, error) {
	if ip, err := netip.ParseAddr(name); err == nil {
		if ip.Zone() != "" {
			return target{}, errors.New("an address with a zone is not reachable by a webhook")
		}
		name = ip.Unmap().String()
	} else if !isName(name) {
		return target{}, fmt.Errorf("%.100q is no host name; international ones are written in their ASCII form (xn--..)", name)
	}
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return target{}, fmt.Errorf("%.20q is no port", port)
	}
	return target{name: strings.ToLower(name), port: strconv.FormatUint(n, 10)}, nil
}

// isName reports whether a text is a DNS name of letters, digits and hyphens. Names that end in a number
// (127.1, 0x7f000001, 2130706433) are refused: some resolvers take them for addresses (WHATWG URL, 3.5).
func isName(name string) bool {
	if len(name) > 253 {
		return false
	}
	labels := strings.Split(strings.ToLower(name), ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	_, err := strconv.ParseUint(last, 0, 64)
	return err != nil && (last[0] < '0' || last[0] > '9')
}

// allowed looks a target up in the operator's list. An entry that is not understood allows nothing.
func allowed(t target, hosts []string) bool {
	for _, entry := range hosts {
		name, below := strings.CutPrefix(strings.ToLower(entry), "*.")
		e, err := parseEntry(name)
		if err != nil || e.port != t.port {
			continue
		}
		if !below && e.name == t.name || below && !e.own() && !t.own() && strings.HasSuffix(t.name, "."+e.name) {
			return true
		}
	}
	return false
}

// parseEntry reads host or host:port of the operator's list.
func parseEntry(entry string) (target, error) {
	if ip, err := netip.ParseAddr(entry); err == nil { // an IPv6 address without brackets
		return splitTarget(ip.String(), "", "https")
	}
	u, err := url.Parse("https://" + entry)
	if err != nil || u.Host != entry {
		return target{}, fmt.Errorf("webhook host %q is not understood: write a name, *.name or an address, and :port if it is not 443", entry)
	}
	return splitTarget(u.Hostname(), u.Port(), "https")
}

// CheckHosts says which entry of the operator's list is not understood.
func CheckHosts(hosts []string) error {
	var wrong []error
	for _, entry := range hosts {
		name, below := strings.CutPrefix(strings.ToLower(entry), "*.")
		t, err := parseEntry(name)
		if err == nil && below && t.own() {
			err = errors.New("only names have others below them")
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("webhook host %q: %w", entry, err))
		}
	}
	return errors.Join(wrong...)
}
