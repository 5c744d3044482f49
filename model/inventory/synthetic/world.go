package synthetic

import (
	"fmt"
	"math"

	"github.com/whatif-machine/whatif/model"
)

// Names of the dimensions of a synthetic log.
const (
	dimAge          = "age"
	dimCity         = "city"
	dimCountry      = "country"
	dimDevice       = "device_type"
	dimFormat       = "format"
	dimGender       = "gender"
	dimInterests    = "interests"
	dimOS           = "os"
	dimRegion       = "region"
	dimSegments     = "segments"
	dimSite         = "site"
	dimSiteCategory = "site_category"
	dimSize         = "size"
)

// vocabulary is a dimension's values with their weights.
type vocabulary struct {
	values []string
	table  table
}

func newVocabulary(pairs ...weighted) vocabulary {
	var v vocabulary
	var weights []float64
	for _, p := range pairs {
		v.values = append(v.values, p.value)
		weights = append(weights, p.weight)
	}
	v.table = newTable(weights)
	return v
}

type weighted struct {
	value  string
	weight float64
}

// equally gives all values the same weight.
func equally(values ...string) vocabulary {
	pairs := make([]weighted, len(values))
	for i, v := range values {
		pairs[i] = weighted{v, 1}
	}
	return newVocabulary(pairs...)
}

// homeCountry is where a domestic log's traffic comes from.
const homeCountry = 0

// Shares of real logs: one country 86 %, 35 regions of which the largest has 11 % of all traffic,
// desktop 47, mobile 40, tablet 12 % and a little connected TV. Regions have the weights of the 35
// largest states by population (millions, 2020 census).
var (
	countries = newVocabulary(weighted{"US", 86}, weighted{"CA", 4.5}, weighted{"GB", 3}, weighted{"AU", 1.6},
		weighted{"DE", 1.2}, weighted{"FR", 1}, weighted{"MX", 0.8}, weighted{"IN", 0.7}, weighted{"BR", 0.5}, weighted{"JP", 0.4}, weighted{"NL", 0.3})

	regions = newVocabulary(weighted{"CA", 39.5}, weighted{"TX", 29.1}, weighted{"FL", 21.5}, weighted{"NY", 20.2},
		weighted{"PA", 13.0}, weighted{"IL", 12.8}, weighted{"OH", 11.8}, weighted{"GA", 10.7}, weighted{"NC", 10.4}, weighted{"MI", 10.1},
		weighted{"NJ", 9.3}, weighted{"VA", 8.6}, weighted{"WA", 7.7}, weighted{"AZ", 7.2}, weighted{"MA", 7.0}, weighted{"TN", 6.9},
		weighted{"IN", 6.8}, weighted{"MD", 6.2}, weighted{"MO", 6.2}, weighted{"WI", 5.9}, weighted{"CO", 5.8}, weighted{"MN", 5.7},
		weighted{"SC", 5.1}, weighted{"AL", 5.0}, weighted{"LA", 4.7}, weighted{"KY", 4.5}, weighted{"OR", 4.2}, weighted{"OK", 4.0},
		weighted{"CT", 3.6}, weighted{"UT", 3.3}, weighted{"IA", 3.2}, weighted{"NV", 3.1}, weighted{"AR", 3.0}, weighted{"MS", 3.0}, weighted{"KS", 2.9})

	devices  = newVocabulary(weighted{"desktop", 47}, weighted{"mobile", 40}, weighted{"tablet", 12}, weighted{"ctv", 1})
	ages     = newVocabulary(weighted{"18-24", 15}, weighted{"25-34", 23}, weighted{"35-44", 21}, weighted{"45-54", 17}, weighted{"55-64", 14}, weighted{"65+", 10})
	genders  = newVocabulary(weighted{"female", 51}, weighted{"male", 49})
	interest = newVocabulary(weighted{"news", 10}, weighted{"sports", 9}, weighted{"food", 8}, weighted{"travel", 7}, weighted{"autos", 7},
		weighted{"movies", 6}, weighted{"music", 6}, weighted{"fashion", 6}, weighted{"health", 5}, weighted{"gaming", 5}, weighted{"home", 5},
		weighted{"technology", 5}, weighted{"fitness", 4}, weighted{"parenting", 4}, weighted{"finance", 4}, weighted{"pets", 3}, weighted{"books", 3},
		weighted{"garden", 2}, weighted{"business", 2}, weighted{"art", 2}, weighted{"science", 2}, weighted{"boating", 1}, weighted{"genealogy", 1}, weighted{"weddings", 1})
	segments = newVocabulary(weighted{"site-visitor", 12}, weighted{"loyalty", 9}, weighted{"newsletter", 8}, weighted{"cart-abandoner", 7},
		weighted{"high-income", 6}, weighted{"new-parent", 5}, weighted{"student", 5}, weighted{"auto-intender", 5}, weighted{"homeowner", 5},
		weighted{"frequent-flyer", 3}, weighted{"small-business", 3}, weighted{"recent-mover", 2})
	siteCategories = equally("news", "sports", "entertainment", "lifestyle", "technology", "finance", "travel", "games", "shopping", "weather", "forum", "health")
	sizes          = newVocabulary(weighted{"300x250", 39}, weighted{"728x90", 36}, weighted{"160x600", 20}, weighted{"336x280", 3}, weighted{"468x60", 2})

	// systems are the operating systems of each device.
	systems = []vocabulary{
		newVocabulary(weighted{"windows", 73}, weighted{"macos", 21}, weighted{"linux", 6}),
		newVocabulary(weighted{"android", 54}, weighted{"ios", 46}),
		newVocabulary(weighted{"ios", 56}, weighted{"android", 44}),
		newVocabulary(weighted{"tizen", 40}, weighted{"roku", 35}, weighted{"webos", 25}),
	}
	// slotsPerRequest is the number of slots on a page of each device, 1 to 4.
	slotsPerRequest = []table{
		newTable([]float64{48, 29, 15, 8}), newTable([]float64{70, 22, 6, 2}), newTable([]float64{58, 27, 11, 4}), newTable([]float64{85, 15}),
	}
	// hours is the share of traffic by hour of day, per mille.
	hours = newTable([]float64{32, 22, 14, 12, 15, 20, 30, 41, 47, 50, 51, 51, 50, 50, 50, 50, 51, 51, 53, 55, 56, 57, 52, 40})
)

// What is not known of a user, and how much is known of one.
const (
	ageKnown      = 0.93
	genderKnown   = 0.90
	segmentsKnown = 0.35
	ctv           = 3 // index into devices
	videoSize     = "1920x1080"
	cityCount     = 351
)

// interestCounts and segmentCounts are how many of them a user has (one more than the index).
var (
	interestCounts = newTable([]float64{30, 35, 22, 13})
	segmentCounts  = newTable([]float64{60, 28, 12})
)

// places are the cities of every region, and the chance of each within it: 351 over 35 regions.
type places struct {
	cities [][]string
	table  []table
}

func newPlaces() places {
	n := len(regions.values)
	p := places{cities: make([][]string, n), table: make([]table, n)}
	for i := range cityCount {
		r := i % n
		p.cities[r] = append(p.cities[r], fmt.Sprintf("%s-%d", regions.values[r], i/n+1))
	}
	for r := range p.cities {
		p.table[r] = newTable(zipf(len(p.cities[r]), 0.8))
	}
	return p
}

// floorCurve is the distribution of floors over all slots in currency units: 37.5 % ask for none;
// of the others p50, p90 and p99 stand in the ratio 5 : 70 : 188 of real floors, in units that set
// them against bids as real floors stand against real clearing prices (58 in the median).
var floorCurve = curve{{0, 0.02}, {0.25, 0.12}, {0.5, floorUnit * 5}, {0.9, floorUnit * 70}, {0.99, floorUnit * 188}, {1, floorUnit * 300}}

const (
	zeroFloors = 0.375
	floorUnit  = 3.27 / 58 // median bid / median clearing price of the logs
	floorNoise = 0.5       // how far floors of one placement move, as a share of all floors
)

// sizeFloors bends the floors of a size: its floor stands at u^exponent of the distribution where
// u is uniform, so sizes below 1 are dearer.
var sizeFloors = map[string]float64{"300x250": 0.7, "728x90": 1.05, "160x600": 1.6, "336x280": 0.7, "468x60": 1.6, videoSize: 0.5}

// floors draws floors by size. The mixture over sizes follows floorCurve exactly: a bent draw is
// sent through the distribution function of the mixture first.
type floors struct{ mixture []float64 }

func newFloors() floors {
	const points = 4096
	f := floors{mixture: make([]float64, points+1)}
	video := devices.table.share(ctv)
	for i := range f.mixture {
		u := float64(i) / points
		f.mixture[i] = video * math.Pow(u, 1/sizeFloors[videoSize])
		for s, size := range sizes.values {
			f.mixture[i] += (1 - video) * sizes.table.share(s) * math.Pow(u, 1/sizeFloors[size])
		}
	}
	return f
}

// floor is the floor of a size at u, uniform in [0, 1), in whole cents.
func (f floors) floor(size string, u float64) model.CPM {
	bent := math.Pow(u, sizeFloors[size])
	at := bent * float64(len(f.mixture)-1)
	i := min(int(at), len(f.mixture)-2)
	p := f.mixture[i] + (at-float64(i))*(f.mixture[i+1]-f.mixture[i])
	if p < zeroFloors {
		return 0
	}
	return cents(floorCurve.at((p - zeroFloors) / (1 - zeroFloors)))
}

// cents rounds a price in units to whole cents, one at least.
func cents(price float64) model.CPM { return model.CPM(max(math.Round(price*100), 1)) * 10_000 }
