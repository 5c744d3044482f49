package studies

import (
	"fmt"
	"math"
	"time"
	_ "time/tzdata" // zones must not depend on the machine

	"github.com/shopspring/decimal"

	"github.com/whatif-machine/whatif/model"
)

// Shape bounds a study; the numbers drawn are between 1 (campaigns: 0) and these.
type Shape struct {
	Slots, Campaigns, Users int
}

// maker is a study in the making.
type maker struct {
	Source
	shape Shape
	zone  *time.Location
	base  model.Instant // the horizon begins about here, before the shift
	span  int           // of the slots' times, in seconds
	shift int64         // days

	values map[string][]string // the values of the dimensions that occur
	dims   []string            // their names, in a fixed order
}

// settings are places and times where calendars do something unusual.
var settings = []struct{ zone, base string }{
	{"UTC", "2026-07-01T00:00:00Z"},
	{"America/New_York", "2026-03-08T06:30:00Z"},    // 02:00 -> 03:00
	{"America/New_York", "2026-11-01T04:30:00Z"},    // 02:00 -> 01:00
	{"Europe/Berlin", "2026-03-28T22:30:00Z"},       // a day of 23 hours begins
	{"America/St_Johns", "2010-11-07T02:00:00Z"},    // 00:01 -> 23:01: the local date goes back
	{"America/Sao_Paulo", "2018-02-18T01:00:00Z"},   // 24:00 -> 23:00
	{"America/Sao_Paulo", "2018-11-04T02:30:00Z"},   // 00:00 -> 01:00: a day without midnight
	{"Pacific/Apia", "2011-12-30T08:00:00Z"},        // a local date that never was
	{"Australia/Lord_Howe", "2026-04-04T13:00:00Z"}, // half an hour back
	{"Asia/Kolkata", "2026-12-31T17:00:00Z"},        // the year ends, offset by half an hour
	{"UTC", "1969-12-31T22:00:00Z"},                 // units below and above 0
	{"Asia/Tokyo", "2024-02-28T14:00:00Z"},          // a leap day
}

// Random makes a valid study out of the source's choices.
func Random(src Source, shape Shape) ([]model.Slot, *model.Scenario) {
	m := newMaker(src, shape)
	slots := m.slots()
	return slots, m.scenario()
}

// Several makes one inventory and n scenarios on it that have only zone and shift in common, as
// the variants of one process share a snapshot.
func Several(src Source, shape Shape, n int) ([]model.Slot, []*model.Scenario) {
	m := newMaker(src, shape)
	slots := m.slots()
	scenarios := make([]*model.Scenario, n)
	for i := range scenarios {
		scenarios[i] = m.scenario()
	}
	return slots, scenarios
}

// newMaker chooses where and when the study plays.
func newMaker(src Source, shape Shape) *maker {
	m := &maker{Source: src, shape: shape, values: map[string][]string{}}
	setting := pick(src, settings...)
	zone, err := time.LoadLocation(setting.zone)
	if err != nil {
		panic(err) // the zones are compiled in
	}
	base, err := time.Parse(time.RFC3339, setting.base)
	if err != nil {
		panic(err)
	}
	m.zone, m.base = zone, model.Instant(base.UnixMicro())
	m.span = pick(src, 60, 3*3600, 3*3600, 86_400, 9*86_400, 70*86_400)
	m.shift = pick[int64](src, 0, 0, 0, 7, 364, -1)
	return m
}

// slots draws the inventory; slots come in no order.
func (m *maker) slots() []model.Slot {
	n := between(m, 1, m.shape.Slots)
	unknown := pick(m, 0, 10, 10, 30, 100) // percent of unidentified slots
	if unknown == 100 && chance(m, 60) {
		unknown = 10
	}
	tick := pick(m, 1, 1, max(1, m.span/7), max(1, m.span/50), m.span) // a coarse one makes times coincide
	slots := make([]model.Slot, n)
	for i := range slots {
		slots[i] = m.slot(i, unknown, tick)
	}
	for _, name := range []string{"country", "site", "mobile", "segments", "topics"} {
		if len(m.values[name]) > 0 {
			m.dims = append(m.dims, name)
		}
	}
	return slots
}

func (m *maker) slot(i, unknown, tick int) model.Slot {
	seconds := m.Intn(m.span/tick+1) * tick
	s := model.Slot{
		ID:       fmt.Sprintf("%s%d", pick(m, "s", "slot-", "x/é", "a-rather-long-slot-id-that-fills-a-stripe-"), i),
		Time:     m.base + model.Instant(seconds)*1_000_000,
		FloorCPM: model.CPM(pick(m, 0, 0, 500_000, 1_000_000, 1_000_001, 2_000_000, 3_500_000)),
		Scalars:  map[string]string{},
		Sets:     map[string][]string{},
	}
	if tick == 1 && chance(m, 30) {
		s.Time += model.Instant(m.Intn(1_000_000))
	}
	if !chance(m, unknown) {
		s.UserID = fmt.Sprintf("u%d", m.Intn(m.Intn(m.shape.Users)+1)) // low numbers have most
	}
	if chance(m, 50) {
		s.RequestID = fmt.Sprintf("r%d", m.Intn(m.shape.Slots/3+1))
	}
	m.scalar(&s, "country", 85, "US", "CA", "DE", "")
	m.scalar(&s, "site", 95, "a.example", "b.example", "c.example", "d.example", "e.example", "f.example")
	m.scalar(&s, "mobile", 70, "true", "false")
	m.set(&s, "segments", "auto", "sport", "travel", "food", "news")
	m.set(&s, "topics", "1", "2", "3")
	return s
}

// scalar gives a slot a value of a dimension in percent of 100 cases; an empty one is missing.
func (m *maker) scalar(s *model.Slot, name string, percent int, values ...string) {
	if v := pick(m, values...); v != "" && chance(m, percent) {
		s.Scalars[name] = v
		m.values[name] = values
	}
}

// set gives a slot some of the values of a multi-valued dimension, often none.
func (m *maker) set(s *model.Slot, name string, values ...string) {
	for _, v := range values {
		if chance(m, 30) {
			s.Sets[name] = append(s.Sets[name], v)
			m.values[name] = values
		}
	}
}

// scenario draws campaigns, policy, edits and report.
func (m *maker) scenario() *model.Scenario {
	sc := &model.Scenario{
		Seed:      pick[int64](m, 0, 1, 42, math.MaxInt64, int64(m.Intn(1<<30))),
		Replicate: pick(m, 0, 0, 0, 1, 2, 7),
		Location:  m.zone,
		ShiftDays: m.shift,
		Policy: model.Policy{
			Auction:           pick(m, model.FirstPrice, model.SecondPrice),
			WithinPriority:    pick(m, model.ByBid, model.ByNeed),
			OnePerRequest:     pick(m, model.SeparateNone, model.SeparateCampaign, model.SeparateAdvertiser, model.SeparateCategory),
			UnidentifiedUsers: pick(m, model.SkipCapped, model.ServeUnknowns),
		},
	}
	for i := range m.Intn(m.shape.Campaigns + 1) {
		written := m.campaign(i)
		sc.Written = append(sc.Written, written)
		sc.Campaigns = append(sc.Campaigns, m.edited(written))
	}
	for i := range pick(m, 0, 0, 1, 2, 3) {
		sc.CapGroups = append(sc.CapGroups, model.CapGroup{
			Name: fmt.Sprintf("group%d", i), Where: m.campaignExpr(), FrequencyCaps: m.caps(1),
		})
	}
	m.slotEdits(&sc.Slots)
	sc.Report = m.report()
	return sc
}

func (m *maker) slotEdits(e *model.SlotEdits) {
	for range pick(m, 0, 0, 0, 1, 2) {
		e.Where = append(e.Where, m.slotExpr(2))
	}
	for range pick(m, 0, 0, 1, 3) {
		op := pick(m, model.OpSet, model.OpMultiply, model.OpAdd)
		value := pick(m, "0", "0.5", "1", "1.0000005", "2.5", "0.3333333", "1.5")
		if op == model.OpAdd && chance(m, 40) {
			value = "-" + value
		}
		e.Floors = append(e.Floors, model.FloorEdit{Op: op, Value: decimal.RequireFromString(value), Where: m.sometimes(50)})
	}
	for range pick(m, 0, 0, 1, 2) {
		factor := pick(m, "0.5", "1", "1.3", "2", "0", "2.75", "0.000001", "3.999999")
		e.Traffic = append(e.Traffic, model.TrafficEdit{Factor: decimal.RequireFromString(factor), Where: m.sometimes(50)})
	}
	if chance(m, 25) {
		share := decimal.RequireFromString(pick(m, "0.5", "1", "0.1", "0.75", "0.000001"))
		e.Sample = &share
	}
}

func (m *maker) report() model.Report {
	r := model.Report{Losses: chance(m, 75), Contention: chance(m, 50)}
	for _, d := range append([]string{model.HourOfDay, model.DayOfWeek, model.Day}, m.dims...) {
		if chance(m, 35) {
			r.Breakdowns = append(r.Breakdowns, d)
		}
	}
	for _, key := range []string{"advertiser", "priority", "category", "labels.team", "labels.nobody-has-it"} {
		if chance(m, 40) {
			r.Groups = append(r.Groups, key)
		}
	}
	if chance(m, 50) {
		universe := int64(between(m, 1, 1000))
		r.Universe = &universe
	}
	return r
}
