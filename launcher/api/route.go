package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"github.com/whatif-machine/whatif/model"
)

// What an operation carries in its Metadata.
const (
	metaScope   = "scope"   // that a key needs
	metaAccepts = "accepts" // media types that it can answer with, JSON aside
	metaClass   = "class"   // limit.Class of what it costs; default: limit.Read
	metaDynamic = "dynamic" // it takes query parameters besides the declared ones
	metaStreams = "streams" // its body is used as it comes, and not held in memory
)

// common are the codes that any route may answer with, and guarded those of routes that need a key.
var (
	common  = []code{invalidRequest, notAcceptable, hostNotAllowed, originNotAllowed, internalError, storeUnavailable}
	guarded = []code{unauthenticated, forbidden, rateLimited, overloaded}
)

// route registers an operation: which scope it needs, which codes it answers with besides the common ones,
// and what it does.
func route[I, O any](s *server, op huma.Operation, scope string, can []code, do func(context.Context, *I) (*O, error)) {
	if op.Metadata == nil {
		op.Metadata = map[string]any{}
	}
	op.Metadata[metaScope] = scope
	op.Security = []map[string][]string{{"bearer": {}}, {"apiKey": {}}}
	op.Description = strings.TrimSpace(op.Description + "\n\nNeeds the scope `" + scope + "`.")
	public(s, op, slices.Concat(can, guarded), do)
}

// public registers an operation that needs no key. Its errors become problems here and nowhere else.
func public[I, O any](s *server, op huma.Operation, can []code, do func(context.Context, *I) (*O, error)) {
	op.BodyReadTimeout = -1 // patientBody sees to it
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = maxSmallBody
	}
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	describeProblems(op.Responses, slices.Concat(can, common))
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		if err := received(ctx, &op); err != nil {
			return nil, asProblem(ctx, err)
		}
		out, err := do(ctx, in)
		if err != nil {
			return nil, asProblem(ctx, err)
		}
		return out, nil
	})
}

// maxSmallBody bounds bodies that are not configurations or files.
const maxSmallBody = 256 << 10

// asProblem is an error as huma writes it.
func asProblem(ctx context.Context, err error) error {
	refused := note(ctx, err)
	return huma.ErrorWithHeaders(refused.body(callOf(ctx).id), refused.headers())
}

// describeProblems documents the problems of an operation, by status.
func describeProblems(responses map[string]*huma.Response, can []code) {
	byStatus := map[int][]string{}
	for _, c := range can {
		status := codes[c].status
		byStatus[status] = append(byStatus[status], fmt.Sprintf("`%s`: %s.", c, codes[c].title))
	}
	for status, meanings := range byStatus {
		slices.Sort(meanings)
		r := responses[strconv.Itoa(status)]
		if r == nil {
			r = &huma.Response{Content: map[string]*huma.MediaType{}}
			responses[strconv.Itoa(status)] = r
		}
		r.Description = strings.TrimSpace(r.Description + " " + strings.Join(slices.Compact(meanings), " "))
		r.Content["application/problem+json"] = &huma.MediaType{Schema: &huma.Schema{Ref: "#/components/schemas/Error"}}
	}
}

// admit is what every operation passes before its parameters are read: room for it, a key, a token of the
// key's bucket, the scope, what it can answer with, the size of the body, no parameter it does not know,
// memory for the body.
func (s *server) admit(ctx huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(ctx)
	op := ctx.Operation()
	err := s.enter(w, r, op)
	if err == nil {
		err = fits(r, op)
	}
	if err == nil {
		err = s.makeRoom(r, op)
	}
	if err != nil {
		writeProblem(w, r, err)
		return
	}
	next(ctx)
}

// fits sees to whether the request is one that the operation can take.
func fits(r *http.Request, op *huma.Operation) error {
	offers, _ := op.Metadata[metaAccepts].([]string)
	offers = append(offers[:len(offers):len(offers)], "application/json")
	if !acceptable(r.Header.Values("Accept"), append(offers, "application/problem+json")) {
		return refuse(notAcceptable, "this can be had as %s", strings.Join(offers, " or "))
	}
	if encoding := r.Header.Get("Content-Encoding"); op.RequestBody != nil && encoding != "" && !strings.EqualFold(encoding, "identity") {
		refused := refuse(unsupportedMediaType, "send the body without Content-Encoding; %.40q is not decoded here", encoding)
		refused.header = http.Header{"Accept-Encoding": {"identity"}} // RFC 9110, 15.5.16
		return refused
	}
	if op.MaxBodyBytes > 0 && r.ContentLength >= op.MaxBodyBytes {
		return tooLarge(op.MaxBodyBytes - 1)
	}
	if err := textPath(r); err != nil {
		return err
	}
	return knownQuery(r.URL, op)
}

// isText reports whether a text is one that every store can keep: UTF-8 without NUL.
func isText(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

const noText = "has a byte that no text has: it is not UTF-8, or NUL"

// textPath refuses a path with a part that is no text: nothing has such a name.
func textPath(r *http.Request) error {
	at := chi.RouteContext(r.Context())
	if at == nil || isText(r.URL.Path) {
		return nil
	}
	refused := refuse(notFound, "the path %s", noText)
	for i, name := range at.URLParams.Keys {
		part, err := url.PathUnescape(at.URLParams.Values[i])
		if err != nil || !isText(part) {
			refused.problems = append(refused.problems, problem("path", name, noText))
		}
	}
	return refused
}

// tooLarge refuses a body of more than so many bytes.
func tooLarge(most int64) error {
	return refuse(bodyTooLarge, "the body has more than the %d bytes that are taken here", most)
}

// knownQuery refuses parameters that an operation does not have, or that come twice: a misspelt
// `validate_only` must not start a simulation.
func knownQuery(u *url.URL, op *huma.Operation) error {
	if u.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return field("query", "", "can't be read: %v", err)
	}
	declared, repeatable := parametersOf(op)
	refused := &refusal{code: invalidRequest, detail: "the query has parameters that are wrong here: see errors"}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		p := problem("query", strings.ToValidUTF8(name, "?"), "")
		switch {
		case !isText(name) || slices.ContainsFunc(query[name], func(v string) bool { return !isText(v) }):
			p.Message = noText
		case slices.Contains(declared, name):
			if len(query[name]) == 1 || slices.Contains(repeatable, name) {
				continue
			}
			p.Message = "is given more than once"
		case op.Metadata[metaDynamic] != nil:
			continue
		default:
			p.Message, p.Suggestion = "is no parameter of this route", model.DidYouMean(name, declared)
		}
		refused.problems = append(refused.problems, p)
	}
	if refused.problems == nil {
		return nil
	}
	return refused
}

// parametersOf are an operation's query parameters, and those that may be repeated.
func parametersOf(op *huma.Operation) (declared, repeatable []string) {
	for _, p := range op.Parameters {
		if p.In != "query" {
			continue
		}
		declared = append(declared, p.Name)
		if p.Schema != nil && p.Schema.Type == huma.TypeArray {
			repeatable = append(repeatable, p.Name)
		}
	}
	return declared, repeatable
}

// acceptable reports whether Accept fields (RFC 9110, 12.5.1) allow one of some media types.
func acceptable(fields, offers []string) bool {
	asked := false
	for _, item := range strings.Split(strings.Join(fields, ","), ",") {
		wanted, parameters, _ := strings.Cut(item, ";")
		wanted = strings.ToLower(strings.TrimSpace(wanted))
		if wanted == "" {
			continue
		}
		asked = true
		if refusedByWeight(parameters) {
			continue
		}
		family, every := strings.CutSuffix(wanted, "/*")
		for _, offer := range offers {
			if wanted == "*/*" || wanted == offer || every && strings.HasPrefix(offer, family+"/") {
				return true
			}
		}
	}
	return !asked
}

// refusedByWeight reports whether an item of an Accept field has the weight 0: not this one.
func refusedByWeight(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		if q, ok := strings.CutPrefix(strings.TrimSpace(strings.ToLower(p)), "q="); ok {
			weight, err := strconv.ParseFloat(q, 64)
			return err == nil && weight == 0
		}
	}
	return false
}
