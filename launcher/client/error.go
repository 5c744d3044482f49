package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// Problem is the body of an error as the launcher sends it (RFC 9457).
type Problem = wire.Error

// Error is what a launcher answered instead of doing what was asked. Its Code is stable; its Errors
// are the mistakes of a configuration, all of them. An answer that is not the launcher's (a proxy's,
// say) has no Code.
type Error struct {
	Problem
	RetryAfter time.Duration // when to try again, if it said so
}

func (e *Error) Error() string {
	text := e.Title
	if e.Detail != "" {
		text = e.Detail
	}
	if e.Code == "" {
		text += " (status " + strconv.Itoa(e.Status) + ")"
	} else {
		text += " (" + e.Code + ")"
	}
	if len(e.Errors) == 1 && strings.Contains(e.Detail, e.Errors[0].Message) {
		return text // the detail says it all
	}
	for _, p := range e.Errors {
		text += "\n  " + sentence(p)
	}
	return text
}

// sentence is a mistake on one line: "body:12:9: seed: must be a whole number; ..".
func sentence(p wire.Problem) string {
	text := p.Message
	if p.Suggestion != "" {
		text += "; " + p.Suggestion
	}
	if p.Path != "" {
		text = p.Path + ": " + text
	}
	if p.Location != "" {
		text = p.Location + ": " + text
	}
	return text
}

// maxErrorBytes bounds what is read of an error; a thousand mistakes of a configuration fit.
const maxErrorBytes = 8 << 20

// problemOf reads an error from an answer and closes it. An answer that can't be read is an error
// all the same: its status says enough.
func problemOf(res *http.Response) *Error {
	defer func() { _ = res.Body.Close() }()
	e := &Error{RetryAfter: retryAfter(res.Header)}
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBytes))
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	if kind != "application/problem+json" || json.Unmarshal(body, &e.Problem) != nil {
		e.Problem = Problem{Detail: foreign(res, string(body))}
	}
	e.Status = res.StatusCode
	if e.Title == "" {
		e.Title = http.StatusText(res.StatusCode)
	}
	return e
}

// foreign describes an answer that no launcher gives.
func foreign(res *http.Response, body string) string {
	if to := res.Header.Get("Location"); to != "" && res.StatusCode/100 == 3 {
		return fmt.Sprintf("the server redirects to %q; name the launcher's own address", to)
	}
	const most = 200
	body = strings.Join(strings.Fields(strings.ToValidUTF8(body, "?")), " ")
	if len(body) > most {
		body = strings.ToValidUTF8(body[:most], "") + " .."
	}
	return fmt.Sprintf("the answer is not a launcher's: %s: %s", res.Status, body)
}

// retryAfter reads how long to wait: seconds, or a date, which is held against the answer's own.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}
