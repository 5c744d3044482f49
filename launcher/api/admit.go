package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/whatif-machine/whatif/launcher/limit"
	"github.com/whatif-machine/whatif/model"
)

// bodyMemory bounds what bodies take while they are on their way and answered. While one grows it is held
// up to three times, in its buffer and the ones before that, so that this much is a third of what comes
// of it at worst.
const bodyMemory = 16 * model.MaxDocumentBytes

// unheld is the size up to which a body is not counted: those that may be on their way at a time come to
// little, and most submissions stay possible while slow senders hold all that is.
const unheld = 16 << 10

// streamed is what a body counts for that is used as it comes.
const streamed = 64 << 10

// enter sees to who asks and whether they may, now. What it takes of the launcher's room is given back
// when the request has ended.
func (s *server) enter(w http.ResponseWriter, r *http.Request, op *huma.Operation) error {
	scope, guarded := op.Metadata[metaScope].(string)
	if !guarded {
		return nil
	}
	c := callOf(r.Context())
	class := classOf(op)
	if class == limit.Submit {
		class = limit.Receive // until its body is here: received
	}
	place, after, ok := s.Shedder.Admit(class)
	if !ok {
		return refuse(overloaded, "the launcher has as much to do as it can take").later(after)
	}
	c.place = place
	caller, err := s.Identify(r)
	if err != nil {
		return err
	}
	c.caller = caller
	token := s.Limiter.Take(r.Context(), caller.Bucket(), caller.Tier)
	token.Write(w.Header())
	if !token.Allowed {
		return refuse(rateLimited, "this key may ask %d times a minute", caller.Tier.PerMinute).later(token.RetryAfter)
	}
	if !caller.May(scope) {
		return refuse(forbidden, "this needs a key with the scope %q", scope)
	}
	if after, ok := place.Of(caller.Tenant); !ok {
		return tenantBusy().later(after)
	}
	return nil
}

func classOf(op *huma.Operation) limit.Class {
	class, _ := op.Metadata[metaClass].(limit.Class)
	return class
}

// tenantBusy refuses a request of a tenant that has half of the launcher's places.
func tenantBusy() *refusal {
	return refuse(overloaded, "as many requests of this tenant are under way as the launcher takes of one")
}

// makeRoom takes what a body may need of the memory for bodies, before any of it is read: as much as its
// sender says, or the most that the operation reads.
func (s *server) makeRoom(r *http.Request, op *huma.Operation) error {
	c := callOf(r.Context())
	if op.RequestBody == nil || c.body == nil {
		return nil
	}
	n := r.ContentLength
	if n < 0 {
		n = op.MaxBodyBytes
	}
	if op.Metadata[metaStreams] != nil {
		n = min(n, streamed)
	}
	if n <= unheld {
		return nil
	}
	hold, ok := s.bodies.Take(c.caller.Tenant, n)
	if !ok {
		return refuse(overloaded, "as many bytes are on their way here as the launcher takes at a time").later(retryLater)
	}
	c.hold = hold
	return nil
}

// received moves a request on whose body is here: it holds as much memory as the body has, and a place
// among those that are worked on. Slow senders have none of these places. A body that is used as it comes
// is as slow as its sender, so that it stays where it is.
func received(ctx context.Context, op *huma.Operation) error {
	c := callOf(ctx)
	if op.Metadata[metaStreams] != nil {
		return nil
	}
	if c.body != nil {
		c.hold.Keep(c.body.read)
	}
	if c.place == nil || classOf(op) != limit.Submit {
		return nil
	}
	if after, ok := c.place.Move(limit.Submit); !ok {
		return refuse(overloaded, "the launcher, or this tenant's part of it, has as much to do as it can take").later(after)
	}
	return nil
}
