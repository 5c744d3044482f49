package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/store"
	"github.com/whatif-machine/whatif/launcher/wire"
)

func TestNotesAndFeed(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.submitted("alice")
	var first, second wire.Note
	f.into(&first, http.StatusCreated, ask{method: "POST", path: sim.Links.Self + "/notes", as: "submitter", body: `{"text":"looks low\u0007","author":"somebody else"}`})
	f.into(&second, http.StatusCreated, ask{method: "POST", path: sim.Links.Self + "/notes", as: "alice", body: `{"text":"it is","variant_id":"v0002"}`})
	if first.Author != "submitter" || first.Text != "looks low" || second.VariantID != "v0002" {
		t.Errorf("notes %+v, %+v", first, second)
	}
	var list wire.NoteList
	f.into(&list, http.StatusOK, ask{method: "GET", path: sim.Links.Self + "/notes", as: "reader"})
	if len(list.Notes) != 2 || list.Notes[0] != first || list.Notes[1] != second {
		t.Errorf("listed %+v", list.Notes)
	}
	for _, body := range []string{`{"text":" \n"}`, `{"text":"x","variant_id":"v0099"}`, `{"text":"` + strings.Repeat("x", 4097) + `"}`, `{"text":"` + strings.Repeat("ü", 4000) + `"}`} {
		f.refused(invalidRequest, ask{method: "POST", path: sim.Links.Self + "/notes", as: "alice", body: body})
	}
	var feed wire.Feed
	f.into(&feed, http.StatusOK, ask{method: "GET", path: "/v1/feed?page_size=2", as: "reader"})
	if len(feed.Events) != 2 || feed.Events[0].Type != "note" || feed.Events[0].SimulationID != sim.ID || !strings.Contains(string(feed.Events[0].Data), "it is") {
		t.Errorf("feed %+v", feed.Events)
	}
	f.into(&feed, http.StatusOK, ask{method: "GET", path: "/v1/feed?page_token=" + feed.NextPageToken, as: "reader"})
	if len(feed.Events) == 0 || feed.Events[0].Type != "state" {
		t.Errorf("rest of the feed %+v", feed.Events)
	}
}

func TestLinks(t *testing.T) {
	f := newFixture(t, nil)
	sim := f.submitted("alice")
	var link wire.Link
	target := sim.Links.Page + "?tab=comparison#top"
	f.into(&link, http.StatusCreated, ask{method: "POST", path: "/v1/links", as: "submitter", body: `{"target":"` + target + `"}`})
	if len(link.Key) != 16 || link.Path != "/s/"+link.Key || link.Target != target {
		t.Errorf("link %+v", link)
	}
	for visits := int64(1); visits <= 2; visits++ {
		r := f.send(ask{method: "GET", path: link.Path})
		if r.status != http.StatusFound || r.header.Get("Location") != target {
			t.Errorf("followed: %d to %q", r.status, r.header.Get("Location"))
		}
	}
	soon := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	f.into(&link, http.StatusCreated, ask{method: "POST", path: "/v1/links", as: "alice", body: `{"target":"/docs","alias":"q3-caps","expires_at":"` + soon + `"}`})
	if link.Key != "q3-caps" || link.ExpiresAt == nil {
		t.Errorf("alias %+v", link)
	}
	f.refused(conflict, ask{method: "POST", path: "/v1/links", as: "bob", body: `{"target":"/docs","alias":"q3-caps"}`})
	f.refused(notFound, ask{method: "GET", path: "/s/nothing"})
	for _, target := range []string{
		"https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "/s/" + link.Key, "/metrics", "/simulations/../metrics",
		"/docsevil.com", "/docs/%0d%0aX-Evil:1", "/v1/feeds", "/simulations/a%00b", "/simulations/%zz", "/simulations/a\tb",
		"/simulations//x", "/simulations/a b", "simulations/x", "", "/%2f%2fevil.example", "/simulations/%2e%2e/metrics", "/\t/evil.example", "///evil.example",
	} {
		body := `{"target":"` + strings.NewReplacer("\\", "\\\\", "\t", "\\t").Replace(target) + `"}`
		e := f.refused(invalidRequest, ask{method: "POST", path: "/v1/links", as: "alice", body: body})
		if strings.Contains(e.Detail, "parse") || strings.Contains(e.Detail, "net/url") {
			t.Errorf("%q is refused in the words of a parser: %s", target, e.Detail)
		}
	}
	for _, target := range []string{"/", "/docs", "/docs/", "/docs#CONFLICT", "/v1/feed?page_size=2", sim.Links.Comparison} {
		f.into(nil, http.StatusCreated, ask{method: "POST", path: "/v1/links", as: "alice", body: `{"target":"` + target + `"}`})
	}
	for _, alias := range []string{"ab", "A-B-C", "-abc", "a/b/c", "a%2fb", strings.Repeat("a", 65)} {
		f.refused(invalidRequest, ask{method: "POST", path: "/v1/links", as: "alice", body: `{"target":"/docs","alias":"` + alias + `"}`})
	}
	f.refused(invalidRequest, ask{method: "POST", path: "/v1/links", as: "alice", body: `{"target":"/docs","expires_at":"2020-01-01T00:00:00Z"}`})
}

// TestExpiredLink: its time is over, and it says so.
func TestExpiredLink(t *testing.T) {
	f := newFixture(t, nil)
	past := time.Now().Add(-time.Minute)
	if _, err := f.store.CreateLink(t.Context(), store.Link{Key: "over", Tenant: "acme", Target: "/docs", CreatedAt: past.Add(-time.Hour), ExpiresAt: &past}); err != nil {
		t.Fatal(err)
	}
	f.refused(gone, ask{method: "GET", path: "/s/over"})
}

func TestSchedules(t *testing.T) {
	now := time.Date(2026, 3, 7, 12, 0, 0, 0, time.UTC)
	f := newFixture(t, func(o *Options) { o.Now = func() time.Time { return now } })
	config := strings.ReplaceAll(strings.ReplaceAll(study, "\n", "\\n"), `"`, `\"`)
	var c wire.Schedule
	f.into(&c, http.StatusCreated, ask{
		method: "POST", path: "/v1/schedules", as: "submitter",
		body: `{"name":"nightly","cron":"30 2 * * *","timezone":"America/New_York","config":"` + config + `","missed":"run_once","webhook":"https://hooks.example.com/done"}`,
	})
	// 02:30 of 8 March 2026 does not exist in New York: it is due when the clocks go forward, at 07:00 UTC.
	if want := time.Date(2026, 3, 8, 7, 0, 0, 0, time.UTC); c.NextAt == nil || !c.NextAt.Equal(want) {
		t.Errorf("next at %v, want %v", c.NextAt, want)
	}
	if c.CreatedBy != "submitter" || c.Missed != "run_once" || c.Config != study || c.Priority != 5 {
		t.Errorf("created %+v", c)
	}
	path := "/v1/schedules/" + c.ID
	var changed wire.Schedule
	f.into(&changed, http.StatusOK, ask{method: "PATCH", path: path, as: "submitter", body: `{"paused":true}`})
	if !changed.Paused || changed.Cron != c.Cron || !changed.NextAt.Equal(*c.NextAt) {
		t.Errorf("paused %+v", changed)
	}
	now = now.AddDate(0, 0, 10)
	f.into(&changed, http.StatusOK, ask{method: "PATCH", path: path, as: "submitter", body: `{"paused":false}`})
	// 02:30 in New York is 06:30 UTC in summer; what was missed while it was paused is not made up for.
	if want := time.Date(2026, 3, 18, 6, 30, 0, 0, time.UTC); !changed.NextAt.Equal(want) {
		t.Errorf("resumed: next at %v, want %v", changed.NextAt, want)
	}
	f.into(&changed, http.StatusOK, ask{method: "PATCH", path: path, as: "submitter", body: `{"cron":"0 9 * * 1","timezone":"UTC","priority":2}`})
	if want := time.Date(2026, 3, 23, 9, 0, 0, 0, time.UTC); !changed.NextAt.Equal(want) || changed.Priority != 2 {
		t.Errorf("changed: next at %v, want %v", changed.NextAt, want)
	}
	var list wire.ScheduleList
	f.into(&list, http.StatusOK, ask{method: "GET", path: "/v1/schedules", as: "reader"})
	if len(list.Schedules) != 1 || list.Schedules[0].ID != c.ID || list.Schedules[0].Config != "" {
		t.Errorf("listed %+v, want it without its configuration", list)
	}
	f.into(&changed, http.StatusOK, ask{method: "GET", path: path, as: "reader"})
	if changed.Config != study {
		t.Errorf("by itself it has the configuration %q", changed.Config)
	}
	f.into(nil, http.StatusNoContent, ask{method: "DELETE", path: path, as: "submitter"})
	f.refused(notFound, ask{method: "GET", path: path, as: "reader"})
	f.refused(notFound, ask{method: "PATCH", path: path, as: "alice", body: `{}`})
	f.refused(notFound, ask{method: "DELETE", path: path, as: "alice"})
}

func TestMistakesOfASchedule(t *testing.T) {
	f := newFixture(t, nil)
	e := f.refused(invalidRequest, ask{method: "POST", path: "/v1/schedules", as: "alice", body: `{}`})
	if len(e.Errors) != 3 {
		t.Errorf("name, cron and config are missing: %+v", e.Errors)
	}
	const config = `"config":"name: x\ninventory: slots.parquet\ncampaigns: [{id: a, bid_cpm: 1}]\n"`
	for _, body := range []string{
		`{"name":"x","cron":"61 * * * *",` + config + `}`,
		`{"name":"x","cron":"0 0 31 2 *",` + config + `}`,
		`{"name":"x","cron":"0 0 * * *","timezone":"Mars/Olympus",` + config + `}`,
		`{"name":"x","cron":"0 0 * * *","missed":"maybe",` + config + `}`,
		`{"name":"x","cron":"0 0 * * *","priority":8,` + config + `}`,
		`{"name":"x","cron":"0 0 * * *","webhook":"http://169.254.169.254/",` + config + `}`,
		`{"name":"\u0001","cron":"0 0 * * *",` + config + `}`,
	} {
		f.refused(invalidRequest, ask{method: "POST", path: "/v1/schedules", as: "alice", body: body})
	}
	for body, where := range map[string]string{`"cron":"61 * * * *","timezone":"Mars/Olympus"`: "cron", `"cron":"0 0 * * *","timezone":"Mars/Olympus"`: "timezone"} {
		e := f.refused(invalidRequest, ask{method: "POST", path: "/v1/schedules", as: "alice", body: `{"name":"x",` + body + `,` + config + `}`})
		if len(e.Errors) != 1 || e.Errors[0].Path != where {
			t.Errorf("%s: %+v, want it at %s", body, e.Errors, where)
		}
	}
	e = f.refused(invalidConfiguration, ask{method: "POST", path: "/v1/schedules", as: "alice", body: `{"name":"x","cron":"0 0 * * *","config":"name: x\nsede: 1\n"}`})
	if len(e.Errors) == 0 || !strings.HasPrefix(e.Errors[0].Location, "config:") {
		t.Errorf("mistakes %+v", e.Errors)
	}
}
