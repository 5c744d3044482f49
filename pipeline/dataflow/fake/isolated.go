package fake

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
)

// Roles that a test's program plays when it is started again.
const (
	roleVariable  = "WHATIF_FAKE_DATAFLOW_ROLE"
	orderVariable = "WHATIF_FAKE_DATAFLOW_ORDER"
	isolatedRole  = "isolated"
	prismRole     = "prism"
)

// Isolated is for a TestMain: it starts the program again in a network of its own, with nothing but a loopback,
// and has the tests run there. The result is the exit status.
//
//	func TestMain(m *testing.M) { os.Exit(fake.Isolated(m.Run)) }
func Isolated(run func() int) int {
	switch os.Getenv(roleVariable) {
	case prismRole:
		if err := runOnPrism(os.Getenv(orderVariable), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	case isolatedRole:
		if err := errors.Join(loopbackUp(), onlyLoopback()); err != nil {
			fmt.Fprintln(os.Stderr, "fake dataflow:", err)
			return 1
		}
		return run()
	}
	status, err := again()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fake dataflow: this machine can't give tests a network of their own, where alone Prism may run:", err)
		return 1
	}
	return status
}

// again runs this program in a network of its own.
func again() (status int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), roleVariable+"="+isolatedRole)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := ownNetwork(cmd); err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	defer signal.Stop(signals) // the terminal tells the other one too; this one waits for it
	release, err := start(cmd)
	if err != nil {
		return 0, err
	}
	defer release()
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

// withoutRole is an environment for programs that play none.
func withoutRole(environment []string) []string {
	return slices.DeleteFunc(slices.Clone(environment), func(v string) bool {
		return strings.HasPrefix(v, roleVariable+"=") || strings.HasPrefix(v, orderVariable+"=")
	})
}

// onlyLoopback is nil if this process sees no network interface that is up but the loopback.
func onlyLoopback() error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return fmt.Errorf("list the network interfaces: %w", err)
	}
	return alone(interfaces)
}

func alone(interfaces []net.Interface) error {
	for _, i := range interfaces {
		// Kernels with tunnels built in put their unused fallback devices into each new namespace.
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagUp != 0 {
			return fmt.Errorf("Prism may run only where nothing but the loopback is: this process sees %s", i.Name)
		}
	}
	return nil
}
