package synthetic_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// logSurvey is what was counted in a snapshot, read back slot by slot.
type logSurvey struct {
	slots      int
	perUser    []int
	anonymous  int
	values     map[string]map[string]int // dimension, value ("" missing): slots
	hours      [24]int
	floors     []model.CPM
	floorsOf   map[string][]model.CPM // by size
	requests   map[string]*request
	fickle     int // slots on which a user differs from the user's first slot
	badRequest int // slots that differ from their request's first
}

type request struct {
	user, site string
	time       model.Instant
	slots      int
}

var scalars = []string{"age", "city", "country", "device_type", "format", "gender", "os", "region", "site", "site_category", "size"}

func survey(t *testing.T, path string) *logSurvey {
	t.Helper()
	s := &logSurvey{values: map[string]map[string]int{}, floorsOf: map[string][]model.CPM{}, requests: map[string]*request{}}
	for _, d := range scalars {
		s.values[d] = map[string]int{}
	}
	users, people, ids := map[string]int{}, map[string]string{}, map[string]bool{}
	for slot, err := range inventory.ReadSlots(t.Context(), []string{path}) {
		if err != nil {
			t.Fatal(err)
		}
		s.slots++
		if ids[slot.ID] || len(slot.ID) > 8 {
			t.Fatalf("slot id %q is taken or long", slot.ID)
		}
		ids[slot.ID] = true
		for _, d := range scalars {
			s.values[d][slot.Scalars[d]]++
		}
		if at := time.UnixMicro(int64(slot.Time)).UTC(); at.Before(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)) || !at.Before(time.Date(2026, 7, 8, 0, 0, 0, 0, time.UTC)) {
			t.Fatalf("slot %s is at %v", slot.ID, at)
		} else {
			s.hours[at.Hour()]++
		}
		s.floors = append(s.floors, slot.FloorCPM)
		s.floorsOf[slot.Scalars["size"]] = append(s.floorsOf[slot.Scalars["size"]], slot.FloorCPM)
		s.person(&slot, users, people)
		s.request(&slot)
	}
	for _, n := range users {
		s.perUser = append(s.perUser, n)
	}
	return s
}

// person counts a user's slots and compares what should be the same on all of them.
func (s *logSurvey) person(slot *model.Slot, users map[string]int, people map[string]string) {
	if slot.UserID == "" {
		s.anonymous++
		return
	}
	users[slot.UserID]++
	x := slot.Scalars
	person := strings.Join([]string{x["age"], x["gender"], x["country"], x["region"], x["city"],
		strings.Join(slot.Sets["interests"], ","), strings.Join(slot.Sets["segments"], ",")}, "|")
	if first, known := people[slot.UserID]; known && first != person {
		s.fickle++
	}
	people[slot.UserID] = person
}

func (s *logSurvey) request(slot *model.Slot) {
	r := s.requests[slot.RequestID]
	if r == nil {
		r = &request{user: slot.UserID, site: slot.Scalars["site"], time: slot.Time}
		s.requests[slot.RequestID] = r
	}
	r.slots++
	if r.user != slot.UserID || r.site != slot.Scalars["site"] || r.time != slot.Time {
		s.badRequest++
	}
}

// percent is the share of the slots that have a value.
func (s *logSurvey) percent(dimension, value string) float64 {
	return 100 * float64(s.values[dimension][value]) / float64(s.slots)
}

// Impressions per user: 2/6/18/669 in 3.7 days (mean 2.9), 3/14/48/711 on a news site (mean 6);
// at the standard study's mean of 4.8 between the two, with the heavy users that its half of the traffic takes.
func assertUsers(t *testing.T, s *logSurvey) {
	within(t, "slots per user, p50", quantileOf(s.perUser, 0.5), 2, 3)
	within(t, "slots per user, p90", quantileOf(s.perUser, 0.9), 5, 14)
	within(t, "slots per user, p99", quantileOf(s.perUser, 0.99), 18, 64)
	within(t, "slots per user, max", quantileOf(s.perUser, 1), 669, 1200)
	near(t, "slots without a user, %", 100*float64(s.anonymous)/float64(s.slots), 3.75, 0.01) // 750 of 20,000
	if s.fickle > 0 {
		t.Errorf("on %d slots a user has another age, gender, place, interest or segment than before", s.fickle)
	}
}

// One country 86 %, 35 regions with the largest 11 %, 351 cities.
func assertPlaces(t *testing.T, s *logSurvey) {
	near(t, "home country, %", s.percent("country", "US"), 86, 2)
	known := func(dimension string) []string {
		return slices.DeleteFunc(slices.Collect(maps.Keys(s.values[dimension])), func(v string) bool { return v == "" })
	}
	if n := len(known("region")); n != 35 {
		t.Errorf("%d regions, want 35", n)
	}
	largest := slices.MaxFunc(known("region"), func(a, b string) int { return cmp.Compare(s.values["region"][a], s.values["region"][b]) })
	near(t, "largest region, %", s.percent("region", largest), 11, 1.5)
	within(t, "cities", float64(len(known("city"))), 345, 351)
}

// Shares by hour, device and size as in real logs.
func assertTraffic(t *testing.T, s *logSurvey) {
	real := []float64{3.2, 2.2, 1.4, 1.2, 1.5, 2.0, 3.0, 4.1, 4.7, 5.0, 5.1, 5.1, 5.0, 5.0, 5.0, 5.0, 5.1, 5.1, 5.3, 5.5, 5.6, 5.7, 5.2, 4.0}
	for h, want := range real {
		near(t, "slots by hour, %", 100*float64(s.hours[h])/float64(s.slots), want, 0.7)
	}
	near(t, "desktop, %", s.percent("device_type", "desktop"), 47, 3)
	near(t, "mobile, %", s.percent("device_type", "mobile"), 40, 3)
	near(t, "tablet, %", s.percent("device_type", "tablet"), 12, 2)
	within(t, "connected TV, %", s.percent("device_type", "ctv"), 0.3, 3)
	near(t, "300x250, %", s.percent("size", "300x250"), 39, 1.5)
	near(t, "728x90, %", s.percent("size", "728x90"), 36, 1.5)
	near(t, "160x600, %", s.percent("size", "160x600"), 20, 1.5)
	if s.percent("size", "336x280") < s.percent("size", "468x60") || s.values["size"]["468x60"] == 0 {
		t.Error("336x280 comes before 468x60, and both occur")
	}
}

// Top 10 sites 15 to 27 %, top 100 39 %, 61 % of sites seen once.
func assertSites(t *testing.T, s *logSurvey) {
	counts := slices.Collect(maps.Values(s.values["site"]))
	slices.SortFunc(counts, func(a, b int) int { return b - a })
	sum, once := 0, 0
	for i, n := range counts {
		sum += n
		switch i {
		case 9:
			within(t, "top 10 sites, %", 100*float64(sum)/float64(s.slots), 15, 27)
		case 99:
			near(t, "top 100 sites, %", 100*float64(sum)/float64(s.slots), 39, 3)
		}
		if n == 1 {
			once++
		}
	}
	near(t, "sites seen once, %", 100*float64(once)/float64(len(counts)), 61, 5)
}

// 36 to 39 % of floors are zero; p50/p90/p99 of the rest stand as 5 : 70 : 188, and depend on size.
func assertFloors(t *testing.T, s *logSurvey) {
	positive := func(floors []model.CPM) []model.CPM {
		return slices.DeleteFunc(slices.Clone(floors), func(f model.CPM) bool { return f == 0 })
	}
	some := positive(s.floors)
	within(t, "zero floors, %", 100-100*float64(len(some))/float64(s.slots), 36, 39)
	median := quantileOf(some, 0.5)
	near(t, "floors, p90/p50", quantileOf(some, 0.9)/median, 70./5, 2)
	near(t, "floors, p99/p50", quantileOf(some, 0.99)/median, 188./5, 5)
	within(t, "median floor of 300x250 over that of 160x600",
		quantileOf(positive(s.floorsOf["300x250"]), 0.5)/quantileOf(positive(s.floorsOf["160x600"]), 0.5), 1.3, 5)
}

// A request has one to four slots of one user on one page, and a user's requests come in sessions:
// most follow the one before within half an hour, although the log has 336 half hours.
func assertVisits(t *testing.T, s *logSurvey) {
	if s.badRequest > 0 {
		t.Errorf("%d slots differ in user, site or time from others of their request", s.badRequest)
	}
	var sizes [5]int
	times := map[string][]model.Instant{}
	for _, r := range s.requests {
		if r.slots > 4 {
			t.Fatalf("a request has %d slots", r.slots)
		}
		sizes[r.slots]++
		if r.user != "" {
			times[r.user] = append(times[r.user], r.time)
		}
	}
	for n := 1; n <= 4; n++ {
		if sizes[n] == 0 {
			t.Errorf("no request has %d slots", n)
		}
	}
	within(t, "slots per request", float64(s.slots)/float64(len(s.requests)), 1.2, 1.8)
	gaps, short := 0, 0
	for _, at := range times {
		if len(at) > 20 { // heavy users would be close without sessions
			continue
		}
		slices.Sort(at)
		for i := 1; i < len(at); i++ {
			gaps++
			if at[i]-at[i-1] < 30*60*1_000_000 {
				short++
			}
		}
	}
	within(t, "gaps below half an hour, %", 100*float64(short)/float64(gaps), 60, 95)
}

// Figures of 9,826 real campaigns.
func assertCampaigns(t *testing.T, campaigns []model.Campaign) {
	var bids []model.CPM
	var days, goals []int64
	advertisers, before := map[string]int{}, 0
	for i := range campaigns {
		c := &campaigns[i]
		bids = append(bids, c.BidCPM)
		days = append(days, int64(*c.End-*c.Start)/(24*3600*1_000_000))
		if c.Goal != nil {
			goals = append(goals, *c.Goal)
		}
		advertisers[c.Advertiser]++
		if *c.Start < model.Instant(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC).UnixMicro()) {
			before++
		}
	}
	near(t, "bid p10", quantileOf(bids, 0.1)/1e6, 1.32, 0.05)
	near(t, "bid p50", quantileOf(bids, 0.5)/1e6, 3.27, 0.05)
	near(t, "bid p90", quantileOf(bids, 0.9)/1e6, 9.84, 0.3)
	near(t, "bid p99", quantileOf(bids, 0.99)/1e6, 18.7, 1)
	near(t, "flight p50, days", quantileOf(days, 0.5), 19, 1)
	near(t, "flight p90, days", quantileOf(days, 0.9), 56, 2)
	// 66 k/1.1 M/9.6 M: their ratios, but for campaigns that match too few slots for their volume
	// and for those of the levers' advertiser.
	near(t, "goals, p90/p50", quantileOf(goals, 0.9)/quantileOf(goals, 0.5), 1100./66, 5)
	near(t, "goals, p99/p50", quantileOf(goals, 0.99)/quantileOf(goals, 0.5), 9600./66, 60)
	within(t, "begun before the log, %", 100*float64(before)/float64(len(campaigns)), 50, 90)
	for dimension, want := range map[string]float64{"age": 0.93, "region": 0.36, "interests": 0.20, "city": 0.14, "gender": 0.09} {
		near(t, "targeting "+dimension, shareOf(campaigns, func(c *model.Campaign) bool { return targets(c, dimension) }), want, 0.001)
	}
	if n := advertisers["acme"]; n < 2 {
		t.Errorf("the advertiser of the levers has %d campaigns", n)
	}
	within(t, "campaigns per advertiser", float64(len(campaigns))/float64(len(advertisers)), 3, 10)
}
