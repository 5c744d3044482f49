package pipeline

import (
	"context"
	"errors"
	"sync"
)

// admission asks for tokens on behalf of one job and gives them back:
//
//	job: want --> ask .. Acquire .. grants --> enter --> job: go
//	job: committed, given_up --> leave;  the job has ended: close
//
// Only grants is touched by other goroutines than the supervisor's.
type admission struct {
	tokens Tokens
	ctx    context.Context
	cancel context.CancelFunc
	asking sync.WaitGroup
	grants chan grant
	held   map[string]func() // by variant: gives its token back
	err    error             // that tokens are refused with
}

// grant answers a job that wants a token for a variant.
type grant struct {
	variant string
	release func()
	err     error
}

func newAdmission(ctx context.Context, tokens Tokens) *admission {
	a := &admission{tokens: tokens, grants: make(chan grant), held: map[string]func(){}}
	a.ctx, a.cancel = context.WithCancel(ctx)
	return a
}

// ask waits for a token beside all else. One that comes too late is given back.
func (a *admission) ask(variant string) {
	if a.tokens == nil {
		return // the job was not told to ask
	}
	a.asking.Go(func() {
		release, err := a.tokens.Acquire(a.ctx)
		select {
		case a.grants <- grant{variant, release, err}:
		case <-a.ctx.Done():
			if err == nil {
				release()
			}
		}
	})
}

// enter keeps a token for its variant, and tells whether there is one.
func (a *admission) enter(g grant) bool {
	if g.err != nil {
		if a.ctx.Err() == nil {
			a.err = errors.Join(a.err, g.err)
		}
		return false
	}
	a.leave(g.variant)
	a.held[g.variant] = g.release
	return true
}

// leave gives a variant's token back.
func (a *admission) leave(variant string) {
	if release, ok := a.held[variant]; ok {
		delete(a.held, variant)
		release()
	}
}

// close gives everything back, and returns why tokens were refused, if they were. The job has ended.
func (a *admission) close() error {
	a.cancel()
	a.asking.Wait()
	for variant := range a.held {
		a.leave(variant)
	}
	return a.err
}
