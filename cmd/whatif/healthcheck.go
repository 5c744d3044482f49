package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthcheckWithin bounds one question; Docker's own default for a check is 30 s.
const healthcheckWithin = 5 * time.Second

// healthcheckCommand asks the launcher of this machine how it is. It is what the container image's
// HEALTHCHECK runs, since the image holds no other program; people look at /readyz.
func (c *console) healthcheckCommand() *cobra.Command {
	s := newSettings()
	ready := false
	cmd := &cobra.Command{
		Use:    "healthcheck",
		Short:  "Ask the launcher of this machine whether it is alive; exit 0 or 1",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.settle(); err != nil {
				return err
			}
			address, err := ownAddress(s.Listen)
			if err != nil {
				return usage("--listen: %w", err)
			}
			path := "/healthz"
			if ready {
				path = "/readyz"
			}
			return askHealth(cmd.Context(), "http://"+address+path)
		},
	}
	s.flagsOf(cmd, "listen", "config")
	cmd.Flags().BoolVar(&ready, "ready", false, "whether it can take requests: its store, results and warehouse answer")
	return cmd
}

// ownAddress is where a launcher that listens on an address is asked from its own machine: one that
// listens on all addresses, on loopback.
func ownAddress(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip == netip.IPv4Unspecified() {
		host = "127.0.0.1"
	} else if err == nil && ip == netip.IPv6Unspecified() {
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}

// maxHealthBody is as much of an answer as is read and shown.
const maxHealthBody = 4 << 10

// askHealth is nil if an address answers 200. No proxy is asked, whatever the environment says.
func askHealth(ctx context.Context, address string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, healthcheckWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return fmt.Errorf("the launcher does not answer: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxHealthBody))
	if err != nil {
		return fmt.Errorf("the launcher's answer broke off: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s: %s", address, response.Status, strings.TrimSpace(string(body)))
	}
	return nil
}
