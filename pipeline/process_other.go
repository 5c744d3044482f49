//go:build !linux

package pipeline

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// setAttributes refuses isolation, which only Linux can give a process.
func setAttributes(_ *exec.Cmd, isolated bool) error {
	if isolated {
		return isolate("")
	}
	return nil
}

func startError(command []string, _ string, err error) error {
	return fmt.Errorf("pipeline: start %s: %w", strings.Join(command, " "), err)
}

// networkNamespace is unknown: there is one network for all.
func networkNamespace() (string, error) { return "", errNoNamespaces }

func isolate(outside string) error { return cannotIsolate(checkIsolated(outside)) }

var errNoNamespaces = errors.New("it has no network namespaces; only Linux does")

// limitData can't be had: the collector's own limit remains.
func limitData(int64) error { return nil }
