package pipeline

import (
	"errors"
	"fmt"
	"net"
)

// Prism listens on every interface, without asking who is there, and starts any program it is asked
// to: whoever reaches its port runs code here. So it runs in a network of its own or not at all.

// cannotIsolate is the refusal to run Prism in the open.
func cannotIsolate(why error) error {
	return fmt.Errorf("pipeline: this machine can't isolate Prism: %w; use --runner %s", why, Direct)
}

// checkIsolated is nil if this process has another network than its supervisor, where a listener is
// reachable by nobody else.
func checkIsolated(outside string) error {
	inside, err := networkNamespace()
	if err != nil {
		return err
	}
	if outside == "" || inside == outside {
		return errors.New("the job's process has no network of its own")
	}
	return onlyLoopback()
}

// onlyLoopback is nil if this process sees no network interface but the loopback.
func onlyLoopback() error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("list the network interfaces: %w", err)
	}
	for _, i := range interfaces {
		// Kernels with tunnels built in put their unused fallback devices into each new namespace.
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagUp != 0 {
			return fmt.Errorf("the job's process still sees the network interface %s", i.Name)
		}
	}
	return nil
}
