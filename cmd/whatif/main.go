package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // time zones of configurations, on machines without a zone database

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/results"
)

// The exit statuses of the command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes the command line and returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once: the default action is back after the first.
	context.AfterFunc(ctx, stop)

	root := newRoot(&console{in: stdin, out: stdout, err: stderr})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return conclude(ctx, stderr, err)
}

// conclude prints an error the way a person reads it and maps it to the exit status.
func conclude(ctx context.Context, stderr io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errInterrupted) || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		if hint, ok := errors.AsType[*interruption](err); ok {
			fmt.Fprintln(stderr, hint.Error())
		} else {
			fmt.Fprintln(stderr, "whatif: interrupted")
		}
		return exitInterrupted
	}
	if problems, ok := errors.AsType[model.Problems](err); ok {
		fmt.Fprintln(stderr, problems.Error())
		fmt.Fprintf(stderr, "whatif: %s; nothing was run\n", count(len(problems), "error"))
		return exitUsage
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintln(stderr, "whatif:", strings.TrimPrefix(err.Error(), "whatif: "))
	}
	if wrongUse(err) {
		return exitUsage
	}
	return exitFailed
}

// wrongUse reports whether an error is the caller's: of the command line, of the input, of a name that there isn't.
func wrongUse(err error) bool {
	if _, ok := errors.AsType[*usageError](err); ok || errors.Is(err, results.ErrNotFound) {
		return true
	}
	if fault, ok := errors.AsType[*model.Fault](err); ok && fault.Reason == string(model.InvalidInput) {
		return true
	}
	// cobra has no types for these two.
	return strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "required flag")
}

// errInterrupted is what a run that was asked to stop returns.
var errInterrupted = errors.New("interrupted")

// errReported fails the command without another message: what failed has been printed.
var errReported = errors.New("failed")

// interruption says how to go on after a run was interrupted.
type interruption struct {
	simulation, results string
	goesOn              *pipeline.JobGoesOn // elsewhere, whatever was asked of it; nil: nothing does
}

func (i *interruption) Error() string {
	if i.goesOn != nil {
		return fmt.Sprintf("whatif: interrupted, and a job goes on: %s", strings.TrimPrefix(i.goesOn.Error(), "pipeline: "))
	}
	return fmt.Sprintf("whatif: interrupted; what is committed stays, go on with\n  whatif run --resume %s%s", i.simulation, resultsFlag(i.results))
}

func (i *interruption) Unwrap() error { return errInterrupted }

// usageError is a wrong use of the command: exit status 2.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

// usage makes a usage error with a message.
func usage(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}
