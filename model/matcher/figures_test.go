package matcher_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// asJSON is a result as the row's JSON has it: maps, lists, and numbers as json.Number.
func asJSON(t testing.TB, m *model.Metrics) map[string]any {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// differences lists where got lacks a wanted figure or has another one. Figures that want does not
// name are not compared; lists and the maps named in whole must be complete.
func differences(path string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		return mapDifferences(path, want, got)
	case []any:
		list, ok := got.([]any)
		if got != nil && !ok || len(list) != len(want) {
			return []string{fmt.Sprintf("%s: want %d entries, got %v", path, len(want), got)}
		}
		var out []string
		for i := range want {
			out = append(out, differences(fmt.Sprintf("%s[%d]", path, i), want[i], list[i])...)
		}
		return out
	}
	if !same(want, got) {
		return []string{fmt.Sprintf("%s: want %v, got %v", path, want, got)}
	}
	return nil
}

// complete names the maps that must hold no other keys than wanted.
var complete = []string{"frequency_distribution", "contention"}

func mapDifferences(path string, want map[string]any, got any) (out []string) {
	figures, ok := got.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: want %v, got %v", path, want, got)}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		value, ok := figures[key]
		if !ok {
			out = append(out, fmt.Sprintf("%s.%s: want %v, there is no such figure", path, key, want[key]))
			continue
		}
		out = append(out, differences(path+"."+key, want[key], value)...)
	}
	whole := slices.ContainsFunc(complete, func(name string) bool { return bytes.HasSuffix([]byte(path), []byte("."+name)) })
	if whole && len(figures) != len(want) {
		out = append(out, fmt.Sprintf("%s: want %v, got %v", path, want, figures))
	}
	return out
}

// same compares two scalars: counts exactly, ratios to 12 digits, a time with microseconds.
func same(want, got any) bool {
	if want == nil || got == nil {
		return want == nil && got == nil
	}
	if text, ok := want.(string); ok {
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			want = t
		}
	}
	if t, ok := want.(time.Time); ok { // written with quotes or, as YAML has it, without
		return fmt.Sprint(got) == strconv.FormatInt(t.UnixMicro(), 10)
	}
	w, g := fmt.Sprint(want), fmt.Sprint(got)
	if w == g {
		return true
	}
	wf, err1 := strconv.ParseFloat(w, 64)
	gf, err2 := strconv.ParseFloat(g, 64)
	_, wholeErr := strconv.ParseInt(g, 10, 64)
	if err1 != nil || err2 != nil {
		return false
	}
	if _, err := strconv.ParseInt(w, 10, 64); err == nil && wholeErr == nil {
		return false // two integers that differ
	}
	return math.Abs(wf-gf) <= 1e-12*math.Max(1, math.Abs(wf))
}

// keyed turns a result's lists into maps, as expected.yaml names them: campaigns by id, groups and
// breakdowns by key and value ("(missing)" for null), distributions by frequency, contention by winner.
func keyed(t testing.TB, m *model.Metrics) map[string]any {
	t.Helper()
	out := asJSON(t, m)
	keyLists(out)
	campaigns := map[string]any{}
	for _, row := range rows(out["campaigns"]) {
		keyLists(row)
		campaigns[row["campaign_id"].(string)] = row
	}
	out["campaigns"] = campaigns
	for part, key := range map[string]string{"groups": "group", "breakdowns": "dimension"} {
		byKey := map[string]any{}
		for _, row := range rows(out[part]) {
			keyLists(row)
			name, value := row[key].(string), "(missing)"
			if text, ok := row["value"].(string); ok {
				value = text
			}
			if byKey[name] == nil {
				byKey[name] = map[string]any{}
			}
			byKey[name].(map[string]any)[value] = row
		}
		out[part] = byKey
	}
	return out
}

func rows(list any) (out []map[string]any) {
	items, _ := list.([]any)
	for _, item := range items {
		out = append(out, item.(map[string]any))
	}
	return out
}

// keyLists turns the distribution and the contention of a row into maps.
func keyLists(row map[string]any) {
	for list, names := range map[string][2]string{"frequency_distribution": {"frequency", "users"}, "contention": {"winner_id", "slots"}} {
		byKey := map[string]any{}
		for _, entry := range rows(row[list]) {
			byKey[fmt.Sprint(entry[names[0]])] = entry[names[1]]
		}
		row[list] = byKey
	}
}
