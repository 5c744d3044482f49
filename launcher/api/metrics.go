package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/whatif-machine/whatif/launcher/store"
)

// Metrics are what a launcher tells Prometheus of itself. What other rooms count is read when it is asked
// for.
type Metrics struct {
	http.Handler
	registry    *prometheus.Registry
	requests    *prometheus.HistogramVec
	refused     *prometheus.CounterVec
	panics      prometheus.Counter
	FailedLoads prometheus.Counter // of results into a warehouse
	// StartLatency takes the seconds from when a simulation could start to when it did.
	StartLatency prometheus.Histogram
}

// NewMetrics makes the metrics of one launcher, in a registry of their own.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "whatif_http_request_duration_seconds", Help: "Duration of requests, event streams aside.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60},
		}, []string{"route", "method", "status"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "whatif_refused_total", Help: "Requests that were refused, by the code of the problem.",
		}, []string{"code"}),
		panics:      prometheus.NewCounter(prometheus.CounterOpts{Name: "whatif_failures_total", Help: "Requests that failed by the launcher's own fault."}),
		FailedLoads: prometheus.NewCounter(prometheus.CounterOpts{Name: "whatif_failed_loads_total", Help: "Loads of results into a warehouse that failed."}),
		StartLatency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "whatif_start_latency_seconds", Help: "From when a simulation could start to when it did.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 5, 30, 120, 600, 3600},
		}),
	}
	m.registry.MustRegister(m.requests, m.refused, m.panics, m.FailedLoads, m.StartLatency,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for c := range codes {
		if countsAsRefused(c) {
			m.refused.WithLabelValues(string(c)) // there from the start, at 0: a rate needs the first one too
		}
	}
	m.Handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return m
}

// countsAsRefused tells requests that the launcher would not answer from those that were mistaken.
func countsAsRefused(c code) bool {
	switch codes[c].status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest, http.StatusRequestEntityTooLarge,
		http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	}
	return false
}

// request counts a request that has ended.
func (m *Metrics) request(route, method string, status int, c *call, took time.Duration) {
	if !c.streams {
		m.requests.WithLabelValues(route, knownMethod(method), strconv.Itoa(status)).Observe(took.Seconds())
	}
	if c.failure != nil {
		m.panics.Inc()
	}
	if c.code != "" && countsAsRefused(c.code) {
		m.refused.WithLabelValues(string(c.code)).Inc()
	}
}

// knownMethod bounds the values of a label: anybody may send any method.
func knownMethod(method string) string {
	for _, m := range methods {
		if m == method {
			return m
		}
	}
	return "other"
}

// Gauge adds a figure that is read when Prometheus asks.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Counter adds a figure that only grows.
func (m *Metrics) Counter(name, help string, labels prometheus.Labels, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, read))
}

// watch adds what the interface itself knows, and what waits in the store.
func (m *Metrics) watch(s *server) {
	m.Gauge("whatif_event_streams", "Open event streams.", func() float64 { n, _, _ := s.hub.stats(); return float64(n) })
	m.Gauge("whatif_watched_simulations", "Simulations with an open event stream.", func() float64 { _, n, _ := s.hub.stats(); return float64(n) })
	m.Counter("whatif_event_streams_cut_total", "Event streams refused, or cut off for being slow.", nil, func() float64 { _, _, n := s.hub.stats(); return float64(n) })
	m.Counter("whatif_limiter_failures_total", "Requests that passed because the limiter could not be asked.", nil, func() float64 { return float64(s.Limiter.Failures()) })
	m.Gauge("whatif_memory_bytes", "Memory in use, as load shedding sees it.", func() float64 { return float64(s.Shedder.Stats().Memory) })
	m.registry.MustRegister(&waitingCollector{s})
}

// waitingCollector tells what waits and runs in the whole store.
type waitingCollector struct{ s *server }

var (
	descQueued     = prometheus.NewDesc("whatif_queue_depth", "Simulations that wait to run.", nil, nil)
	descRunning    = prometheus.NewDesc("whatif_running_simulations", "Simulations that run, on any launcher.", nil, nil)
	descOldest     = prometheus.NewDesc("whatif_oldest_waiting_seconds", "How long the oldest queued simulation has waited.", nil, nil)
	descVariants   = prometheus.NewDesc("whatif_variants", "Variants of simulations that are not finished, by state.", []string{"state"}, nil)
	descDead       = prometheus.NewDesc("whatif_dead_letters_total", "Variants that failed for good.", nil, nil)
	descTakeOvers  = prometheus.NewDesc("whatif_lease_takeovers_total", "Simulations taken over from launchers that went silent.", nil, nil)
	descDeliveries = prometheus.NewDesc("whatif_webhooks_pending", "Webhooks that wait to be delivered.", nil, nil)
	descStore      = prometheus.NewDesc("whatif_store_up", "Whether the store answered when these metrics were read.", nil, nil)
)

// Describe implements prometheus.Collector.
func (*waitingCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descQueued, descRunning, descOldest, descVariants, descDead, descTakeOvers, descDeliveries, descStore} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *waitingCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	load, err := c.s.load.get(ctx)
	if err != nil {
		c.s.Logger.Error("the store can't be read for metrics", "error", err)
		out <- prometheus.MustNewConstMetric(descStore, prometheus.GaugeValue, 0)
		return
	}
	tell := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	tell(descStore, prometheus.GaugeValue, 1)
	tell(descQueued, prometheus.GaugeValue, float64(load.Queued))
	tell(descRunning, prometheus.GaugeValue, float64(load.Running))
	tell(descOldest, prometheus.GaugeValue, oldest(load, c.s.Now()))
	for state, n := range map[store.VariantState]int{
		store.VariantPending: load.Variants.Pending, store.VariantRunning: load.Variants.Running, store.VariantSucceeded: load.Variants.Succeeded,
		store.VariantFailed: load.Variants.Failed, store.VariantCancelled: load.Variants.Cancelled,
	} {
		tell(descVariants, prometheus.GaugeValue, float64(n), string(state))
	}
	tell(descDead, prometheus.CounterValue, float64(load.DeadLetters))
	tell(descTakeOvers, prometheus.CounterValue, float64(load.TakeOvers))
	tell(descDeliveries, prometheus.GaugeValue, float64(load.Deliveries))
}

func oldest(load store.Load, now time.Time) float64 {
	if load.OldestQueued.IsZero() {
		return 0
	}
	return max(0, now.Sub(load.OldestQueued).Seconds())
}
