package matcher_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// judged is a line of testdata/studies/random.jsonl.gz: a random study, written by tools/dump, and
// the figures that the oracle, a program in another language by the same specification, has for it.
type judged struct {
	Seed     int
	Zone     string
	Slots    []model.Slot
	Scenario *model.Scenario
	Figures  json.RawMessage
}

// TestOracle compares every implementation to the Python oracle on random studies.
func TestOracle(t *testing.T) {
	path := os.Getenv("WHATIF_JUDGED") // a larger corpus, made as testdata/studies/README.md says
	if path == "" {
		path = filepath.Join(studiesDir, "random.jsonl.gz")
	}
	corpus := readJudged(t, path)
	if len(corpus) < 100 {
		t.Fatalf("%s has %d studies, want at least 100", path, len(corpus))
	}
	everyImplementation(t, func(t *testing.T, run simulate) {
		for _, study := range corpus {
			got := asJSON(t, run(t, study.Slots, study.Scenario))
			want := study.figures(t)
			if diff := differences("", want, got); len(diff) > 0 {
				t.Fatalf("study %d: %s\n%s", study.Seed, diff, show(study.Slots, study.Scenario))
			}
		}
	})
}

func (j *judged) figures(t *testing.T) (out map[string]any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(j.Figures))
	decoder.UseNumber()
	if err := decoder.Decode(&out); err != nil {
		t.Fatal(err)
	}
	setShare(out)
	return out
}

func readJudged(t *testing.T, path string) (out []*judged) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		j := &judged{Scenario: &model.Scenario{Location: time.UTC}}
		if err := json.Unmarshal(lines.Bytes(), j); err != nil {
			t.Fatal(err)
		}
		if j.Scenario.Location, err = time.LoadLocation(j.Zone); err != nil {
			t.Fatal(err)
		}
		out = append(out, j)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
