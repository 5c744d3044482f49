package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
)

// How often a delivery is tried. With full jitter the waits are half of their bound on average:
// 2.5 s, 5 s, .. 2.8 h (13 waits, 5.7 h together), then six of 3 h: about 24 h, at most 48 h.
const (
	maxTries  = 20
	firstWait = 5 * time.Second
	maxWait   = 6 * time.Hour
	leastWait = time.Second
)

const (
	maxAnswer = 64 << 10 // bytes of an answer that are read
	maxError  = 300      // bytes of an error that are kept
	saveTime  = 5 * time.Second
)

// outcome is how a try ended.
type outcome struct {
	status     int           // 0: no answer
	unsent     bool          // refused here: it says nothing about the receiver
	retryAfter time.Duration // as the receiver asked
	err        error         // nil: delivered
}

// deliver makes one try and notes its outcome.
func (h *Hooks) deliver(ctx context.Context, d store.Delivery) {
	host := hostOf(d.URL)
	if putOff := h.receivers.ask(host); putOff > 0 {
		h.postponed.Add(1)
		d.NextAt = h.options.Now().Add(putOff + time.Duration(h.options.Random()*float64(awayFor)))
		h.save(ctx, d)
		return
	}
	result := h.try(ctx, d)
	stopped := result.err != nil && ctx.Err() != nil
	h.receivers.report(host, result.status != 0 || result.unsent || stopped)
	if stopped {
		return // nobody's fault: the lease runs out and the try is made again
	}
	h.settle(&d, result)
	h.save(ctx, d)
}

// hostOf is where a URL leads, for counting; whether it may be asked is decided elsewhere.
func hostOf(text string) string {
	t, _, err := splitURL(text)
	if err != nil {
		return ""
	}
	return t.String()
}

// save notes a delivery in the store, also while the launcher stops.
func (h *Hooks) save(ctx context.Context, d store.Delivery) {
	save, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	if err := h.options.Store.SaveDelivery(save, d); err != nil {
		h.unsaved.Add(1)
		h.options.Logger.Error("the outcome of a webhook could not be noted; it will be sent again",
			"delivery", d.ID, "simulation_id", d.SimulationID, "error", err)
	}
}

// try sends the request once.
func (h *Hooks) try(ctx context.Context, d store.Delivery) outcome {
	ctx, cancel := context.WithTimeout(ctx, h.options.Timeout)
	defer cancel()
	request, err := h.request(ctx, d)
	if err != nil {
		return outcome{unsent: true, err: err}
	}
	answer, err := h.client.Do(request)
	if err != nil {
		return outcome{err: h.explain(err)}
	}
	// What is read lets the connection be used again; an answer that never ends is cut by the bound and
	// the time. That it could not be read changes nothing: the receiver has answered.
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	_ = answer.Body.Close()
	if answer.StatusCode/100 == 2 {
		return outcome{status: answer.StatusCode}
	}
	return outcome{
		status: answer.StatusCode, retryAfter: retryAfter(answer.Header, h.options.Now()),
		err: fmt.Errorf("the receiver answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode)),
	}
}

// request is the signed POST. The operator's list may have changed since the submission.
func (h *Hooks) request(ctx context.Context, d store.Delivery) (*http.Request, error) {
	if err := CheckURL(d.URL, h.options.Hosts); err != nil {
		return nil, err
	}
	now := h.options.Now()
	signature, err := Sign(Secret(h.options.Secret, d.Tenant), d.ID, now, d.Payload)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL, bytes.NewReader(d.Payload))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "whatif-webhooks/1")
	request.Header.Set("webhook-id", d.ID)
	request.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	request.Header.Set("webhook-signature", signature)
	return request, nil
}

// settle writes a try's outcome into the delivery, counts and logs it.
func (h *Hooks) settle(d *store.Delivery, result outcome) {
	d.Attempts++
	log := h.options.Logger.With("delivery", d.ID, "simulation_id", d.SimulationID, "try", d.Attempts)
	if result.err == nil {
		d.State, d.LastError = store.DeliveryDone, ""
		h.delivered.Add(1)
		log.Info("webhook delivered", "status", result.status)
		return
	}
	d.LastError = result.err.Error()
	d.LastError = d.LastError[:min(len(d.LastError), maxError)]
	if result.status == http.StatusGone || d.Attempts >= maxTries {
		d.State = store.DeliveryDead
		h.dead.Add(1)
		log.Error("webhook given up", "error", result.err)
		return
	}
	d.State = store.DeliveryPending
	d.NextAt = h.options.Now().Add(max(backoff(d.Attempts, h.options.Random()), result.retryAfter))
	h.retried.Add(1)
	log.Warn("webhook failed, will be tried again", "next", d.NextAt, "error", result.err)
}

// backoff is how long to wait after so many tries, for a random number in [0, 1).
func backoff(tries int, random float64) time.Duration {
	bound := maxWait
	if doublings := tries - 1; doublings < 13 { // 5 s * 2^13 is over 6 h
		bound = min(maxWait, firstWait<<doublings)
	}
	return max(leastWait, time.Duration(random*float64(bound)))
}

// retryAfter is what the receiver asked for, in seconds or as a date (RFC 9110, 10.2.3), within bounds.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(maxWait, time.Duration(n)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(maxWait, at.Sub(now)))
	}
	return 0
}

// explain words a client's error, without the URL: it stands beside it anyway and may have a token in it.
func (h *Hooks) explain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %v", h.options.Timeout)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
