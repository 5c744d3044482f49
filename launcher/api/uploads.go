package api

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/inputs"
	"github.com/whatif-machine/whatif/launcher/limit"
	"github.com/whatif-machine/whatif/launcher/wire"
)

func (s *server) routeUploads() {
	route(s, huma.Operation{
		OperationID: "upload", Method: http.MethodPost, Path: "/v1/uploads", Tags: []string{"inputs"}, DefaultStatus: http.StatusCreated,
		MaxBodyBytes: s.MaxUploadBytes + 1, Metadata: map[string]any{metaClass: limit.Submit, metaStreams: true},
		Summary:     "Keep a campaigns file or a small snapshot to refer to",
		Description: "Send the file itself as the body. A configuration names it by the `uri` of the answer. The same bytes give the same URI.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}},
	}, access.ScopeSubmit, []code{bodyTooLarge, invalidInput, malformedBody, requestTimeout, unsupportedMediaType}, s.upload)
}

// uploadInput has the body as it comes in: it is not held in memory.
type uploadInput struct{ body io.Reader }

// Resolve keeps the body's reader.
func (in *uploadInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}

func (s *server) upload(ctx context.Context, in *uploadInput) (*answer[wire.Upload], error) {
	body := &incoming{from: in.body}
	up, err := s.Upload(ctx, callOf(ctx).caller.Tenant, body)
	switch {
	case body.broke != nil && ctx.Err() == nil:
		return nil, refuse(malformedBody, "the file broke off, nothing was kept: %w", body.broke)
	case errors.Is(err, inputs.ErrTooLarge):
		return nil, tooLarge(s.MaxUploadBytes)
	case errors.Is(err, inputs.ErrTenantFull):
		return nil, refuse(bodyTooLarge, "%w", err)
	case errors.Is(err, inputs.ErrNotAnInput):
		return nil, refuse(invalidInput, "%w", err)
	}
	return &answer[wire.Upload]{up}, err
}

// incoming is a body that remembers whether it broke off: that is the sender's matter, whatever the
// error is wrapped in.
type incoming struct {
	from  io.Reader
	broke error
}

func (r *incoming) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF {
		r.broke = err
	}
	return n, err
}
