package synthetic

import (
	_ "embed" // the two templates
	"fmt"
	"strconv"
	"strings"

	"github.com/whatif-machine/whatif/model"
)

// The studies that Generate writes. Words in << >> are replaced, see render.
var (
	//go:embed study.yaml
	studyTemplate string
	//go:embed big-grid.yaml
	bigGridTemplate string
)

// render fills a template in.
func (o *Options) render(template string) []byte {
	return []byte(strings.NewReplacer(
		"<<banner>>\n", o.banner(),
		"<<name>>", fmt.Sprintf("synthetic-%d-slots", o.Slots),
		"<<seed>>", strconv.FormatInt(o.Seed, 10),
		"<<universe>>", strconv.Itoa(o.Users),
	).Replace(template))
}

// banner tells how to make the file again.
func (o *Options) banner() string {
	fill := ""
	if o.Fill != DefaultFill {
		fill = " --fill " + strconv.FormatFloat(o.Fill, 'f', -1, 64)
	}
	return fmt.Sprintf("# Made by: whatif generate --slots %d --campaigns %d --users %d --days %d --seed %d%s\n",
		o.Slots, o.Campaigns, o.Users, o.Days, o.Seed, fill)
}

// study is the study as it will be read, for the policy and the cap groups that the fill depends on.
func (o *Options) study() (*model.Config, error) {
	c, problems := model.ParseConfig(ConfigName, o.render(studyTemplate))
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("generate: the study: %w", err)
	}
	return c, nil
}
