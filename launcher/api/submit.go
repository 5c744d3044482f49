package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/limit"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/pipeline"
	"github.com/whatif-machine/whatif/transforms/killpoint"
)

const (
	maxDelay       = 365 * 24 * time.Hour // run_at lies at most so far ahead
	maxIdempotency = 255                  // bytes of an Idempotency-Key
	idTries        = 3                    // ids that are tried before two that are equal are no accident
)

// configTypes are the media types of a configuration. All are read as YAML, of which JSON is a part.
var configTypes = []string{"application/json", "application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml"}

// formType is what `curl --data-binary @study.yaml` says of any body: it means no type. That a form of a page
// elsewhere can be sent with this type, without asking, is no new way in: a page can send a body without
// any type likewise, and the guard refuses both by their Origin or Sec-Fetch-Site, which no page can leave
// out or choose. What the body is taken for does not depend on its type.
const formType = "application/x-www-form-urlencoded"

func (s *server) routeSubmit() {
	schemas := s.huma.OpenAPI().Components.Schemas
	body := map[string]*huma.MediaType{}
	for _, t := range configTypes[:3] {
		body[t] = &huma.MediaType{Schema: &huma.Schema{Description: "a configuration, as `whatif validate` takes it"}}
	}
	body["application/json"].Schema.Type = huma.TypeObject
	body["application/json"].Schema.AdditionalProperties = true
	body["application/yaml"].Example = exampleConfig
	route(s, huma.Operation{
		OperationID: "submit-simulation", Method: http.MethodPost, Path: "/v1/simulations", Tags: []string{"simulations"}, DefaultStatus: http.StatusAccepted,
		MaxBodyBytes: model.MaxDocumentBytes + 1, SkipValidateBody: true,
		Metadata: map[string]any{metaClass: limit.Submit},
		Summary:  "Submit a configuration",
		Description: "It is checked whole, its inputs are pinned, and it is durable when the answer comes. Inputs are looked up in the launcher's " +
			"input roots; `upload:<sha256>` names an upload. Positions of mistakes name the document `body`.\n\n" +
			"With an `Idempotency-Key` the same body and query give the first answer again (`Idempotency-Replayed: true`), without its warnings.",
		RequestBody: &huma.RequestBody{Required: true, Content: body},
		Responses: map[string]*huma.Response{
			"202": {Description: "It is accepted and durable", Content: jsonOf[wire.Simulation](schemas)},
			"200": {Description: "What it would run (`validate_only`)", Content: jsonOf[wire.Validation](schemas)},
		},
	}, access.ScopeSubmit, []code{invalidConfiguration, malformedBody, requestTimeout, bodyTooLarge, unsupportedMediaType, keyReused, gone, queueFull}, s.submit)
}

// jsonOf documents an answer of a type.
func jsonOf[T any](schemas huma.Registry) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(reflect.TypeFor[T](), true, "")}}
}

type submitInput struct {
	Rest
	RawBody      []byte    `contentType:"text/yaml"`
	ContentType  string    `header:"Content-Type" hidden:"true"`
	Key          string    `header:"Idempotency-Key" doc:"printable ASCII, at most 255 bytes; remembered for 24 hours at least"`
	ValidateOnly bool      `query:"validate_only" doc:"answer what would run; nothing runs"`
	RunAt        time.Time `query:"run_at" doc:"not before this time, at most a year ahead; a time in the past is now"`
	Priority     optional  `query:"priority" minimum:"0" maximum:"9" doc:"0 to 9, higher first; default 5, or the most that the key's tier allows if that is less"`
	Webhook      string    `query:"webhook" maxLength:"2000" doc:"address to tell when the simulation is finished; its host must be one that the operator allowed"`
}

// optional is a whole number that may be left out, which is not the same as 0.
type optional struct {
	value int
	given bool
}

// Schema is that of the number.
func (o optional) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[int]())
}

// Receiver is where the number goes.
func (o *optional) Receiver() reflect.Value { return reflect.ValueOf(&o.value).Elem() }

// OnParamSet notes that there is one.
func (o *optional) OnParamSet(given bool, _ any) { o.given = given }

type submitOutput struct {
	Status   int
	Location string `header:"Location"`
	Replayed string `header:"Idempotency-Replayed"`
	Body     any
}

func (s *server) submit(ctx context.Context, in *submitInput) (*submitOutput, error) {
	tenant := callOf(ctx).caller.Tenant
	once, err := in.idempotency()
	if err != nil {
		return nil, err
	}
	if once.Key != "" {
		first, found, err := s.Store.FindIdempotent(ctx, tenant, once)
		if err != nil {
			return nil, err
		}
		if found {
			return s.accepted(ctx, first, true, nil), nil
		}
	}
	sub, err := s.requested(ctx, in)
	if err != nil {
		return nil, err
	}
	study, err := s.check(ctx, tenant, in.RawBody)
	if err != nil {
		return nil, err
	}
	if in.ValidateOnly {
		return validationOf(study)
	}
	killpoint.Here("api.submit.checked")
	sub.Idempotency = once
	sim, existing, err := s.store(ctx, study, sub)
	if err != nil {
		return nil, err
	}
	return s.accepted(ctx, sim, existing, study.Warnings), nil
}

// idempotency is what makes this submission the same one as another.
func (in *submitInput) idempotency() (store.Idempotency, error) {
	if in.ContentType != "" {
		kind, _, err := mime.ParseMediaType(in.ContentType)
		if err != nil || kind != formType && !slices.Contains(configTypes, kind) {
			return store.Idempotency{}, refuse(unsupportedMediaType, "send the configuration as %s", strings.Join(configTypes[:3], ", "))
		}
	}
	if in.Key == "" || in.ValidateOnly {
		return store.Idempotency{}, nil
	}
	if len(in.Key) > maxIdempotency || strings.ContainsFunc(in.Key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return store.Idempotency{}, field("header", "Idempotency-Key", "has at most %d bytes, printable ASCII", maxIdempotency)
	}
	digest := sha256.New()
	digest.Write([]byte(in.query.Encode())) // by name, so that their order does not matter
	digest.Write([]byte{0})
	digest.Write(in.RawBody)
	return store.Idempotency{Key: in.Key, BodySHA256: hex.EncodeToString(digest.Sum(nil))}, nil
}

// requested is what the parameters say of a submission, all that is wrong with them at once, and whether
// there is room for one more.
func (s *server) requested(ctx context.Context, in *submitInput) (sub store.Submission, err error) {
	c, now := callOf(ctx), s.Now().UTC()
	var wrong []wire.Problem
	sub.Simulation.Priority = min(defaultPriority, c.caller.Tier.MaxPriority)
	if in.Priority.given {
		sub.Simulation.Priority = in.Priority.value
		if err := checkPriority(sub.Simulation.Priority, c.caller.Tier, "query"); err != nil {
			wrong = append(wrong, refusalOf(err).problems...)
		}
	}
	if in.RunAt.After(now) {
		at := in.RunAt.UTC()
		sub.Simulation.RunAt = &at
		if at.After(now.Add(maxDelay)) {
			wrong = append(wrong, problem("query", "run_at", "is more than a year ahead"))
		}
	}
	if in.Webhook != "" {
		sub.Webhook = in.Webhook
		if err := s.CheckWebhook(in.Webhook); err != nil {
			wrong = append(wrong, problem("query", "webhook", err.Error()))
		}
	}
	if wrong != nil {
		return sub, &refusal{code: invalidRequest, detail: "parameters are wrong: see errors", problems: wrong}
	}
	if most := c.caller.Tier.MaxQueued; most > 0 && !in.ValidateOnly {
		waiting, err := s.waiters.of(ctx, c.caller.Tenant)
		if err != nil {
			return sub, err
		}
		if waiting >= most {
			return sub, refuse(queueFull, "%s of this tenant are not finished, which is as many as its tier allows", counted(waiting, "simulation")).later(queueFullWait)
		}
	}
	return sub, nil
}

// queueFullWait is what a tenant with a full queue is told to wait.
const queueFullWait = 10 * time.Second

func checkPriority(priority int, tier store.Tier, location string) error {
	if priority > tier.MaxPriority {
		return field(location, "priority", "is at most %d with this key's tier", tier.MaxPriority)
	}
	return nil
}

// check checks a configuration for a tenant. Large ones wait until there is room for what is made of them.
func (s *server) check(ctx context.Context, tenant string, text []byte) (*pipeline.Study, error) {
	done, err := s.checking.take(ctx, len(text))
	if err != nil {
		return nil, err
	}
	defer done()
	return pipeline.Check(ctx, bodyName, text, s.Source(tenant))
}

// store makes a submission durable.
func (s *server) store(ctx context.Context, study *pipeline.Study, with store.Submission) (store.Simulation, bool, error) {
	c := callOf(ctx)
	for try := 1; ; try++ {
		sub, err := submissionOf(study, c.caller.Tenant, s.Now().UTC(), s.Random)
		if err != nil {
			return store.Simulation{}, false, err
		}
		sub.Simulation.Priority, sub.Simulation.RunAt, sub.Simulation.SubmittedBy = with.Simulation.Priority, with.Simulation.RunAt, c.name()
		sub.Webhook, sub.Idempotency = with.Webhook, with.Idempotency
		sim, existing, err := s.Store.Submit(ctx, sub)
		if errors.Is(err, store.ErrConflict) && try < idTries {
			continue // another has the id
		}
		if err == nil && !existing {
			s.waiters.add(c.caller.Tenant)
		}
		return sim, existing, err
	}
}

// accepted is the answer to a submission: as the simulation was then, so that it is the same again.
func (s *server) accepted(ctx context.Context, sim store.Simulation, again bool, warnings model.Problems) *submitOutput {
	about(ctx, sim.ID)
	killpoint.Here("api.submit.answered")
	first := store.Simulation{
		ID: sim.ID, Tenant: sim.Tenant, Name: sim.Name, Owner: sim.Owner, Labels: sim.Labels, State: store.Queued, Priority: sim.Priority,
		SubmittedBy: sim.SubmittedBy, SubmittedAt: sim.SubmittedAt, RunAt: sim.RunAt, Slots: sim.Slots, Campaigns: sim.Campaigns,
		Variants: sim.Variants, Counts: store.Counts{Pending: sim.Variants},
	}
	if sim.RunAt != nil {
		first.State = store.Scheduled
	}
	out := &submitOutput{Status: http.StatusAccepted, Location: "/v1/simulations/" + sim.ID}
	body := simulationOf(first)
	if again {
		out.Replayed = "true"
	} else {
		body.Warnings = problemsOf(warnings)
	}
	out.Body = body
	return out
}

// validationOf is what a study would run.
func validationOf(study *pipeline.Study) (*submitOutput, error) {
	list, err := plannedOf(study.Config, study.Variants)
	if err != nil {
		return nil, err
	}
	v := wire.Validation{
		Valid: true, Slots: study.Catalog.Slots, Campaigns: len(study.Config.Campaigns), Variants: make([]wire.Variant, 0, len(list)),
		Warnings: problemsOf(study.Warnings),
	}
	for _, p := range list {
		v.Variants = append(v.Variants, variantOf(p, store.Variant{ID: p.id, State: store.VariantPending}))
	}
	return &submitOutput{Status: http.StatusOK, Body: v}, nil
}

// exampleConfig is a small study for the documentation.
const exampleConfig = `name: q3-frequency-study
inventory: slots/2026-07-*.parquet
campaigns: campaigns.yaml
parameters:
  daily_cap: {edit: campaigns.frequency_caps.day}
sweep:
  grid: {daily_cap: [1, 2, 3, none]}
`
