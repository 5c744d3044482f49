package pipeline

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
	"github.com/whatif-machine/whatif/model/inventory"
)

// memory is a Source whose inputs are all at hand, as those of a launcher are that knows them already.
type memory struct {
	campaigns model.Document
	files     []model.PinnedInput
	catalog   model.Catalog
}

func (m *memory) Campaigns(context.Context, string) (model.Document, error) { return m.campaigns, nil }
func (m *memory) Inventory(context.Context, string) ([]model.PinnedInput, error) {
	return m.files, nil
}
func (m *memory) Catalog(context.Context, []model.PinnedInput, inventory.Options) (model.Catalog, error) {
	return m.catalog, nil
}

// bookYAML is a campaigns file of n campaigns, of about 300 bytes each.
func bookYAML(n int) string {
	var b strings.Builder
	countries, devices := []string{"US", "CA", "DE", "FR"}, []string{"mobile", "desktop", "tv"}
	b.WriteString("campaigns:\n")
	for i := range n {
		fmt.Fprintf(&b, `  - id: campaign-%04d
    advertiser: advertiser-%02d
    category: retail
    bid_cpm: %d.%02d
    goal: %d
    start: 2026-07-01T00:00:00Z
    end: 2026-07-08T00:00:00Z
    targeting: {country: [%s, %s], device: [%s]}
    frequency_caps: [{impressions: %d, per: day}]
    bid_adjustments: [{when: {device: [mobile]}, multiply: 1.2}]
    labels: {team: t%d}
`, i, i%40, i%9+1, i%100, 1000+i, countries[i%4], countries[(i+1)%4], devices[i%3], i%5+1, i%7)
	}
	return b.String()
}

const leversYAML = "report: {breakdowns: [country, device], groups: [advertiser]}\n" +
	"parameters:\n  bid: {edit: campaigns.bid_cpm, op: multiply}\n  cap: {edit: campaigns.frequency_caps.day}\n  floor: {edit: slots.floor_cpm, op: multiply}\n"

// listYAML is a study of so many variants, each written out.
func listYAML(variants int, campaigns string) string {
	var b strings.Builder
	b.WriteString("name: bench\nowner: ana\ninventory: upload:0123\n" + campaigns + leversYAML + "sweep:\n  list:\n")
	for i := range variants - 1 {
		fmt.Fprintf(&b, "    - {bid: 1.%03d, cap: %d, floor: 0.%02d}\n", i, i%9+1, i%90+10)
	}
	return b.String()
}

// gridYAML is a study of about so many variants, as a grid of bids and five caps.
func gridYAML(variants int, campaigns string) string {
	bids := make([]string, (variants-1)/5)
	for i := range bids {
		bids[i] = fmt.Sprintf("1.%03d", i)
	}
	return "name: bench\nowner: ana\ninventory: upload:0123\n" + campaigns + leversYAML +
		"sweep:\n  grid:\n    bid: [" + strings.Join(bids, ", ") + "]\n    cap: [1, 2, 3, 4, 5]\n"
}

func memoryOf(campaigns int) *memory {
	return &memory{
		campaigns: document("campaigns.yaml", []byte(bookYAML(campaigns))),
		files:     []model.PinnedInput{{URI: "/data/slots.parquet", Size: 1, SHA256: strings.Repeat("a", 64)}},
		catalog: model.Catalog{Slots: 1_000_000, Start: 0, End: 1 << 40, MaxFloor: 3_000_000, Dimensions: map[string]model.DimensionInfo{
			"country": {Values: []string{"CA", "DE", "FR", "US"}}, "device": {Values: []string{"desktop", "mobile", "tv"}},
		}},
	}
}

// BenchmarkCheck is what a launcher does for each submission, which it takes 300 of a second.
func BenchmarkCheck(b *testing.B) {
	for _, variants := range []int{30, 1000} {
		for _, campaigns := range []int{50, 1000} {
			src := memoryOf(campaigns)
			for name, text := range map[string]string{
				"address": listYAML(variants, "campaigns: campaigns.yaml\n"),
				"grid":    gridYAML(variants, "campaigns: campaigns.yaml\n"),
				"inline":  listYAML(variants, src.campaigns.Text),
			} {
				b.Run(fmt.Sprintf("variants=%d/campaigns=%d/%s", variants, campaigns, name), func(b *testing.B) {
					b.ReportAllocs()
					before, n := processorTime(b), 0
					for b.Loop() {
						// Another text each time; only the campaigns are known.
						n++
						if _, err := Check(b.Context(), "study.yaml", fmt.Appendf(nil, "%s# %d\n", text, n), src); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-us/op")
				})
			}
		}
	}
}

// processorTime is what this process has used, whatever else the machine was doing.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
