package model

import (
	"slices"
	"strings"
)

// DidYouMean suggests the candidate nearest to what was written, as the problems of a configuration
// do: "did you mean `reach`?"; empty: none is near.
func DidYouMean(written string, candidates []string) string { return didYouMean(written, candidates) }

// didYouMean suggests the candidate nearest to what was written, if one is near enough: at most
// one edit per three characters, a swap of neighbours counting once. The one candidate that goes on
// where the writer stopped (`campaigns.bid`) is nearer than any. Empty: none is.
func didYouMean(written string, candidates []string) string {
	if longer := continued(written, candidates); longer != "" {
		return "did you mean `" + longer + "`?"
	}
	best, bestDistance := "", len(written)/3+1
	if bestDistance > 4 {
		bestDistance = 4
	}
	for _, c := range candidates {
		if d := editDistance(written, c, bestDistance); d < bestDistance || d == bestDistance && best == "" && d <= len(c)/2 {
			best, bestDistance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean `" + best + "`?"
}

// continued is the one candidate that begins with what was written, at least three characters; empty:
// there is none, or more than one.
func continued(written string, candidates []string) string {
	longer := ""
	for _, c := range candidates {
		if len(written) >= 3 && strings.HasPrefix(c, written) {
			if longer != "" {
				return ""
			}
			longer = c
		}
	}
	return longer
}

// editDistance is the optimal string alignment distance of two texts, byte by byte: insertions,
// deletions, replacements and swaps of neighbours. Beyond limit it may be any value above limit.
func editDistance(a, b string, limit int) int {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > limit || len(b) > maxKeyBytes {
		return limit + 1
	}
	var before []int
	previous := make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := previous[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, previous[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		if slices.Min(row) > limit {
			return limit + 1
		}
		before, previous = previous, row
	}
	return previous[len(b)]
}
