package hooks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// errNotPublic is why a connection is not made.
var errNotPublic = errors.New("webhooks go to public addresses only; an operator allows another by its address and port")

// Lookup resolves a name; net.Resolver.LookupNetIP is one.
type Lookup func(ctx context.Context, network, name string) ([]netip.Addr, error)

// dialer connects to targets that the operator allowed, and to nothing that only looks like one.
type dialer struct {
	lookup  Lookup
	allowed func(target) bool // as in CheckURL
	timeout time.Duration     // of one connection
}

// DialContext resolves, checks and connects. A name that has one address of the own network is refused
// whole: public and private in one answer is how rebinding begins.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	t, err := splitTarget(name, port, "https")
	if err != nil {
		return nil, err
	}
	if !d.allowed(t) {
		return nil, fmt.Errorf("host %s is not among those that webhooks may go to", t)
	}
	addresses, err := d.resolve(ctx, t)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, a := range addresses {
		conn, err := d.connect(ctx, t, network, net.JoinHostPort(a.String(), t.port))
		if err == nil {
			return conn, nil
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}

// resolve returns the addresses of a target, all of which may be connected to.
func (d *dialer) resolve(ctx context.Context, t target) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(t.name); err == nil {
		return []netip.Addr{ip}, permits(t, ip)
	}
	addresses, err := d.lookup(ctx, "ip", t.name)
	if err != nil {
		return nil, fmt.Errorf("looking up %s: %w", t.name, err)
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("%s has no address", t.name)
	}
	for _, a := range addresses {
		if err := permits(t, a); err != nil {
			return nil, err
		}
	}
	return addresses[:min(len(addresses), 4)], nil
}

// connect makes the connection. What is connected to is checked once more at the system call, so that
// nothing between here and there can put another address in.
func (d *dialer) connect(ctx context.Context, t target, network, to string) (net.Conn, error) {
	plain := net.Dialer{Timeout: d.timeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return permits(t, at.Addr())
	}}
	return plain.DialContext(ctx, network, to)
}

// permits says why a target may not be reached at an address: a name only at public ones, localhost
// only on loopback, an address that the operator allowed only at itself.
func permits(t target, a netip.Addr) error {
	a = a.Unmap()
	switch {
	case t.name == "localhost" && a.IsLoopback():
		return nil
	case t.name == "localhost":
		return fmt.Errorf("localhost is %s here, which is no loopback address", a)
	case t.own() && t.name == a.String():
		return nil
	case public(a):
		return nil
	}
	return fmt.Errorf("%s is at %s: %w", t.name, a, errNotPublic)
}

// special are the networks inside the public ranges that are not the public Internet, from the IANA
// special-purpose address registries, and Azure's metadata address, which is taken from the public space.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// globalUnicast is all of IPv6 that is given out to networks of the Internet (RFC 4291, 2.4 and IANA).
// Outside it are loopback, link-local, unique local (fd00:ec2::254), multicast and the embedded IPv4 of
// NAT64 and IPv4-compatible addresses.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// public reports whether an address is of the public Internet.
func public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" || a.Is6() && !globalUnicast.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}
