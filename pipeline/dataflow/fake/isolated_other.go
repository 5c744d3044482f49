//go:build !linux

package fake

import (
	"errors"
	"os/exec"
)

var errNoNamespaces = errors.New("only Linux gives a program a network of its own")

func ownNetwork(*exec.Cmd) error { return errNoNamespaces }

func dieTogether(*exec.Cmd) {}

func start(cmd *exec.Cmd) (release func(), err error) { return func() {}, cmd.Start() }

func loopbackUp() error { return errNoNamespaces }
