package store

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/whatif-machine/whatif/model"
)

// cpu is the processor time that this process has used: on a busy machine it says more than the clock.
func cpu() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// benchmarkEach is each for benchmarks.
func benchmarkEach(b *testing.B, run func(b *testing.B, d database)) {
	b.Run("sqlite", func(b *testing.B) {
		run(b, database{kind: "sqlite", url: filepath.Join(b.TempDir(), "launcher.db")})
	})
	server := os.Getenv("WHATIF_TEST_POSTGRES")
	if server == "" {
		b.Log("WHATIF_TEST_POSTGRES is not set (.ci/postgres starts a server): on SQLite only")
		return
	}
	b.Run("postgres", func(b *testing.B) { run(b, database{kind: "postgres", url: newSchema(b, server)}) })
}

// BenchmarkSubmit is what a launcher can take in: 64 requests at a time, each with a key, a configuration of its own and
// campaigns of 64 KB that all share.
func BenchmarkSubmit(b *testing.B) {
	benchmarkEach(b, func(b *testing.B, d database) {
		s := d.open(b, Options{})
		campaigns := model.Document{Name: "campaigns.yaml", Text: fmt.Sprintf("%065536d", 1)}
		var n atomic.Int64
		before := cpu()
		b.SetParallelism(32) // of GOMAXPROCS
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				sub := study("acme", fmt.Sprintf("20260701-%010d", n.Add(1)), 30)
				sub.Inputs.Campaigns = &campaigns
				sub.Idempotency = Idempotency{Key: sub.Simulation.ID, BodySHA256: "b"}
				if _, _, err := s.Submit(b.Context(), sub); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-us/op")
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submissions/s")
	})
}

// BenchmarkVariants is a study of 1,000 variants from its claim to its end: Begin, a Record that starts all,
// a Record that ends all, Finish.
func BenchmarkVariants(b *testing.B) {
	benchmarkEach(b, func(b *testing.B, d database) {
		s := d.open(b, Options{})
		plan := names(1000)
		var begin, start, end time.Duration
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			lease := claimed(b, s, study("acme", fmt.Sprintf("20260701-%d", i), len(plan)), "a")
			var starts, ends []VariantChange
			for n, name := range plan {
				starts = append(starts, VariantChange{VariantID: name, State: VariantRunning, Attempt: int64(n + 1)})
				ends = append(ends, VariantChange{VariantID: name, State: VariantSucceeded, Attempt: int64(n + 1)})
			}
			b.StartTimer()
			from := cpu()
			must[[]Variant](b)(s.Begin(b.Context(), lease, plan))
			begin += cpu() - from
			from = cpu()
			ok(b, s.Record(b.Context(), lease, starts))
			start += cpu() - from
			from = cpu()
			ok(b, s.Record(b.Context(), lease, ends))
			end += cpu() - from
			must[Simulation](b)(s.Finish(b.Context(), lease, Outcome{}))
		}
		for name, d := range map[string]time.Duration{"begin": begin, "start": start, "end": end} {
			b.ReportMetric(float64(d.Microseconds())/1000/float64(b.N), name+"-cpu-ms")
		}
	})
}

// BenchmarkRecord is one change of one variant of a thousand, each on disk.
func BenchmarkRecord(b *testing.B) {
	benchmarkEach(b, func(b *testing.B, d database) {
		s := d.open(b, Options{})
		plan := names(1000)
		lease := claimed(b, s, study("acme", "20260701-a", len(plan)), "a")
		must[[]Variant](b)(s.Begin(b.Context(), lease, plan))
		var n int64
		before := cpu()
		defer func() { b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-us/op") }()
		for b.Loop() {
			n++
			ok(b, s.Record(b.Context(), lease, []VariantChange{{VariantID: plan[n%1000], State: VariantRunning, Attempt: n}}))
			if n%1000 == 0 { // the lease is of a minute
				must[Wish](b)(s.Heartbeat(b.Context(), lease, time.Minute, Progress{}))
			}
		}
	})
}
