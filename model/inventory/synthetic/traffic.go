package synthetic

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/whatif-machine/whatif/model"
)

// Behaviour of a visit: a session is a run of pages on few sites, a page is one request with one
// to four slots.
const (
	stayOnSite     = 0.6  // chance that the next page is on the same site
	mainDevice     = 0.75 // share of sessions on the user's main device
	pageSeconds    = 40   // mean time between pages
	basePages      = 3    // mean pages of a session
	heavyPages     = 60   // and one more for each of these slots that the user has
	millisecond    = 1000 // times are logged to the millisecond
	siteExponent   = 0.91 // Zipf
	siteCount      = 12_000
	goldenRatio    = 0.6180339887498949
	siteSeenOnce   = 0.61 // of all sites that occur
	progressEvery  = 1 << 13
	slotsPerCancel = 1 << 10
)

// traffic writes the slots of all visitors, one visitor after another. All slots share one map of
// scalars and one of sets, so a slot is good until the next is made.
type traffic struct {
	o      *Options
	r      *rand.Rand
	places places
	floors floors
	sites  table
	// oneOff is the chance that a page with one slot is on a site that is never seen again.
	oneOff float64
	phase  [3]uint32 // where the sequences of countries, regions and devices begin

	slot            model.Slot
	slots, requests int
	oneOffs         int
	sessionDevice   int
	person          person
	emit            func(s *model.Slot, sampled bool) error
	sampled         bool
}

// person is what stays the same over all slots of a visitor.
type person struct {
	id                    string
	country, region, city int // region and city of the home country only
	age, gender           int // -1: unknown
	interests, segments   []string
	devices               [2]int // main and other
	systems               [2]string
	pages                 float64 // mean pages of a session
}

func newTraffic(o *Options, emit func(*model.Slot, bool) error) *traffic {
	t := &traffic{
		o: o, r: stream(o.Seed, streamTraffic), places: newPlaces(), floors: newFloors(),
		sites: newTable(zipf(siteCount, siteExponent)), emit: emit,
	}
	t.oneOff = oneOffChance(t.sites, o.Slots)
	t.phase = [3]uint32{t.r.Uint32(), t.r.Uint32(), t.r.Uint32()}
	t.slot.Scalars = make(map[string]string, 12)
	t.slot.Sets = make(map[string][]string, 2)
	return t
}

// oneOffChance is how often a page of one slot has to be on a site of its own for siteSeenOnce to
// come out. Of the Zipf sites, one with n expected page views (of about 1.6 slots, half of them alone) is
// seen with probability 1 - e^-n and once with about half of n e^-n.
func oneOffChance(sites table, slots int) float64 {
	views := float64(slots) / 1.6
	visits := views * (1 - stayOnSite/2)
	seen, once := 0.0, 0.0
	for i := range sites {
		n := sites.share(i) * visits
		seen += 1 - math.Exp(-n)
		once += 0.4 * n * math.Exp(-n)
	}
	missing := (siteSeenOnce*seen - once) / (1 - siteSeenOnce)
	return min(max(missing/(0.8*views), 0), 0.2)
}

// run emits every slot. It stops at the first error, and soon after ctx is done.
func (t *traffic) run(ctx context.Context, v *visitors) error {
	next := slotsPerCancel
	for i, n := range v.slots {
		id := ""
		if i < v.identified {
			id = shortID('u', i)
		}
		t.sampled = v.sampled[i]
		t.meet(id, int(n), v.rank[i])
		for left := int(n); left > 0; {
			used, err := t.session(left)
			if err != nil {
				return err
			}
			left -= used
			if t.slots >= next {
				next = t.slots + slotsPerCancel
				if err := ctx.Err(); err != nil {
					return fmt.Errorf("generate: stopped after %d of %d slots: %w", t.slots, t.o.Slots, err)
				}
			}
		}
	}
	return nil
}

// Steps of an additive sequence that fills the cube evenly (2^32 over powers of 1.2207440846, the
// root of x^4 = x + 1). Half of the traffic is that of a few users: were their countries, devices
// and regions drawn at random, the shares in a small log would be anyone's.
const (
	stepCountry = 0xd1b54a33
	stepDevice  = 0xabc98389
	stepRegion  = 0x8cb92ba7
)

// meet draws a new visitor and sets the dimensions that never change over the visitor's slots.
// Visitors of neighbouring ranks have about the same number of slots.
func (t *traffic) meet(id string, slots int, rank uint32) {
	r := t.r
	p := person{id: id, country: countries.table.at(t.phase[0] + rank*stepCountry), age: -1, gender: -1, pages: basePages + float64(slots)/heavyPages}
	if r.Float64() < ageKnown {
		p.age = ages.table.draw(r)
	}
	if r.Float64() < genderKnown {
		p.gender = genders.table.draw(r)
	}
	p.region = regions.table.at(t.phase[1] + rank*stepRegion)
	p.city = t.places.table[p.region].draw(r)
	p.interests = interest.set(r, 1+interestCounts.draw(r))
	if r.Float64() < segmentsKnown {
		p.segments = segments.set(r, 1+segmentCounts.draw(r))
	}
	p.devices = [2]int{devices.table.at(t.phase[2] + rank*stepDevice), devices.table.draw(r)}
	for i := range p.devices {
		system := systems[p.devices[i]]
		p.systems[i] = system.values[system.table.draw(r)]
	}
	t.person = p
	t.describe()
}

// set draws n different values, in the order of the vocabulary.
func (v vocabulary) set(r *rand.Rand, n int) []string {
	var has uint64
	for count := 0; count < n; {
		if bit := uint64(1) << v.table.draw(r); has&bit == 0 {
			has |= bit
			count++
		}
	}
	values := make([]string, 0, n)
	for i, value := range v.values {
		if has>>i&1 == 1 {
			values = append(values, value)
		}
	}
	return values
}

func (t *traffic) describe() {
	p, s := &t.person, t.slot.Scalars
	clear(s)
	clear(t.slot.Sets)
	t.slot.UserID = p.id
	s[dimCountry] = countries.values[p.country]
	if p.country == homeCountry {
		s[dimRegion] = regions.values[p.region]
		s[dimCity] = t.places.cities[p.region][p.city]
	}
	if p.age >= 0 {
		s[dimAge] = ages.values[p.age]
	}
	if p.gender >= 0 {
		s[dimGender] = genders.values[p.gender]
	}
	t.slot.Sets[dimInterests] = p.interests
	if len(p.segments) > 0 {
		t.slot.Sets[dimSegments] = p.segments
	}
}

// session emits one session of at most left slots and says how many it had.
func (t *traffic) session(left int) (int, error) {
	r, s := t.r, t.slot.Scalars
	which := 0
	if r.Float64() >= mainDevice {
		which = 1
	}
	device := t.person.devices[which]
	s[dimDevice], s[dimOS] = devices.values[device], t.person.systems[which]
	t.sessionDevice = device

	at := int64(r.IntN(t.o.Days))*microsPerDay + int64(hours.draw(r))*microsPerHour + r.Int64N(microsPerHour)
	pages := 1 + int(r.ExpFloat64()*(t.person.pages-1))
	site, used := -1, 0
	for page := 0; page < pages && used < left; page++ {
		if page > 0 {
			at += int64(r.ExpFloat64() * pageSeconds * microsPerSecond)
		}
		count := min(1+slotsPerRequest[device].draw(r), left-used)
		if site < 0 || r.Float64() >= stayOnSite {
			site = t.sites.draw(r)
		}
		if err := t.page(at, site, count); err != nil {
			return used, err
		}
		used += count
	}
	return used, nil
}

// page emits the slots of one request. A session that outlasts the log goes on at its beginning.
func (t *traffic) page(at int64, site, count int) error {
	r, s := t.r, t.slot.Scalars
	at %= t.o.horizon()
	t.slot.Time = model.Instant(Start.UnixMicro() + at - at%millisecond)
	t.slot.RequestID = shortID('r', t.requests)
	t.requests++
	category := siteCategories.values[site*5%len(siteCategories.values)]
	name := category + shortID('-', site) + ".example"
	if count == 1 && r.Float64() < t.oneOff {
		name = category + shortID('-', siteCount+t.oneOffs) + ".example"
		t.oneOffs++
	}
	s[dimSite], s[dimSiteCategory] = name, category
	for range count {
		if err := t.place(site); err != nil {
			return err
		}
	}
	return nil
}

// place emits one slot of a page: its size, and a floor that is near that of all slots of this
// size on this site.
func (t *traffic) place(site int) error {
	r, s := t.r, t.slot.Scalars
	size, format, number := videoSize, "video", len(sizes.values)
	if t.sessionDevice != ctv {
		number = sizes.table.draw(r)
		size, format = sizes.values[number], "banner"
	}
	s[dimSize], s[dimFormat] = size, format
	// Multiples of the golden ratio are spread evenly over [0, 1), whichever sites carry the traffic.
	_, u := math.Modf(float64(site*7+number)*goldenRatio + floorNoise*r.Float64())
	t.slot.FloorCPM = t.floors.floor(size, u)
	t.slot.ID = shortID('s', t.slots)
	t.slots++
	if t.slots%progressEvery == 0 && t.slots < t.o.Slots && t.o.Progress != nil {
		t.o.Progress(t.slots, t.o.Slots)
	}
	return t.emit(&t.slot, t.sampled)
}
