package hooks

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
)

var operatorHosts = []string{
	"hooks.example.com", "*.partner.example", "ports.example.com:8443", "127.0.0.1:9000", "localhost:9001", "10.1.2.3", "[::1]:9002", "fd00::7",
	"*.ports.example:444",
}

func TestCheckURL(t *testing.T) {
	good := []string{
		"https://hooks.example.com/", "https://hooks.example.com", "https://HOOKS.example.com:443/a/b?token=x", "https://a.partner.example/x",
		"https://a.b.partner.example/x", "https://ports.example.com:8443/", "http://127.0.0.1:9000/hook", "https://127.0.0.1:9000/hook",
		"http://localhost:9001/", "https://localhost:9001/", "https://10.1.2.3/", "http://[::1]:9002/", "https://[fd00::7]/", "https://[FD00:0::7]:443/",
		"https://x.ports.example:444/", "http://[::ffff:127.0.0.1]:9000/",
	}
	for _, u := range good {
		if err := CheckURL(u, operatorHosts); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	bad := []string{
		// no URL of the kind
		"", "hooks.example.com", "//hooks.example.com/", "https:hooks.example.com", "https:/hooks.example.com", "https:///", "https://", "javascript:alert(1)",
		"file:///etc/passwd", "ftp://hooks.example.com/", "gopher://hooks.example.com/", "ws://hooks.example.com/", "https://hooks.example.com/\r\nX: y",
		"https://hooks.example.com/#x", "https://hooks.example.com/#", " https://hooks.example.com/", "https://hooks.example.com:/", "https://hooks.example.com/%zz",
		"https://" + strings.Repeat("a", 2000), "https://hooks.example.com/" + strings.Repeat("a", 2000),
		// plain http
		"http://hooks.example.com/", "http://10.1.2.3:443/", "http://10.1.2.3/", "http://a.partner.example:443/",
		// other hosts, or what looks like ours
		"https://evil.example/", "https://partner.example/", "https://hooks.example.com.evil.example/", "https://xhooks.example.com/", "https://evilpartner.example/",
		"https://.partner.example/", "https://a..partner.example/", "https://hooks.example.com./", "https://*.partner.example/",
		"https://hooks.example.com@evil.example/", "https://evil.example#@hooks.example.com/", "https://evil.example\\@hooks.example.com/",
		"https://user:pw@hooks.example.com/", "https://user@hooks.example.com/", "https://@hooks.example.com/", "https://hooks.example.com%2eevil.example/",
		"https://hooks%2eexample.com/", "https://ｈooks.example.com/", "https://hooks。example.com/", "https://hooks.example.com%00.evil.example/",
		"https://127.0.0.1.partner.example.evil.example/",
		// other ports
		"https://hooks.example.com:80/", "https://hooks.example.com:8443/", "https://ports.example.com/", "https://x.ports.example/", "https://hooks.example.com:0/",
		"https://hooks.example.com:99999/", "https://hooks.example.com:-1/", "https://hooks.example.com:443443/", "http://127.0.0.1:9001/", "http://localhost:9000/",
		// addresses of the own network
		"https://127.0.0.1/", "http://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://169.254.169.254/latest/meta-data/", "http://169.254.169.254/",
		"https://[fd00:ec2::254]/", "https://10.1.2.4/", "https://192.168.0.1/", "https://0.0.0.0/", "https://[::]/", "https://0/", "https://127.1/", "https://2130706433/",
		"https://0x7f000001/", "https://0177.0.0.1/", "https://0x7f.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]:9001/", "https://[fe80::1%25eth0]/",
		"https://[::1%25lo]:9002/", "https://[127.0.0.1]:9000/", "https://127.0.0.1.:9000/", "https://1.2.3.4.partner.example.5/",
	}
	for _, u := range bad {
		if err := CheckURL(u, operatorHosts); err == nil {
			t.Errorf("%s was accepted", u)
		}
	}
}

// Errors are shown and logged: a password or token in the URL must not be in them.
func TestCheckURLKeepsSecrets(t *testing.T) {
	for _, u := range []string{"https://user:hunter2@hooks.example.com/", "https://evil.example/?token=hunter2", "https://x:hunter2@%zz/", "gopher://hunter2"} {
		err := CheckURL(u, operatorHosts)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestCheckURLWithoutHosts(t *testing.T) {
	if err := CheckURL("https://hooks.example.com/", nil); err == nil || !strings.Contains(err.Error(), "off") {
		t.Error(err)
	}
}

func TestCheckHosts(t *testing.T) {
	if err := CheckHosts(operatorHosts); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "*", "*.", "*.*.example.com", "https://hooks.example.com", "hooks.example.com/", "a b", "*.10.0.0.1", "*.localhost", "x:0", "x:y", "user@x", "127.1", "."} {
		if err := CheckHosts([]string{bad}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// An entry that is not understood allows nothing, not everything.
func TestWrongEntriesAllowNothing(t *testing.T) {
	for _, entry := range []string{"", "*", "*.", ".", "*.com:x", "https://hooks.example.com"} {
		if err := CheckURL("https://hooks.example.com/", []string{entry}); err == nil {
			t.Errorf("%q allows hooks.example.com", entry)
		}
	}
}

// FuzzCheckURL: what is accepted leads, by net/url's reading, to an entry of the list and nowhere else.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{
		"https://hooks.example.com/x", "https://a.partner.example", "http://127.0.0.1:9000", "http://[::1]:9002/", "https://hooks.example.com@evil.example/",
		"https://evil.example\\@hooks.example.com/", "https://[::ffff:10.1.2.3]/", "https://ports.example.com:8443?x", "https://hooks.example.com%2eevil.example",
	} {
		f.Add(seed)
	}
	names := []string{"hooks.example.com:443", "ports.example.com:8443", "127.0.0.1:9000", "localhost:9001", "10.1.2.3:443", "::1:9002", "fd00::7:443"}
	f.Fuzz(func(t *testing.T, text string) {
		if CheckURL(text, operatorHosts) != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.User != nil || u.Fragment != "" || len(text) > 2000 {
			t.Fatalf("%q was accepted: %+v, %v", text, u, err)
		}
		name, port := strings.ToLower(u.Hostname()), u.Port()
		if ip, err := netip.ParseAddr(name); err == nil {
			name = ip.Unmap().String()
		}
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		for len(port) > 1 && port[0] == '0' {
			port = port[1:]
		}
		below := port == "443" && strings.HasSuffix(name, ".partner.example") || port == "444" && strings.HasSuffix(name, ".ports.example")
		if !below && !slices.Contains(names, name+":"+port) {
			t.Fatalf("%q was accepted: %s:%s", text, name, port)
		}
		if u.Scheme != "https" && !slices.Contains([]string{"127.0.0.1", "localhost", "::1"}, name) {
			t.Fatalf("%q was accepted without TLS", text)
		}
	})
}
