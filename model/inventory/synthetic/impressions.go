package synthetic

import (
	"math"
	"math/rand/v2"
)

// The law of impressions per user has two regimes. Most users follow a steep, shifted power law
// (k+q)^-bodyExponent that ends at bodyCutoff, which has the median and the 90th percentile of a
// real log of 3.7 days (2 and 6). Above it a few heavy users follow k^-tailExponent from
// heavyUser to a cut-off near the largest user of real logs (669 of a mean of 2.9, 1,200 and more
// of a mean of 45). The longer the log, the more of it is theirs, up to about half of the traffic.
const (
	bodyExponent = 6
	bodyCutoff   = 63
	heavyUser    = 64
	tailExponent = 1.2

	heavyShare = 0.530 // of the identified traffic, at most
	heavyFrom  = 2.4   // mean slots per user up to which nobody is heavy
	heavyFull  = 4.8   // mean from which heavyShare holds

	maxFittedMean = 1000 // beyond it the law is that of 1,000, stretched
)

// impressionLaw is the distribution of slots per identified user.
type impressionLaw struct {
	body, tail table // tail is empty where no user is heavy
	heavy      float64
	firstHeavy int // slots of tail index 0
}

// newImpressionLaw fits the law to a mean, with no user above largest.
func newImpressionLaw(mean float64, largest int) impressionLaw {
	share := heavyShare * min(max((mean-heavyFrom)/(heavyFull-heavyFrom), 0), 1)
	top := min(int(900*math.Pow(mean/5, 0.22)+8*mean), largest)
	if share == 0 || top < 2*heavyUser || float64(top) < 3*mean {
		return impressionLaw{body: bodyTable(mean)}
	}
	first := heavyUser
	weights := zipf(top, tailExponent)[first-1:]
	tailMean := meanOf(weights, first)
	heavy := share * mean / tailMean
	return impressionLaw{
		body:       bodyTable((1 - share) * mean / (1 - heavy)),
		tail:       newTable(weights),
		heavy:      heavy,
		firstHeavy: first,
	}
}

// bodyTable fits the shift q of the body by bisection, so that its mean comes out.
func bodyTable(mean float64) table {
	cutoff := max(bodyCutoff, int(8*mean))
	weights := make([]float64, cutoff)
	low, high := -0.999, 1e6
	for range 100 {
		q := (low + high) / 2
		for i := range weights {
			weights[i] = math.Pow(float64(i+1)+q, -bodyExponent)
		}
		if meanOf(weights, 1) < mean {
			low = q
		} else {
			high = q
		}
	}
	return newTable(weights)
}

// meanOf is the mean of first, first+1, .. under weights.
func meanOf(weights []float64, first int) float64 {
	sum, total := 0.0, 0.0
	for i, w := range weights {
		sum += w * float64(first+i)
		total += w
	}
	return sum / total
}

// at is the number of slots of the user at a probability: users in ascending order of slots.
func (l impressionLaw) at(p float64) int {
	if len(l.tail) > 0 && p >= 1-l.heavy {
		return l.firstHeavy + l.tail.at(uint32((p-(1-l.heavy))/l.heavy*math.MaxUint32))
	}
	return 1 + l.body.at(uint32(p/(1-l.heavy)*math.MaxUint32))
}

// visitors says how many slots each visitor has: the identified users first, then those whom no id
// tells apart. A visitor has one slot at least.
type visitors struct {
	slots      []int32
	identified int      // visitors with an id
	rank       []uint32 // place among the identified users in the order of their slots
	sampled    []bool   // a systematic sample over the law, for calibration
}

// unidentifiedShare is the share of slots without a user id in a real exchange log (750 of 20,000).
const unidentifiedShare = 0.0375

// newVisitors divides o.Slots between users so that every user has one and the law of impressions
// holds. One visitor in stride is sampled, evenly over light and heavy ones.
func newVisitors(r *rand.Rand, o *Options, stride int) *visitors {
	anonymous := min(int(math.Round(unidentifiedShare*float64(o.Slots))), o.Slots-o.Users)
	v := &visitors{identified: o.Users, slots: make([]int32, o.Users), rank: make([]uint32, o.Users), sampled: make([]bool, o.Users)}
	// No user holds more than a fortieth of a small log, else one visitor would be the study.
	mean := min(float64(o.Slots-anonymous)/float64(o.Users), maxFittedMean)
	law := newImpressionLaw(mean, o.Slots/40)
	order := r.Perm(o.Users)
	sum := 0
	for i, user := range order {
		n := law.at((float64(i) + 0.5) / float64(o.Users))
		v.slots[user], v.rank[user] = int32(n), uint32(i)
		v.sampled[user] = i%stride == stride/2
		sum += n
	}
	v.settle(r, order, o.Slots-anonymous-sum)
	v.addAnonymous(r, anonymous, stride)
	return v
}

// settle adds the missing slots, or takes the surplus, one by one over users in random order,
// the heavy ones left alone as long as there are others.
func (v *visitors) settle(r *rand.Rand, order []int, missing int) {
	if each := missing / len(v.slots); each > 0 { // far from the law: few users, many slots
		for i := range v.slots {
			v.slots[i] += int32(each)
		}
		missing -= each * len(v.slots)
	}
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for heavyToo := false; missing != 0; heavyToo = true {
		for changed := true; missing != 0 && changed; {
			changed = false
			for _, user := range order {
				switch n := v.slots[user]; {
				case missing == 0:
				case missing > 0 && (heavyToo || n < bodyCutoff):
					v.slots[user]++
					missing--
					changed = true
				case missing < 0 && n > 1 && (heavyToo || n <= bodyCutoff):
					v.slots[user]--
					missing++
					changed = true
				}
			}
		}
	}
}

// addAnonymous appends visitors without an id, light ones all.
func (v *visitors) addAnonymous(r *rand.Rand, slots, stride int) {
	law := bodyTable(heavyFrom)
	for i := 0; slots > 0; i++ {
		n := min(1+law.draw(r), slots)
		slots -= n
		v.slots = append(v.slots, int32(n))
		v.rank = append(v.rank, uint32(i))
		v.sampled = append(v.sampled, i%stride == stride/2)
	}
}
