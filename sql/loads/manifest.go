package loads

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// manifestVersion is that of the files of a round. A reader refuses others: it could not tell what they hold.
const manifestVersion = 1

// manifest is the content of a round, fixed before its job exists.
type manifest struct {
	Version     int       `json:"version"`
	Round       int64     `json:"round"`
	Table       string    `json:"table"`
	Source      string    `json:"source"` // URI that the files' paths are relative to
	MadeAt      time.Time `json:"made_at"`
	JobsBefore  int64     `json:"jobs_before"` // jobs of all earlier rounds, for the quota
	Simulations []part    `json:"simulations"`
}

// part is what a round has of one simulation.
type part struct {
	ID   string   `json:"id"`
	Rows []string `json:"rows"` // VARIANT/ATTEMPT
}

// generation says why the job of the generation before failed, and what the next one leaves out.
type generation struct {
	Generation int       `json:"generation"` // from 2
	MadeAt     time.Time `json:"made_at"`
	FailedJob  string    `json:"failed_job"`
	Reason     string    `json:"reason"`
	Message    string    `json:"message"`
	Without    []leftOut `json:"without,omitempty"` // beside what earlier ones leave out
}

// leftOut is a file of a round that its later jobs leave out, and why.
type leftOut struct {
	Simulation string `json:"simulation"`
	Row        string `json:"row"` // VARIANT/ATTEMPT
	Why        string `json:"why"`
}

// settlement is what became of a round.
type settlement struct {
	Job  string    `json:"job"`  // that loaded it; empty: everything was left out
	Rows int64     `json:"rows"` // that the warehouse says it loaded
	At   time.Time `json:"at"`
}

func (r Row) String() string { return r.Variant + "/" + strconv.FormatInt(r.Attempt, 10) }

// parseRow reads VARIANT/ATTEMPT.
func parseRow(text string) (Row, error) {
	variant, number, _ := strings.Cut(text, "/")
	attempt, err := strconv.ParseInt(number, 10, 64)
	if err != nil || attempt < 1 || !model.ValidVariantID(variant) {
		return Row{}, fmt.Errorf("%q is no row of a manifest: VARIANT/ATTEMPT", text)
	}
	return Row{variant, attempt}, nil
}

// Names of the files of rounds.
const (
	manifestName = "manifest.json"
	settledName  = "settled.json"
)

func generationName(n int) string { return fmt.Sprintf("g%04d.json", n) }

// folder is where the rounds of a table are written down.
func (l *Loader) folder() string { return "_loads/" + l.Table }

func (l *Loader) roundFolder(n int64) string {
	return fmt.Sprintf("%s/rounds/%08d", l.folder(), n)
}

func (l *Loader) marksFolder(simulation string) string {
	return l.folder() + "/simulations/" + simulation
}

// jobID is that of the job of one generation of a round: a hash of the manifest's bytes and the generation, with
// their numbers for people. It has letters, digits and underscores only.
func jobID(round int64, generation int, manifest []byte) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\n%s", generation, manifest))
	return fmt.Sprintf("whatif_round%d_g%d_%s", round, generation, hex.EncodeToString(sum[:16]))
}

// encode writes one of the files above: indented, for people read them when something is wrong.
func encode(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return nil, fmt.Errorf("loads: %w", err)
	}
	return append(data, '\n'), nil
}

// decode reads one of the files above.
func decode(name string, data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("loads: %s is damaged: %w; it was written whole, so another program or the disk changed it: put it back from a backup", name, err)
	}
	return nil
}

// check refuses a manifest that isn't the one its name says.
func (m *manifest) check(name, table string, round int64) error {
	if m.Version != manifestVersion {
		return fmt.Errorf("loads: %s has version %d, this program knows %d; update it", name, m.Version, manifestVersion)
	}
	if m.Table != table || m.Round != round {
		return fmt.Errorf("loads: %s is of round %d of table %s: somebody moved it; put it back as %s", name, m.Round, m.Table, path.Join("_loads", m.Table))
	}
	for _, p := range m.Simulations {
		if !model.ValidSimulationID(p.ID) {
			return fmt.Errorf("loads: %s names %q, which is no simulation", name, p.ID)
		}
		for _, r := range p.Rows {
			if _, err := parseRow(r); err != nil {
				return fmt.Errorf("loads: %s: %w", name, err)
			}
		}
	}
	return nil
}
