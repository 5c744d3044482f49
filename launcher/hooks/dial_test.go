package hooks

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestPublic(t *testing.T) {
	for _, a := range []string{
		"8.8.8.8", "1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "192.0.1.1", "11.0.0.0", "223.255.255.254",
		"2606:4700:4700::1111", "2a00:1450:4001:800::200e", "2620:fe::fe", "::ffff:8.8.8.8",
	} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s is public", a)
		}
	}
	for _, a := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254", "169.254.0.1",
		"172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::7f00:1", "::10.0.0.1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1",
		"fc00::1", "fd00:ec2::254", "fdff::1", "ff02::1", "ff0e::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::",
		"2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1", "4000::1", "5f00::1", "2606:4700::1%eth0",
	} {
		if public(netip.MustParseAddr(a)) {
			t.Errorf("%s is not public", a)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is not public")
	}
}

// trap is a listener on loopback that nothing may connect to.
func trap(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sprung := make(chan struct{})
	go func() {
		defer close(sprung)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Error("a connection was made")
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-sprung })
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// answers is a resolver that gives one answer after the other, and then the last one.
func answers(all ...string) Lookup {
	return func(context.Context, string, string) ([]netip.Addr, error) {
		var list []netip.Addr
		for _, a := range strings.Fields(all[0]) {
			list = append(list, netip.MustParseAddr(a))
		}
		if len(all) > 1 {
			all = all[1:]
		}
		return list, nil
	}
}

func everything(target) bool { return true }

// A name that points into the own network is not connected to, at whichever lookup it does.
func TestDialRefusesRebinding(t *testing.T) {
	port := trap(t)
	for _, answer := range []string{
		"127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "10.0.0.1", "169.254.169.254", "fd00:ec2::254", "64:ff9b::7f00:1", "192.0.2.1 127.0.0.1",
		"8.8.8.8 127.0.0.1", "127.0.0.1 8.8.8.8", "fe80::1%lo",
	} {
		d := &dialer{lookup: answers(answer), allowed: everything, timeout: time.Second}
		if _, err := d.DialContext(t.Context(), "tcp", "hooks.example.com:"+port); !errors.Is(err, errNotPublic) {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

// Should an address get past the resolver's check, the system call's does not let it.
func TestDialChecksAtTheSystemCall(t *testing.T) {
	port := trap(t)
	d := &dialer{timeout: time.Second}
	for _, address := range []string{"127.0.0.1", "[::ffff:127.0.0.1]"} {
		_, err := d.connect(t.Context(), target{name: "hooks.example.com", port: port}, "tcp", address+":"+port)
		if !errors.Is(err, errNotPublic) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// Who is not on the operator's list is not even looked up; localhost is what is on this machine.
func TestDialRefusesOthers(t *testing.T) {
	port := trap(t)
	looked := false
	d := &dialer{allowed: func(t target) bool { return t.name == "localhost" }, timeout: time.Second, lookup: func(context.Context, string, string) ([]netip.Addr, error) {
		looked = true
		return []netip.Addr{netip.MustParseAddr("8.8.8.8")}, nil
	}}
	if _, err := d.DialContext(t.Context(), "tcp", "evil.example:"+port); err == nil || looked {
		t.Errorf("%v, looked up: %v", err, looked)
	}
	if _, err := d.DialContext(t.Context(), "tcp", "127.0.0.1:"+port); err == nil {
		t.Error("an address that is not on the list was connected to")
	}
	if _, err := d.DialContext(t.Context(), "tcp", "localhost:"+port); err == nil || !strings.Contains(err.Error(), "no loopback") {
		t.Error(err)
	}
}

// Lookups that fail, or find nothing, say so.
func TestDialLookupFails(t *testing.T) {
	lost := errors.New("server misbehaving")
	d := &dialer{allowed: everything, timeout: time.Second, lookup: func(context.Context, string, string) ([]netip.Addr, error) { return nil, lost }}
	if _, err := d.DialContext(t.Context(), "tcp", "hooks.example.com:443"); !errors.Is(err, lost) {
		t.Error(err)
	}
	d.lookup = func(context.Context, string, string) ([]netip.Addr, error) { return nil, nil }
	if _, err := d.DialContext(t.Context(), "tcp", "hooks.example.com:443"); err == nil {
		t.Error("a name without address was connected to")
	}
}
