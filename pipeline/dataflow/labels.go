package dataflow

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Bounds of labels: projects.locations.jobs, labels,
// https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs, and "Requirements for
// labels", https://cloud.google.com/compute/docs/labeling-resources.
const (
	maxLabels     = 64
	maxLabelRunes = 63
	maxLabelBytes = 128
)

// labels makes labels such as Google Cloud takes: what it does not allow becomes an underscore, and what is
// too long is cut. One whose key has nothing left is dropped. Of more than the service takes those stay that
// come first by name.
func labels(given map[string]string) map[string]string {
	taken := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		k := strings.TrimLeftFunc(label(key), func(r rune) bool { return !unicode.IsLetter(r) })
		if _, twice := taken[k]; k == "" || twice || len(taken) == maxLabels {
			continue
		}
		taken[k] = label(given[key])
	}
	return taken
}

// label is a text as a label's key or value may be.
func label(text string) string {
	clean := strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		// Lower case and what has no case, digits, and the two signs.
		if unicode.In(r, unicode.Ll, unicode.Lo, unicode.N) || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, text)
	runes := []rune(clean)
	runes = runes[:min(len(runes), maxLabelRunes)]
	for len(string(runes)) > maxLabelBytes {
		runes = runes[:len(runes)-1]
	}
	return string(runes)
}
