package server

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"crenel/policy"
)

// What is measured. Nothing of it names an account or what it has, for whoever reaches the API may read it; but the sums are of
// all accounts, and who knows its own part of them knows the others'. Packets by interface are in the status, which the
// operator asks for.
var (
	revisionMetric   = prometheus.NewDesc("crenel_state_revision", "Revision of the State.", nil, nil)
	appliedMetric    = prometheus.NewDesc("crenel_host_applied_revision", "Newest revision that the host enforces.", nil, nil)
	connectedMetric  = prometheus.NewDesc("crenel_host_connected", "Whether the host is connected.", nil, nil)
	unenforcedMetric = prometheus.NewDesc("crenel_unenforced_writes_total", "Writes that no host confirmed in time.", nil, nil)
	packetsMetric    = prometheus.NewDesc("crenel_packets", "Packets at the host's interfaces, by what became of them.", []string{"reason", "dropped"}, nil)
	bytesMetric      = prometheus.NewDesc("crenel_bytes", "Their bytes.", []string{"reason", "dropped"}, nil)
)

// metrics answers Prometheus.
func (s *Server) metrics() http.Handler {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(meter{s})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 1})
}

type meter struct{ *Server }

func (m meter) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{revisionMetric, appliedMetric, connectedMetric, unenforcedMetric, packetsMetric, bytesMetric} {
		to <- d
	}
}

func (m meter) Collect(to chan<- prometheus.Metric) {
	say := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	self := m.self()
	connected := 0.0
	if self.Connected {
		connected = 1
	}
	say(revisionMetric, prometheus.GaugeValue, float64(m.Store.Snapshot().Revision))
	say(appliedMetric, prometheus.GaugeValue, float64(self.Applied))
	say(connectedMetric, prometheus.GaugeValue, connected)
	say(unenforcedMetric, prometheus.CounterValue, float64(self.Unenforced))
	var packets, bytes [policy.Reasons]uint64
	for _, c := range self.Counters {
		packets[c.Reason] += c.Packets
		bytes[c.Reason] += c.Bytes
	}
	for reason := range policy.Reasons { // gauges: an interface's end with it
		dropped := "false"
		if reason.Drops() {
			dropped = "true"
		}
		say(packetsMetric, prometheus.GaugeValue, float64(packets[reason]), reason.String(), dropped)
		say(bytesMetric, prometheus.GaugeValue, float64(bytes[reason]), reason.String(), dropped)
	}
}
