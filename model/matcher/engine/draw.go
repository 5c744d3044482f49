package engine

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/whatif-machine/whatif/model"
)

// golden is the increment of SplitMix64, by which copies of a slot get hashes of their own (semantics 9).
const golden = 0x9E3779B97F4A7C15

// unitRange is the number of units a draw can have (semantics 1).
const unitRange = 1 << 53

// mix is SplitMix64's finaliser.
func mix(z uint64) uint64 {
	z ^= z >> 30
	z *= 0xbf58476d1ce4e5b9
	z ^= z >> 27
	z *= 0x94d049bb133111eb
	return z ^ z>>31
}

// draws holds seed XOR hash(word) for each word, so that a draw is one mix.
type draws struct {
	tie, bid, traffic, sample, bootstrap uint64
}

// drawsOf are the draws of a scenario: those of a replicate r > 0 have a seed of their own (semantics 10).
func drawsOf(sc *model.Scenario) draws {
	seed := uint64(sc.Seed)
	if sc.Replicate > 0 {
		seed = mix(seed ^ mix(uint64(sc.Replicate)))
	}
	word := func(w string) uint64 { return seed ^ xxhash.Sum64String(w) }
	return draws{tie: word("tie"), bid: word("bid"), traffic: word("traffic"), sample: word("sample"), bootstrap: word("bootstrap")}
}

// unit is the integer in [0, 2^53) of a draw: word is seed XOR hash(word).
func unit(word, h uint64) uint64 { return mix(word^h) >> 11 }

// idBits is what a campaign's id contributes to its draws.
func idBits(id string) uint64 { return bits.RotateLeft64(xxhash.Sum64String(id), 32) }

// copyHash is the slot hash of copy j.
func copyHash(h uint64, j uint32) uint64 {
	if j == 0 {
		return h
	}
	return mix(h + uint64(j)*golden)
}

// bootstrapSteps are the quantiles of Poisson(1) times 2^53; the table is normative (semantics 10).
var bootstrapSteps = [12]uint64{
	3313563428353948, 6627126856707896, 8283908570884870, 8836169142277194, 8974234285125275, 9001847313694891,
	9006449485123161, 9007106938184343, 9007189119816991, 9007198251109507, 9007199164238759, 9007199247250509,
}

// bootstrapCopies is how often a resample takes what has this unit.
func bootstrapCopies(u uint64) uint32 {
	for k, step := range bootstrapSteps {
		if u < step {
			return uint32(k)
		}
	}
	return uint32(len(bootstrapSteps))
}
