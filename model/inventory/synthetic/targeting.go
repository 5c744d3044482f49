package synthetic

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/whatif-machine/whatif/model"
)

// audience is a targeting expression and the share of slots it matches, by the shares of world.go.
type audience struct {
	expr  *model.Expr
	share float64
}

// Shares of campaigns that target something. Age, regions, interests, gender and places (postal
// codes there, cities here) are those of 9,826 real campaigns.
const (
	targetAge       = 0.93
	targetRegions   = 0.36
	targetInterests = 0.20
	targetCities    = 0.14
	targetGender    = 0.09

	targetDevice      = 0.25
	targetSizes       = 0.25
	targetCategories  = 0.12
	avoidCategories   = 0.10
	targetSegments    = 0.08
	targetHours       = 0.05
	targetHomeCountry = 0.30 // of those without regions
)

// traits say which campaign targets what, so that the shares above come out exactly.
type traits struct {
	age, regions, interests, cities, gender, device, sizes, categories, avoid, segments, hours []bool
}

func newTraits(r *rand.Rand, n int) traits {
	return traits{
		age: chosen(r, n, targetAge), regions: chosen(r, n, targetRegions), interests: chosen(r, n, targetInterests),
		cities: chosen(r, n, targetCities), gender: chosen(r, n, targetGender), device: chosen(r, n, targetDevice),
		sizes: chosen(r, n, targetSizes), categories: chosen(r, n, targetCategories), avoid: chosen(r, n, avoidCategories),
		segments: chosen(r, n, targetSegments), hours: chosen(r, n, targetHours),
	}
}

// audience draws campaign i's targeting. breadth, in [0, 1], is how wide its lists are.
func (t *traits) audience(r *rand.Rand, i int, breadth float64) audience {
	all := audience{expr: &model.Expr{Op: model.OpAll}, share: 1}
	and := func(is bool, draw func(*rand.Rand, float64) audience) {
		if is {
			part := draw(r, breadth)
			all.expr.Args = append(all.expr.Args, part.expr)
			all.share *= part.share
		}
	}
	and(t.age[i], ageAudience)
	and(t.gender[i], genderAudience)
	switch {
	case t.regions[i] && t.cities[i]: // either of them will do
		all.either(regionAudience(r, breadth), cityAudience(r, breadth))
	case t.regions[i]:
		and(true, regionAudience)
	case t.cities[i]:
		and(true, cityAudience)
	default:
		and(r.Float64() < targetHomeCountry, homeAudience)
	}
	and(t.interests[i], interestAudience)
	and(t.segments[i], segmentAudience)
	and(t.device[i], deviceAudience)
	and(t.sizes[i], sizeAudience)
	and(t.categories[i], categoryAudience)
	and(t.hours[i], hourAudience)
	and(t.avoid[i] && !t.categories[i], avoidAudience)
	switch len(all.expr.Args) {
	case 0:
		all.expr = nil
	case 1:
		all.expr = all.expr.Args[0]
	}
	return all
}

// either ANDs "a or b".
func (all *audience) either(a, b audience) {
	all.expr.Args = append(all.expr.Args, &model.Expr{Op: model.OpAny, Args: []*model.Expr{a.expr, b.expr}})
	all.share *= 1 - (1-a.share)*(1-b.share)
}

// width is a whole number between low and high, near high for a wide breadth.
func width(r *rand.Rand, low, high int, breadth float64) int {
	f := min(0.75*breadth+0.2*r.Float64(), 1)
	return low + int(f*float64(high-low)+0.5)
}

// in is membership of a dimension.
func in(dimension string, values ...string) *model.Expr {
	return &model.Expr{Op: model.OpIn, Dimension: dimension, Values: values}
}

// ageAudience is a run of neighbouring ages, or all but the oldest or the youngest.
func ageAudience(r *rand.Rand, breadth float64) audience {
	n := len(ages.values)
	if r.Float64() < 0.1+0.3*breadth {
		edge := r.IntN(2) * (n - 1)
		return audience{&model.Expr{Op: model.OpNot, Args: []*model.Expr{in(dimAge, ages.values[edge])}}, 1 - ageKnown*ages.table.share(edge)}
	}
	w := width(r, 1, n-1, breadth)
	first := r.IntN(n - w + 1)
	share := 0.0
	for i := first; i < first+w; i++ {
		share += ages.table.share(i)
	}
	return audience{in(dimAge, ages.values[first:first+w]...), share * ageKnown}
}

func genderAudience(r *rand.Rand, _ float64) audience {
	g := genders.table.draw(r)
	return audience{in(dimGender, genders.values[g]), genders.table.share(g) * genderKnown}
}

func homeAudience(*rand.Rand, float64) audience {
	return audience{in(dimCountry, countries.values[homeCountry]), countries.table.share(homeCountry)}
}

// pick is a list of n different values of a vocabulary, with their chance in one draw.
func pick(r *rand.Rand, dimension string, v vocabulary, n int) audience {
	values := v.set(r, n)
	share := 0.0
	for i, value := range v.values {
		if slices.Contains(values, value) {
			share += v.table.share(i)
		}
	}
	return audience{in(dimension, values...), share}
}

// pickSet is pick over a multi-valued dimension of which a user has count values, known of a share.
func pickSet(r *rand.Rand, dimension string, v vocabulary, n int, counts table, known float64) audience {
	a := pick(r, dimension, v, n)
	miss, none := 0.0, 1.0
	for i := range counts {
		none *= 1 - a.share
		miss += counts.share(i) * none
	}
	a.share = known * (1 - miss)
	return a
}

func regionAudience(r *rand.Rand, breadth float64) audience {
	a := pick(r, dimRegion, regions, width(r, 3, 16, breadth))
	a.share *= countries.table.share(homeCountry)
	return a
}

// citiesOfARegion is how many of a region's largest cities are targeted together.
const citiesOfARegion = 2

// cityAudience is the largest cities of a few regions.
func cityAudience(r *rand.Rand, breadth float64) audience {
	home := newPlaces()
	chosen := regions.set(r, width(r, 2, 8, breadth))
	var cities []string
	share := 0.0
	for i, name := range regions.values {
		if !slices.Contains(chosen, name) {
			continue
		}
		for c := range citiesOfARegion {
			cities = append(cities, home.cities[i][c])
			share += regions.table.share(i) * home.table[i].share(c)
		}
	}
	return audience{in(dimCity, cities...), share * countries.table.share(homeCountry)}
}

func interestAudience(r *rand.Rand, breadth float64) audience {
	return pickSet(r, dimInterests, interest, width(r, 2, 8, breadth), interestCounts, 1)
}

func segmentAudience(r *rand.Rand, breadth float64) audience {
	return pickSet(r, dimSegments, segments, width(r, 2, 8, breadth), segmentCounts, segmentsKnown)
}

func deviceAudience(r *rand.Rand, breadth float64) audience {
	return pick(r, dimDevice, devices, width(r, 1, 3, breadth))
}

func sizeAudience(r *rand.Rand, breadth float64) audience {
	a := pick(r, dimSize, sizes, width(r, 1, 4, breadth))
	a.share *= 1 - devices.table.share(ctv)
	return a
}

func categoryAudience(r *rand.Rand, breadth float64) audience {
	return pick(r, dimSiteCategory, siteCategories, width(r, 3, 9, breadth))
}

// avoidAudience keeps an advertiser away from some surroundings.
func avoidAudience(r *rand.Rand, _ float64) audience {
	a := pick(r, dimSiteCategory, siteCategories, 1+r.IntN(3))
	return audience{&model.Expr{Op: model.OpNot, Args: []*model.Expr{a.expr}}, 1 - a.share}
}

// hourAudience is a daypart of 8 to 14 hours that ends by midnight.
func hourAudience(r *rand.Rand, _ float64) audience {
	length := 8 + r.IntN(7)
	first := r.IntN(24 - length + 1)
	var list []string
	share := 0.0
	for h := first; h < first+length; h++ {
		list = append(list, strconv.Itoa(h))
		share += hours.share(h)
	}
	return audience{in(model.HourOfDay, list...), share}
}
