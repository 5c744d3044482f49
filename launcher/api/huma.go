package api

import (
	"context"
	"errors"
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
		return "the body is no valid JSON, or breaks off"
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
		list = append(list, problem(location, path, detail.Message))
	}
	return list
}

// problem is one mistake in a request.
func problem(location, path, message string) wire.Problem {
	return wire.Problem{Message: message, Location: location, Path: path}
}
