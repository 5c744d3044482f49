package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/whatif-machine/whatif/launcher/wire"
)

// huma makes the errors that it finds itself by two variables of its package; from here on they are
// problems of the table of codes like all others.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return humaProblem(context.Background(), status, message, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
		return humaProblem(ctx.Context(), status, message, errs)
	}
}

// humaCodes are the codes of what huma refuses.
var humaCodes = map[int]code{
	http.StatusBadRequest:            malformedBody,
	http.StatusNotAcceptable:         notAcceptable,
	http.StatusRequestTimeout:        requestTimeout,
	http.StatusRequestEntityTooLarge: bodyTooLarge,
	http.StatusUnsupportedMediaType:  unsupportedMediaType,
	http.StatusUnprocessableEntity:   invalidRequest,
}

func humaProblem(ctx context.Context, status int, message string, errs []error) *wire.Error {
	if status == http.StatusInternalServerError && message == "cannot read request body" {
		status = http.StatusBadRequest // broken chunks, or a connection that was cut: not ours to answer for
	}
	c, known := humaCodes[status]
	if !known {
		return note(ctx, errors.Join(errs...)).body(callOf(ctx).id)
	}
	refused := &refusal{code: c, detail: humaDetail(c, message), problems: humaDetails(errs)}
	return note(ctx, refused).body(callOf(ctx).id)
}

// humaDetail says more where huma says little.
func humaDetail(c code, message string) string {
	switch c {
	case malformedBody:
		switch message {
		case "request body is required":
			return "the body is empty"
		case "cannot read request body":
			return "the body breaks off"
		}
		return "the body is no valid JSON, or breaks off"
	case bodyTooLarge:
		var limit int64
		if _, err := fmt.Sscanf(message, "request body is too large limit=%d bytes", &limit); err == nil {
			return tooLarge(limit - 1).Error()
		}
	case unsupportedMediaType:
		return "send the body as JSON, with Content-Type: application/json"
	case invalidRequest:
		return "fields or parameters are wrong: see errors"
	}
	return message
}

// humaDetails takes huma's `body.variants[3]` apart. The value is left out: it may be long, or secret.
func humaDetails(errs []error) (list []wire.Problem) {
	for _, err := range errs {
		detailer, ok := err.(huma.ErrorDetailer)
		if !ok {
			continue
		}
		detail := detailer.ErrorDetail()
		location, path, _ := strings.Cut(detail.Location, ".")
		list = append(list, problem(location, path, inWords(detail.Message)))
	}
	return list
}

// inWords puts what only who programs in Go understands.
func inWords(message string) string {
	if strings.HasPrefix(message, "invalid date/time for format ") {
		return "is no time; write one such as 2026-11-23T10:00:00Z"
	}
	return message
}

// problem is one mistake in a request.
func problem(location, path, message string) wire.Problem {
	return wire.Problem{Message: message, Location: location, Path: path}
}
