package warehouse_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/sql/warehouse"
	"github.com/whatif-machine/whatif/transforms/results"
)

// A simulation of the greatest size there may be (with WHATIF_FULL=1; else a small one) is opened and asked
// in the memory that the launcher gives a reader, from its files and from their copy, with the same answers.
// The times are logged.
func TestLargeSimulation(t *testing.T) {
	variants, campaigns := 41, 50
	if os.Getenv("WHATIF_FULL") != "" {
		variants, campaigns = 1001, 1000
	}
	root := t.TempDir()
	large(t, root, variants, campaigns)
	fromFiles := timedAnswers(t, "files", root)
	begin := time.Now()
	path := compact(t, root, someID)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("copy: written in %v, %d bytes", time.Since(begin), info.Size())
	fromCopy := timedAnswers(t, "copy", root)
	if !reflect.DeepEqual(fromFiles, fromCopy) {
		t.Error("the answers of files and copy differ")
	}
	for i, want := range []int{variants, variants, 200, campaigns, 200} {
		if len(fromCopy[i]) != want {
			t.Errorf("question %d: %d rows, want %d", i, len(fromCopy[i]), want)
		}
	}
}

// timedAnswers asks what a page of the launcher asks.
func timedAnswers(t *testing.T, from, root string) (answers [][]record) {
	t.Helper()
	begin := time.Now()
	w := open(t, root, warehouse.Simulation(someID), warehouse.Memory(128<<20), warehouse.Threads(2))
	t.Logf("%s: opened in %v", from, time.Since(begin))
	for _, query := range []string{
		"SELECT * FROM comparison ORDER BY variant_id",
		"SELECT variant_id, SUM(impressions_delta) AS delta FROM campaign_results GROUP BY variant_id ORDER BY variant_id",
		"SELECT * FROM campaign_results ORDER BY variant_id, campaign_id LIMIT 200",
		"SELECT * FROM campaign_results WHERE variant_id = 'v0020' ORDER BY campaign_id",
		"SELECT * FROM campaign_results ORDER BY spend DESC, variant_id, campaign_id LIMIT 200",
	} {
		begin := time.Now()
		answers = append(answers, ask(t, w, query))
		t.Logf("%s: %v for %s", from, time.Since(begin), query)
	}
	return answers
}

// large writes a simulation as the result store does, without waiting for the disk.
func large(t testing.TB, root string, variants, campaigns int) {
	t.Helper()
	d := dice{rand.New(rand.NewPCG(12, 1))}
	for v := range variants {
		id := model.BaselineID
		if v > 0 {
			id = fmt.Sprintf("v%04d", v)
		}
		row := d.row(study{id: someID}, id, 0, d.parameters(v))
		row.Attempt, row.Campaigns = 1, nil
		for c := range campaigns {
			campaign := d.campaign(c, true)
			campaign.CampaignID = fmt.Sprintf("campaign-%04d", c)
			row.Campaigns = append(row.Campaigns, campaign)
		}
		row.Derive(model.Report{})
		row.Seal()
		data, err := results.Encode(&row)
		if err != nil {
			t.Fatal(err)
		}
		path := resultFile(root, row)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		overwrite(t, path, data)
	}
}
