package pipeline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/transforms"
	"github.com/whatif-machine/whatif/transforms/killpoint"
)

// RunJob is the life of a job's process: it reads an order from in, runs it, and writes what happens
// to out. It is not for people: the supervisor of Run starts it and reads it. What Beam logs goes to
// logs. The error is about the conversation; how the job went is its last message.
//
// When in ends without a word the supervisor is gone, and so is the job soon. One elsewhere goes on.
func RunJob(ctx context.Context, in io.Reader, out, logs io.Writer) error {
	lines := bufio.NewReader(in)
	o, err := readOrder(lines)
	if err != nil {
		return err
	}
	quietBeam(logs)
	if o.HeapBytes > 0 {
		debug.SetMemoryLimit(o.HeapBytes)
	}
	killpoint.Here("pipeline.job_order_read")
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t := &teller{out: out}
	c := &conversation{teller: t, cancel: cancel, turns: map[string]chan struct{}{}}
	go c.listen(lines)
	if o.SilenceM > 0 {
		stop := c.watch(time.Duration(o.SilenceM)*time.Millisecond, endMyself)
		defer stop()
	}
	if o.Errand != nil {
		t.tell(runErrand(ctx, o, t))
	} else {
		t.tell(endOf(ctx, o.Job, runOrder(ctx, o, c)))
	}
	killpoint.Here("pipeline.job_ended")
	return t.failure()
}

func readOrder(lines *bufio.Reader) (order, error) {
	var o order
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return o, fmt.Errorf("pipeline: run-job reads its order from standard input; `whatif run` starts it: %w", err)
	}
	if err := json.Unmarshal(line, &o); err != nil {
		return o, fmt.Errorf("pipeline: the order on standard input: %w", err)
	}
	return o, nil
}

// runOrder runs the job and tells of its variants and counters meanwhile.
func runOrder(ctx context.Context, o order, c *conversation) error {
	if err := o.Job.Check(); err != nil {
		return err
	}
	runner, err := runnerNamed(o.Runner, o.Network)
	if err != nil {
		return err
	}
	defer transforms.Watch(o.Job, c.pass)()
	if o.Tokens {
		defer transforms.Gate(o.Job, c.want)()
	}
	// The execution gets a context of its own: cancelling goes through the runner, which knows how.
	execution, err := runner.Start(context.WithoutCancel(ctx), Build(o.Job))
	if err != nil {
		return err
	}
	told := tellProgress(execution, c.teller, time.Duration(o.TellEveryM)*time.Millisecond)
	release := context.AfterFunc(ctx, execution.Cancel)
	err = execution.Wait()
	release()
	told()
	return err
}

// tellProgress tells of the counters until the function it returns is called, and a last time then.
func tellProgress(e Execution, t *teller, every time.Duration) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	tell := func() {
		if c, ok := e.Counters(context.Background()); ok {
			t.tell(message{Kind: kindProgress, Counters: &c})
		}
	}
	go func() {
		defer close(ended)
		ticker := time.NewTicker(max(every, time.Millisecond))
		defer ticker.Stop()
		for {
			select {
			case <-quit:
				tell()
				return
			case <-ticker.C:
				tell()
			}
		}
	}()
	return func() { close(quit); <-ended }
}

// endOf is the last message of a job.
func endOf(ctx context.Context, job transforms.Job, err error) message {
	m := message{Kind: kindEnd}
	switch {
	case err == nil:
		m.Ending = endDone
	case ctx.Err() != nil:
		m.Ending = endCancelled
	case errors.Is(err, transforms.ErrRecycle) || transforms.NeedsRecycling(job):
		m.Ending = endRecycle
	default:
		m.Ending = endFailed
		if lost := transforms.Lost(job); lost != nil {
			err = lost
		}
		m.Message = err.Error()
		m.Reason = model.Reason(model.FaultOf(err).Reason)
	}
	return m
}

// quietBeam keeps Beam's chatter out of the terminal: errors only, on the job's log.
func quietBeam(logs io.Writer) {
	handler := slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelError})
	slog.SetDefault(slog.New(handler))
	beamlog.SetLogger(beamLogger{slog.New(handler)})
}

type beamLogger struct{ log *slog.Logger }

func (b beamLogger) Log(ctx context.Context, severity beamlog.Severity, _ int, text string) {
	if severity >= beamlog.SevError {
		b.log.ErrorContext(ctx, text)
	}
}
