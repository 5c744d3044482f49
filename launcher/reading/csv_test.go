package reading_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/launcher/reading"
	"github.com/whatif-machine/whatif/sql"
)

func csvOf(t testing.TB, r *reading.Reader, req reading.Request) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := r.CSV(t.Context(), req, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// All rows of every view, read back by encoding/csv, are those of the JSON answer.
func TestCSVReadBack(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 12, campaigns: 6, seed: 11}.rows()...)
	compact(t, store)
	r := reader(t, reading.Options{Results: store})
	for _, view := range reading.Views() {
		req := reading.Request{SimulationID: studyID, Finished: true, Revision: "1", View: view}
		text := csvOf(t, r, req)
		lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", view, err)
		}
		if bytes.Count(text, []byte("\r\n")) < len(lines) {
			t.Errorf("%s: lines don't end in CRLF", view)
		}
		req.PageSize = 5000
		answer := read(t, r, req)
		if len(lines) != len(answer.Rows)+1 {
			t.Errorf("%s: %d lines for %d rows", view, len(lines), len(answer.Rows))
		}
		for i, c := range answer.Columns {
			if lines[0][i] != c.Name {
				t.Errorf("%s: column %d is %s, want %s", view, i, lines[0][i], c.Name)
			}
			for j, row := range answer.Rows {
				if want := asField(t, row[i]); lines[j+1][i] != want {
					t.Fatalf("%s, row %d, %s: %q, want %q", view, j, c.Name, lines[j+1][i], want)
				}
			}
		}
	}
}

// asField is what encoding/csv should find in a field: texts as they are, unless they begin like a formula.
func asField(t *testing.T, v any) string {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if strings.HasPrefix(v, "=") || v == "-acme" {
			return "'" + v
		}
		return v
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// DuckDB reads the CSV back to the rows that it came from, nulls and empty texts apart.
func TestCSVReadByDuckDB(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 8, campaigns: 2, seed: 12}.rows()...)
	r := reader(t, reading.Options{Results: store})
	for view, columns := range map[string]string{
		"breakdowns": "variant_id, dimension, value, slots, filled, revenue, slots_delta",
		"failures":   "variant_id, reason, message, retryable, attempts, first_failed_at",
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, "answer.csv")
		if err := os.WriteFile(path, csvOf(t, r, reading.Request{SimulationID: studyID, View: view}), 0o600); err != nil {
			t.Fatal(err)
		}
		w := open(t, folder)
		_, got := ask(t, w, "SELECT "+columns+" FROM READ_CSV("+sql.Quote(path)+", allow_quoted_nulls = false) ORDER BY ALL")
		_, want := ask(t, open(t, store.URI()), "SELECT "+columns+" FROM "+of[view]+" ORDER BY ALL")
		if len(want) == 0 {
			t.Errorf("%s: no rows", view)
		}
		for i := range want {
			if fmt.Sprint(want[i]) != fmt.Sprint(got[i]) {
				t.Errorf("%s, row %d: written %v, read %v", view, i, want[i], got[i])
			}
		}
	}
}

// A CSV has all rows, however many batches they are read in.
func TestCSVHasAllRows(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 9, campaigns: 700, seed: 13}.rows()...)
	compact(t, store)
	r := reader(t, reading.Options{Results: store})
	for _, sort := range []string{"", "spend"} {
		lines, err := csv.NewReader(bytes.NewReader(csvOf(t, r, reading.Request{SimulationID: studyID, View: "campaigns", Sort: sort}))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, line := range lines[1:] {
			seen[line[2]+"/"+line[4]] = true
		}
		if len(lines) != 1+9*700 || len(seen) != 9*700 { // of ten variants, one failed
			t.Errorf("sorted by %q: %d lines, %d rows apart", sort, len(lines), len(seen))
		}
	}
}

// broken takes some bytes and no more.
type broken struct{ room int }

var errBroken = errors.New("cut")

func (b *broken) Write(p []byte) (int, error) {
	if b.room -= len(p); b.room < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestCSVEndsWithItsReader(t *testing.T) {
	t.Parallel()
	store := stored(t, study{id: studyID, variants: 3, campaigns: 600, seed: 14}.rows()...)
	r := reader(t, reading.Options{Results: store})
	if err := r.CSV(t.Context(), reading.Request{SimulationID: studyID, View: "campaigns"}, &broken{room: 70 << 10}); !errors.Is(err, errBroken) {
		t.Errorf("error %v", err)
	}
	var out bytes.Buffer
	for want, req := range map[string]reading.Request{
		"a page token does not go with it": {SimulationID: studyID, View: "campaigns", PageToken: "x"},
		"there is no view":                 {SimulationID: studyID, View: "x"},
	} {
		if err := r.CSV(t.Context(), req, &out); err == nil || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("error %v, want %s; written: %q", err, want, out.String())
		}
	}
	if err := r.CSV(t.Context(), reading.Request{SimulationID: "20260701-zzzzzzzzzz", Finished: true, View: "campaigns"}, &out); !errors.Is(err, reading.ErrNotFound) || out.Len() > 0 {
		t.Errorf("error %v; written: %q", err, out.String())
	}
	if err := r.CSV(t.Context(), reading.Request{SimulationID: "20260701-zzzzzzzzzz", View: "failures"}, &out); err != nil || !strings.HasPrefix(out.String(), "simulation_id,") {
		t.Errorf("before the first row: %v, %q", err, out.String())
	}
}
