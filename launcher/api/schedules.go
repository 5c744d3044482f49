package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/whatif-machine/whatif/launcher/access"
	"github.com/whatif-machine/whatif/launcher/calendar"
	"github.com/whatif-machine/whatif/launcher/limit"
	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
	"github.com/whatif-machine/whatif/model"
)

// maxScheduleBody bounds a schedule: its configuration as a JSON text may be twice as long as it is.
const maxScheduleBody = 2*model.MaxDocumentBytes + 64<<10

func (s *server) routeSchedules() {
	const explained = "`cron` has five fields, in the time zone `timezone`. Each firing is a simulation of its own, for which the configuration " +
		"is checked and its inputs are resolved anew. Firings that no launcher was there for are skipped, or made up for once (`missed`)."
	body := []code{malformedBody, requestTimeout, bodyTooLarge, unsupportedMediaType, invalidConfiguration}
	route(s, huma.Operation{
		OperationID: "create-schedule", Method: http.MethodPost, Path: "/v1/schedules", Tags: []string{"schedules"}, DefaultStatus: http.StatusCreated,
		MaxBodyBytes: maxScheduleBody, Metadata: map[string]any{metaClass: limit.Submit},
		Summary: "Submit a configuration again and again", Description: explained + " `name`, `cron` and `config` are needed.",
	}, access.ScopeSubmit, append(body, conflict, tooManySchedules), s.createSchedule)
	route(s, huma.Operation{
		OperationID: "list-schedules", Method: http.MethodGet, Path: "/v1/schedules", Tags: []string{"schedules"},
		Summary: "List schedules by name", Description: "Without their `config`, which each has by itself.",
	}, access.ScopeRead, nil, s.listSchedules)
	route(s, huma.Operation{
		OperationID: "get-schedule", Method: http.MethodGet, Path: "/v1/schedules/{schedule_id}", Tags: []string{"schedules"}, Summary: "Show one schedule",
	}, access.ScopeRead, []code{notFound}, s.getSchedule)
	route(s, huma.Operation{
		OperationID: "update-schedule", Method: http.MethodPatch, Path: "/v1/schedules/{schedule_id}", Tags: []string{"schedules"},
		MaxBodyBytes: maxScheduleBody, Metadata: map[string]any{metaClass: limit.Submit},
		Summary: "Change a schedule", Description: "Only what is sent changes. One that is no longer paused goes on with its next instant from now.",
	}, access.ScopeSubmit, append(body, notFound, conflict), s.updateSchedule)
	route(s, huma.Operation{
		OperationID: "delete-schedule", Method: http.MethodDelete, Path: "/v1/schedules/{schedule_id}", Tags: []string{"schedules"}, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a schedule", Description: "The simulations it made stay.",
	}, access.ScopeSubmit, []code{notFound}, s.deleteSchedule)
}

// BySchedule names a schedule.
type BySchedule struct {
	ID string `path:"schedule_id" maxLength:"100"`
}

type createScheduleInput struct{ Body wire.ScheduleRequest }

func (s *server) createSchedule(ctx context.Context, in *createScheduleInput) (*answer[wire.Schedule], error) {
	id, err := s.randomName(10)
	if err != nil {
		return nil, err
	}
	c, now := callOf(ctx), s.Now().UTC()
	schedule := store.Schedule{
		ID: id, Tenant: c.caller.Tenant, Timezone: "UTC", Missed: store.MissedSkip, CreatedBy: c.name(),
		Priority: min(defaultPriority, c.caller.Tier.MaxPriority), CreatedAt: now, UpdatedAt: now,
	}
	missing := &refusal{code: invalidRequest, detail: "a schedule needs a name, a cron expression and a configuration"}
	for _, needed := range []struct {
		name  string
		given *string
	}{{"name", in.Body.Name}, {"cron", in.Body.Cron}, {"config", in.Body.Config}} {
		if needed.given == nil || strings.TrimSpace(*needed.given) == "" {
			missing.problems = append(missing.problems, problem("body", needed.name, "is missing"))
		}
	}
	if missing.problems != nil {
		return nil, missing
	}
	if err := s.apply(ctx, &schedule, in.Body, now); err != nil {
		return nil, err
	}
	if err := s.roomForSchedule(ctx, c.caller.Tenant); err != nil {
		return nil, err
	}
	schedule, err = s.Store.CreateSchedule(ctx, schedule)
	if err != nil {
		return nil, err
	}
	return &answer[wire.Schedule]{scheduleOf(schedule)}, nil
}

// apply changes a schedule as a request says, and finds its next instant.
func (s *server) apply(ctx context.Context, to *store.Schedule, r wire.ScheduleRequest, now time.Time) error {
	c, wasPaused := callOf(ctx), to.Paused
	set(&to.Name, r.Name)
	set(&to.Cron, r.Cron)
	set(&to.Timezone, r.Timezone)
	set(&to.Missed, r.Missed)
	set(&to.Paused, r.Paused)
	set(&to.Priority, r.Priority)
	set(&to.Webhook, r.Webhook)
	to.Name = strings.TrimSpace(printable(to.Name))
	if to.Name == "" {
		return field("body", "name", "is empty")
	}
	if err := checkPriority(to.Priority, c.caller.Tier, "body"); err != nil {
		return err
	}
	if r.Webhook != nil && *r.Webhook != "" {
		if err := s.CheckWebhook(*r.Webhook); err != nil {
			return field("body", "webhook", "%v", err)
		}
	}
	if r.Config != nil {
		if err := s.checkText(ctx, *r.Config); err != nil {
			return err
		}
		digest := sha256.Sum256([]byte(*r.Config))
		to.Config = model.Document{Name: scheduledName, Text: *r.Config, SHA256: hex.EncodeToString(digest[:])}
	}
	if r.Cron == nil && r.Timezone == nil && (to.Paused || !wasPaused) {
		return nil
	}
	return nextInstant(to, now)
}

// scheduledName is what the positions of mistakes in a schedule's configuration name.
const scheduledName = "config"

// checkText refuses a configuration with mistakes that can be seen without its inputs, which need not be
// there yet.
func (s *server) checkText(ctx context.Context, text string) error {
	if len(text) > model.MaxDocumentBytes {
		return tooLarge(model.MaxDocumentBytes)
	}
	done, err := s.checking.take(ctx, len(text))
	if err != nil {
		return err
	}
	defer done()
	_, problems := model.ParseConfig(scheduledName, []byte(text))
	return problems.Err()
}

// nextInstant finds when a schedule is due next.
func nextInstant(c *store.Schedule, now time.Time) error {
	// Any time zone will do for a look at the expression alone: what is wrong then is the expression.
	if _, err := calendar.Parse(c.Cron, "UTC"); err != nil {
		return field("body", "cron", "%v", err)
	}
	when, err := calendar.Parse(c.Cron, c.Timezone)
	if err != nil {
		return field("body", "timezone", "%v", err)
	}
	next, ok := when.Next(now)
	if !ok {
		return field("body", "cron", "%q never comes", c.Cron)
	}
	c.NextAt = next
	return nil
}

// set changes a value if another is given.
func set[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}

func (s *server) listSchedules(ctx context.Context, in *struct{ Paging }) (*answer[wire.ScheduleList], error) {
	list, next, err := s.Store.Schedules(ctx, callOf(ctx).caller.Tenant, in.page())
	if err != nil {
		return nil, err
	}
	out := wire.ScheduleList{Schedules: make([]wire.Schedule, 0, len(list)), NextPageToken: next}
	for _, c := range list {
		c.Config.Text = "" // two hundred of them may be too much for one answer
		out.Schedules = append(out.Schedules, scheduleOf(c))
	}
	return &answer[wire.ScheduleList]{out}, nil
}

func (s *server) getSchedule(ctx context.Context, in *BySchedule) (*answer[wire.Schedule], error) {
	c, err := s.Store.Schedule(ctx, callOf(ctx).caller.Tenant, in.ID)
	return &answer[wire.Schedule]{scheduleOf(c)}, err
}

type updateScheduleInput struct {
	BySchedule
	Body wire.ScheduleRequest
}

// changeTries is how often a change is made anew that a firing at the same moment got ahead of.
const changeTries = 5

func (s *server) updateSchedule(ctx context.Context, in *updateScheduleInput) (*answer[wire.Schedule], error) {
	for try := 1; ; try++ {
		c, err := s.Store.Schedule(ctx, callOf(ctx).caller.Tenant, in.ID)
		if err != nil {
			return nil, err
		}
		now := s.Now().UTC()
		if err := s.apply(ctx, &c, in.Body, now); err != nil {
			return nil, err
		}
		c.UpdatedAt = now
		c, err = s.Store.UpdateSchedule(ctx, c)
		if errors.Is(err, store.ErrConflict) && try < changeTries {
			continue
		}
		return &answer[wire.Schedule]{scheduleOf(c)}, err
	}
}

func (s *server) deleteSchedule(ctx context.Context, in *BySchedule) (*struct{}, error) {
	return nil, s.Store.DeleteSchedule(ctx, callOf(ctx).caller.Tenant, in.ID)
}
