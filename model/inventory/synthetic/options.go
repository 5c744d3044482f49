package synthetic

import (
	"fmt"
	"strings"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// Bounds of the arguments: beyond them a study could not be validated or loaded.
const (
	MaxSlots    = 1_000_000_000
	MaxDays     = 366
	DefaultFill = 0.85 // the share of slots sold by the scenario as written
)

// The files that Generate leaves in Options.Dir.
const (
	SnapshotName  = "slots.parquet"
	CampaignsName = "campaigns.yaml"
	ConfigName    = "study.yaml"
	BigGridName   = "big-grid.yaml"
)

// Start is the first instant of every synthetic log. It is fixed, because the same arguments have
// to give the same bytes on every day.
var Start = time.Date(2026, time.July, 1, 0, 0, 0, 0, time.UTC)

// Options are the arguments of Generate. The files depend on them, Dir, Overwrite and Progress aside, and on nothing else.
type Options struct {
	Slots     int     // impression opportunities, >= 1
	Campaigns int     // line items, 1 .. model.MaxCampaigns
	Users     int     // identified users, 1 .. Slots; each has at least one slot
	Days      int     // length of the log, 1 .. MaxDays
	Seed      int64   // >= 0
	Fill      float64 // share of the slots that the scenario as written sells, in (0, 1); 0: DefaultFill
	Dir       string  // where the files go; made if it is not there
	Overwrite bool    // replace files of a study that are there; else they are an error

	// Progress, if set, is called now and then with the slots written so far. It must return quickly.
	Progress func(done, total int)
}

// Files are the paths that Generate has written.
type Files struct {
	Snapshot  string // the slots, Parquet
	Campaigns string // campaigns as YAML
	Config    string // a study over both, ready to run
}

// check reports every argument that is out of bounds, and fills in the default fill.
func (o *Options) check() error {
	var wrong []string
	bound := func(flag string, value, low, high int) {
		if value < low || value > high {
			wrong = append(wrong, fmt.Sprintf("%s is %d; it must be between %d and %d", flag, value, low, high))
		}
	}
	bound("slots", o.Slots, 1, MaxSlots)
	bound("campaigns", o.Campaigns, 1, model.MaxCampaigns)
	bound("days", o.Days, 1, MaxDays)
	if o.Users < 1 || o.Slots < 1 || o.Slots > MaxSlots {
		bound("users", o.Users, 1, MaxSlots)
	} else if o.Users > o.Slots {
		wrong = append(wrong, fmt.Sprintf("users is %d; each user has a slot at least, so with %d slots it must be between 1 and %d", o.Users, o.Slots, o.Slots))
	}
	if o.Seed < 0 {
		wrong = append(wrong, fmt.Sprintf("seed is %d; it must not be negative", o.Seed))
	}
	if o.Fill == 0 {
		o.Fill = DefaultFill
	}
	if !(o.Fill > 0 && o.Fill < 1) {
		wrong = append(wrong, fmt.Sprintf("fill is %v; it must be a share above 0 and below 1, such as 0.85", o.Fill))
	}
	if o.Dir == "" {
		wrong = append(wrong, "no folder to write to; name one")
	}
	if len(wrong) > 0 {
		return invalid("%s", strings.Join(wrong, "; "))
	}
	return nil
}

// horizon is the length of the log in microseconds.
func (o *Options) horizon() int64 { return int64(o.Days) * microsPerDay }

const (
	microsPerSecond = 1_000_000
	microsPerHour   = 3_600 * microsPerSecond
	microsPerDay    = 24 * microsPerHour
)
