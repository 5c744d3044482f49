package limit

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/whatif-machine/whatif/launcher/store"
)

//go:embed take.lua
var takeSource string

// redisPrefix is before the names of all our keys in Redis.
const redisPrefix = "whatif:limit:"

// answerWithin is how long a request may wait for Redis.
const answerWithin = 50 * time.Millisecond

// SharedOptions of NewShared.
type SharedOptions struct {
	Logger *slog.Logger     // default: discards
	Now    func() time.Time // of the breaker; default: time.Now
}

// Shared keeps the buckets in Redis, for all launchers that use the same one. It lets requests pass
// while Redis is away, and takes it up again by itself.
type Shared struct {
	client   *redis.Client
	take     *redis.Script
	breaker  *breaker
	logger   *slog.Logger
	failures atomic.Int64
}

// quiet keeps the library from writing to the process's standard error: what concerns us we log.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

var silence = sync.OnceFunc(func() { redis.SetLogger(quiet{}) })

// NewShared returns a limiter over the Redis (or compatible server) at a redis:// or rediss:// URL. The
// server need not be there yet. Close it in the end.
func NewShared(url string, o SharedOptions) (*Shared, error) {
	options, err := redis.ParseURL(url)
	if err != nil { // the error might repeat a password
		return nil, errors.New("the limiter's URL is not understood: write redis://[user:password@]host:port[/number]")
	}
	silence()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = answerWithin, answerWithin, answerWithin
	options.PoolTimeout = answerWithin
	options.ContextTimeoutEnabled = true
	options.MaxRetries, options.DialerRetries = -1, 1 // a second try would take what the request can't wait
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &Shared{
		client: redis.NewClient(options), take: redis.NewScript(takeSource),
		breaker: &breaker{now: o.Now}, logger: o.Logger,
	}, nil
}

// Close gives up the connections.
func (s *Shared) Close() error {
	if err := s.client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("closing the shared limiter: %w", err)
	}
	return nil
}

// Failures implements Limiter: requests that passed because Redis was away.
func (s *Shared) Failures() int64 { return s.failures.Load() }

// Take implements Limiter.
func (s *Shared) Take(ctx context.Context, key string, t store.Tier) Decision {
	p, ok := paceOf(t)
	if !ok {
		return blocked(t)
	}
	if !s.breaker.allow() {
		return s.pass(p, t)
	}
	d, err := s.ask(ctx, key, p, t)
	opened, closed := s.breaker.report(err == nil)
	if opened {
		s.logger.Warn("the shared limiter does not answer: requests pass unlimited until it does", "error", err)
	}
	if closed {
		s.logger.Info("the shared limiter answers again")
	}
	if err != nil {
		return s.pass(p, t)
	}
	return d
}

// pass lets a request through undecided, and counts it.
func (s *Shared) pass(p pace, t store.Tier) Decision {
	s.failures.Add(1)
	return p.decide(t, 0, true, 0)
}

// ask runs the script. It does not end with the request: clients that leave early must not make Redis
// look absent, for then nobody would be limited.
func (s *Shared) ask(ctx context.Context, key string, p pace, t store.Tier) (Decision, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	answer, err := s.take.Run(ctx, s.client, []string{redisPrefix + clean(key)}, p.size, p.rate, token).Int64Slice()
	if err != nil {
		return Decision{}, fmt.Errorf("asking the shared limiter: %w", err)
	}
	if len(answer) != 3 || answer[1] < 0 || answer[1] > p.size {
		return Decision{}, fmt.Errorf("the shared limiter answered %v, not allowed, deficit and time", answer)
	}
	return p.decide(t, answer[1], answer[0] == 1, answer[2]), nil
}

// clean keeps a bucket's name to one Redis key of bounded length.
func clean(key string) string {
	return strings.ToValidUTF8(key[:min(len(key), 200)], "?")
}
