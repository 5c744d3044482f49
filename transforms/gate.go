package transforms

import "sync"

// gates hold the variants of a job back until each is let in.
var gates = struct {
	sync.Mutex
	of map[jobKey]func(string) <-chan struct{}
}{of: map[jobKey]func(string) <-chan struct{}{}}

// Gate has each variant of a job in this process ask before it is begun: enter is called with its id, and
// the variant waits until the channel it returns is closed. It holds until stop is called.
func Gate(job Job, enter func(variant string) <-chan struct{}) (stop func()) {
	gates.Lock()
	defer gates.Unlock()
	gates.of[job.key()] = enter
	return func() {
		gates.Lock()
		defer gates.Unlock()
		delete(gates.of, job.key())
	}
}

// open is what a job without a gate waits for.
var open = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// entrance is closed once a variant may begin.
func (s *study) entrance(variant string) <-chan struct{} {
	gates.Lock()
	enter := gates.of[s.job.key()]
	gates.Unlock()
	if enter == nil {
		return open
	}
	return enter(variant)
}
