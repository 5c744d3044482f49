package matcher_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v4"

	"github.com/whatif-machine/whatif/model"
)

// studiesDir holds the studies worked out by hand and the oracle's; its README says how they were made.
const studiesDir = "../../testdata/studies"

// TestStudies holds every implementation to the studies worked out by hand, and to all figures that
// the oracle has for them.
func TestStudies(t *testing.T) {
	folders, err := filepath.Glob(filepath.Join(studiesDir, "[0-9]*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) < 20 {
		t.Fatalf("found %d studies in %s, want at least 20", len(folders), studiesDir)
	}
	everyImplementation(t, func(t *testing.T, run simulate) {
		for _, folder := range folders {
			t.Run(filepath.Base(folder), func(t *testing.T) { checkStudy(t, run, folder) })
		}
	})
}

func checkStudy(t *testing.T, run simulate, folder string) {
	config, problems := model.ParseConfig("study.yaml", readFile(t, folder, "study.yaml"))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	variants, problems := config.Expand()
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	slots := readSlots(t, filepath.Join(folder, "slots.jsonl"), config.Location)
	byHand, byOracle := readExpected(t, folder), readOracle(t, folder)
	if len(byOracle) != len(variants) {
		t.Errorf("the configuration has %d variants, the oracle %d", len(variants), len(byOracle))
	}
	for _, v := range variants {
		sc, err := config.Scenario(v)
		if err != nil {
			t.Fatal(err)
		}
		m := run(t, slots, sc)
		report := func(judge string, diff []string) {
			if len(diff) > 0 {
				t.Errorf("%s, %s:\n  %s", v.ID, judge, strings.Join(diff, "\n  "))
			}
		}
		if want, ok := byHand[v.ID]; ok {
			report("by hand", differences("", want, keyed(t, m)))
			delete(byHand, v.ID)
		}
		report("by the oracle", differences("", byOracle[v.ID], asJSON(t, m)))
		for _, broken := range brokenChecks(m, sc) {
			t.Errorf("%s: %s", v.ID, broken)
		}
	}
	for id := range byHand {
		t.Errorf("expected.yaml has figures for %q, which is no variant of the configuration", id)
	}
}

// TestNeutralVariantEqualsBaseline holds variants that set levers to what is written to the baseline, figure for figure.
func TestNeutralVariantEqualsBaseline(t *testing.T) {
	folder := filepath.Join(studiesDir, "20-edits")
	config, problems := model.ParseConfig("study.yaml", readFile(t, folder, "study.yaml"))
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	variants, problems := config.Expand()
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	slots := readSlots(t, filepath.Join(folder, "slots.jsonl"), config.Location)
	everyImplementation(t, func(t *testing.T, run simulate) {
		results := map[string]*model.Metrics{}
		for _, v := range variants {
			sc, err := config.Scenario(v)
			if err != nil {
				t.Fatal(err)
			}
			results[v.ID] = run(t, slots, sc)
		}
		for _, id := range []string{"v0008", "v0009"} { // a bid times 1; money added to no budget
			if diff := cmp.Diff(results[model.BaselineID], results[id]); diff != "" {
				t.Errorf("%s differs from the baseline:\n%s", id, diff)
			}
		}
		if cmp.Equal(results[model.BaselineID], results["v0001"]) {
			t.Error("a bid times 0.5 changes nothing")
		}
	})
}

func readFile(t *testing.T, folder, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// readExpected reads the figures worked out by hand, by variant.
func readExpected(t *testing.T, folder string) map[string]map[string]any {
	t.Helper()
	var out map[string]map[string]any
	if err := yaml.Unmarshal(readFile(t, folder, "expected.yaml"), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// readOracle reads the oracle's figures, by variant.
func readOracle(t *testing.T, folder string) map[string]any {
	t.Helper()
	var out map[string]any
	decoder := json.NewDecoder(bytes.NewReader(readFile(t, folder, "oracle.json")))
	decoder.UseNumber()
	if err := decoder.Decode(&out); err != nil {
		t.Fatal(err)
	}
	for _, figures := range out {
		setShare(figures.(map[string]any))
	}
	return out
}

// setShare replaces the oracle's fraction kept/total by its quotient.
func setShare(figures map[string]any) {
	parts := figures["sampled_share"].([]any)
	kept, total := decimal.RequireFromString(parts[0].(json.Number).String()), decimal.RequireFromString(parts[1].(json.Number).String())
	figures["sampled_share"], _ = kept.Div(total).Float64()
}

// readSlots reads slots by the names of section 2.
func readSlots(t *testing.T, path string, zone *time.Location) (slots []model.Slot) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var raw map[string]any
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.UseNumber()
		if err := decoder.Decode(&raw); err != nil {
			t.Fatal(err)
		}
		slot, err := readSlot(raw, zone)
		if err != nil {
			t.Fatalf("%s: %s: %v", path, lines.Bytes(), err)
		}
		slots = append(slots, slot)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return slots
}

func readSlot(raw map[string]any, zone *time.Location) (model.Slot, error) {
	s := model.Slot{Scalars: map[string]string{}, Sets: map[string][]string{}}
	for key, value := range raw {
		text := fmt.Sprint(value)
		var err error
		switch key {
		case "slot_id":
			s.ID = text
		case "user_id":
			s.UserID = text
		case "request_id":
			s.RequestID = text
		case "time":
			s.Time, err = readTime(text, zone)
		case "floor_cpm":
			var floor decimal.Decimal
			floor, err = decimal.NewFromString(text)
			s.FloorCPM = model.CPM(floor.Shift(6).RoundBank(0).IntPart())
		default:
			err = readDimension(&s, key, value)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// readTime reads a time with or, in the study's zone, without offset; finer than microseconds is floored.
func readTime(text string, zone *time.Location) (model.Instant, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t, err = time.ParseInLocation("2006-01-02T15:04:05.999999999", text, zone)
	}
	return model.Instant(t.UnixMicro()), err
}

func readDimension(s *model.Slot, name string, value any) error {
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			s.Sets[name] = append(s.Sets[name], fmt.Sprint(v))
		}
	case bool:
		s.Scalars[name] = strconv.FormatBool(value)
	case json.Number, string:
		s.Scalars[name] = fmt.Sprint(value)
	default:
		return errors.New(name + " is neither text, number, boolean nor list")
	}
	return nil
}
