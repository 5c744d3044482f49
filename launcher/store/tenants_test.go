package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tenantMethods are all methods of a tenant that name a simulation.
func tenantMethods(s *Store, tenant, id string) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Simulation": func(ctx context.Context) error { _, err := s.Simulation(ctx, tenant, id); return err },
		"Inputs":     func(ctx context.Context) error { _, err := s.Inputs(ctx, tenant, id); return err },
		"Variants":   func(ctx context.Context) error { _, _, err := s.Variants(ctx, tenant, id, "", Page{}); return err },
		"Variant":    func(ctx context.Context) error { _, err := s.Variant(ctx, tenant, id, "baseline"); return err },
		"Cancel":     func(ctx context.Context) error { _, err := s.Cancel(ctx, tenant, id, "eve"); return err },
		"Pause":      func(ctx context.Context) error { _, err := s.Pause(ctx, tenant, id, "eve"); return err },
		"Resume":     func(ctx context.Context) error { _, err := s.Resume(ctx, tenant, id, "eve"); return err },
		"Retry":      func(ctx context.Context) error { _, err := s.Retry(ctx, tenant, id, "eve", nil); return err },
		"Delete":     func(ctx context.Context) error { return s.Delete(ctx, tenant, id, "eve") },
		"Events":     func(ctx context.Context) error { _, err := s.Events(ctx, tenant, id, 0, 10); return err },
		"AddNote": func(ctx context.Context) error {
			_, err := s.AddNote(ctx, tenant, Note{SimulationID: id, Author: "eve", Text: "mine"})
			return err
		},
		"Notes": func(ctx context.Context) error { _, _, err := s.Notes(ctx, tenant, id, Page{}); return err },
	}
}

// Of another tenant nothing is seen and nothing changed.
func TestTenants(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		clock := newClock()
		s := d.open(t, Options{Now: clock.Now})
		for _, situation := range []string{"scheduled", "queued", "running", "paused", "failed"} {
			id := "20260701-" + situation
			in(t, s, clock, situation, id)
			before := must[Simulation](t)(s.Simulation(t.Context(), "acme", id))
			for name, call := range tenantMethods(s, "globex", id) {
				if err := call(t.Context()); !errors.Is(err, ErrNotFound) {
					t.Errorf("%s of a %s one: %v", name, situation, err)
				}
			}
			if diff := cmp.Diff(before, must[Simulation](t)(s.Simulation(t.Context(), "acme", id))); diff != "" {
				t.Errorf("%s: %s", situation, diff)
			}
			if situation == "queued" { // out of the next claim's way
				must[Simulation](t)(s.Cancel(t.Context(), "acme", id, "ada"))
			}
		}
		schedule := must[Schedule](t)(s.CreateSchedule(t.Context(), Schedule{ID: "s1", Tenant: "acme", Missed: MissedSkip, NextAt: clock.Now()}))
		stolen := schedule
		stolen.Tenant, stolen.Name = "globex", "stolen"
		_, read := s.Schedule(t.Context(), "globex", "s1")
		_, update := s.UpdateSchedule(t.Context(), stolen)
		for name, err := range map[string]error{"Schedule": read, "UpdateSchedule": update, "DeleteSchedule": s.DeleteSchedule(t.Context(), "globex", "s1")} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, fired, err := s.Fire(t.Context(), stolen, clock.Now(), time.Time{}, nil, "x"); fired || err != nil {
			t.Errorf("Fire: %v, %v", fired, err)
		}
		if diff := cmp.Diff(schedule, must[Schedule](t)(s.Schedule(t.Context(), "acme", "s1"))); diff != "" {
			t.Error(diff)
		}
		sims, _, err := s.Simulations(t.Context(), Filter{Tenant: "globex"}, Page{})
		feed, _, err2 := s.Feed(t.Context(), "globex", Page{})
		schedules, _, err3 := s.Schedules(t.Context(), "globex", Page{})
		if len(sims)+len(feed)+len(schedules) != 0 || errors.Join(err, err2, err3) != nil {
			t.Errorf("globex has %v %v %v, %v", sims, feed, schedules, errors.Join(err, err2, err3))
		}
	})
}

// Every listing, page by page, has each row once, in order; a token goes with its own listing and filter only.
func TestPages(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t, Options{})
		l := claimed(t, s, study("acme", "20260701-run", 7), "a")
		must[[]Variant](t)(s.Begin(t.Context(), l, names(7)))
		for i := range 7 {
			sub := study("acme", fmt.Sprint("20260701-", i), 1)
			submit(t, s, sub)
			must[Note](t)(s.AddNote(t.Context(), "acme", Note{SimulationID: "20260701-run", Author: "ada", Text: fmt.Sprint(i)}))
			must[Schedule](t)(s.CreateSchedule(t.Context(), Schedule{ID: fmt.Sprint("s", i), Tenant: "acme", Name: fmt.Sprint("name ", i/2), Missed: MissedSkip}))
		}
		filter := Filter{Tenant: "acme", Owner: "ada", State: Queued, Labels: map[string]string{"quarter": "q3"}}
		listings := map[string]func(Page) ([]string, string, error){
			"simulations": func(p Page) ([]string, string, error) {
				page, next, err := s.Simulations(t.Context(), filter, p)
				return texts1(page, func(s Simulation) string { return s.ID }), next, err
			},
			"variants": func(p Page) ([]string, string, error) {
				page, next, err := s.Variants(t.Context(), "acme", "20260701-run", VariantPending, p)
				return texts1(page, func(v Variant) string { return v.ID }), next, err
			},
			"notes": func(p Page) ([]string, string, error) {
				page, next, err := s.Notes(t.Context(), "acme", "20260701-run", p)
				return texts1(page, func(n Note) string { return n.Text }), next, err
			},
			"schedules": func(p Page) ([]string, string, error) {
				page, next, err := s.Schedules(t.Context(), "acme", p)
				return texts1(page, func(c Schedule) string { return c.ID }), next, err
			},
		}
		want := map[string][]string{
			"simulations": {"20260701-6", "20260701-5", "20260701-4", "20260701-3", "20260701-2", "20260701-1", "20260701-0"},
			"variants":    names(7),
			"notes":       {"0", "1", "2", "3", "4", "5", "6"},
			"schedules":   {"s0", "s1", "s2", "s3", "s4", "s5", "s6"},
		}
		tokens := map[string]string{}
		for name, listing := range listings {
			for size := 1; size <= 8; size++ {
				var all []string
				for p := (Page{Size: size}); ; {
					page, next, err := listing(p)
					if err != nil || len(page) > size || next != "" && len(page) != size {
						t.Fatalf("%s: a page of %d: %d rows, next %q, %v", name, size, len(page), next, err)
					}
					all = append(all, page...)
					if next == "" {
						break
					}
					p.Token, tokens[name] = next, next
				}
				if diff := cmp.Diff(want[name], all); diff != "" {
					t.Errorf("%s, pages of %d: %s", name, size, diff)
				}
			}
		}
		for name, listing := range listings {
			for of, token := range tokens {
				if _, _, err := listing(Page{Token: token}); of != name && !errors.Is(err, ErrPageToken) {
					t.Errorf("%s took a token of %s: %v", name, of, err)
				}
			}
			for _, token := range []string{"x", "!!", "e30"} {
				if _, _, err := listing(Page{Token: token}); !errors.Is(err, ErrPageToken) {
					t.Errorf("%s took the token %q: %v", name, token, err)
				}
			}
		}
		filter.State = Running
		if _, _, err := listings["simulations"](Page{Token: tokens["simulations"]}); !errors.Is(err, ErrPageToken) {
			t.Errorf("another filter took the token: %v", err)
		}
		filter.State, filter.Labels = "", map[string]string{"quarter": "q4"}
		if page, _, err := listings["simulations"](Page{}); len(page) != 0 || err != nil {
			t.Errorf("another label's: %v, %v", page, err)
		}
	})
}

func texts1[T any](rows []T, of func(T) string) []string {
	var all []string
	for _, row := range rows {
		all = append(all, of(row))
	}
	return all
}

// Whoever changes a simulation, its events are numbered without a gap, and the feed has those marked for it, newest first.
func TestEventsWithoutGaps(t *testing.T) {
	each(t, func(t *testing.T, d database) {
		s := d.open(t, Options{})
		l := claimed(t, s, study("acme", "20260701-a", 200), "a")
		must[[]Variant](t)(s.Begin(t.Context(), l, names(200)))
		var all sync.WaitGroup
		for g := range 4 {
			all.Go(func() {
				for i := range 50 {
					ok2(t, s.Record(t.Context(), l, []VariantChange{{VariantID: names(200)[g*50+i], State: VariantSucceeded, Attempt: int64(g*50 + i + 1)}}))
				}
			})
		}
		for range 2 {
			all.Go(func() {
				for i := range 25 {
					_, err := s.AddNote(t.Context(), "acme", Note{SimulationID: "20260701-a", Author: "ada", Text: fmt.Sprint(i)})
					ok2(t, err)
				}
			})
		}
		all.Go(func() {
			for range 20 {
				_, err := s.Pause(t.Context(), "acme", "20260701-a", "ada")
				ok2(t, err)
				_, err = s.Resume(t.Context(), "acme", "20260701-a", "ada")
				ok2(t, err)
			}
		})
		all.Wait()
		// Queued and running, two of each variant, the notes, a wish and its end twenty times.
		var seen int64
		for {
			page := must[[]Event](t)(s.Events(t.Context(), "acme", "20260701-a", seen, 97))
			for _, e := range page {
				seen++
				if e.Seq != seen {
					t.Fatalf("event %d comes after %d", e.Seq, seen-1)
				}
			}
			if len(page) == 0 {
				break
			}
		}
		sim := must[Simulation](t)(s.Simulation(t.Context(), "acme", "20260701-a"))
		if seen != 2+400+50+40 || sim.Events != seen || sim.Counts != (Counts{Succeeded: 200}) {
			t.Errorf("%d events, the simulation says %d, %+v", seen, sim.Events, sim.Counts)
		}
		var fed []int64
		for p := (Page{Size: 7}); ; {
			page, next, err := s.Feed(t.Context(), "acme", p)
			ok(t, err)
			for _, e := range page {
				fed = append(fed, e.Seq)
			}
			if p.Token = next; next == "" {
				break
			}
		}
		for i := 1; i < len(fed); i++ {
			if fed[i] >= fed[i-1] {
				t.Errorf("the feed has event %d after %d", fed[i], fed[i-1])
			}
		}
		if len(fed) != 52 {
			t.Errorf("the feed has %d, want the two states and fifty notes", len(fed))
		}
	})
}

// ok2 is ok for goroutines of a test.
func ok2(t *testing.T, err error) {
	if err != nil {
		t.Error(err)
	}
}
