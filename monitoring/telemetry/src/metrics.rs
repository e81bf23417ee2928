//! The metrics of one process, all under its prefix.

use model::membership::Role;
use parking_lot::Mutex;
use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

/// Makes and registers metrics named `wydbr_<role>_<noun_unit>`. Asking again for a name gives the same
/// metric. Names are constants of the program: a malformed one, or one asked for as two kinds, is a bug and
/// panics at the start.
#[derive(Clone)]
pub struct Metrics {
    role: Role,
    registry: Registry,
    made: Arc<Mutex<HashMap<String, Box<dyn Any + Send>>>>,
}

impl Metrics {
    pub(crate) fn new(role: Role) -> Self {
        Self { role, registry: Registry::new(), made: Arc::default() }
    }

    /// Counts up.
    pub fn counter(&self, noun_unit: &str, help: &str) -> IntCounter {
        self.make(noun_unit, |name| IntCounter::new(name, help))
    }

    /// Counts up, by small enums.
    pub fn counter_vec(&self, noun_unit: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.make(noun_unit, |name| IntCounterVec::new(Opts::new(name, help), labels))
    }

    /// Goes up and down.
    pub fn gauge(&self, noun_unit: &str, help: &str) -> IntGauge {
        self.make(noun_unit, |name| IntGauge::new(name, help))
    }

    /// Goes up and down, by small enums.
    pub fn gauge_vec(&self, noun_unit: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.make(noun_unit, |name| IntGaugeVec::new(Opts::new(name, help), labels))
    }

    /// A distribution; `buckets` are upper bounds, ascending.
    pub fn histogram(&self, noun_unit: &str, help: &str, buckets: &[f64]) -> Histogram {
        self.make(noun_unit, |name| {
            Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))
        })
    }

    /// A distribution, by small enums.
    pub fn histogram_vec(
        &self,
        noun_unit: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> HistogramVec {
        self.make(noun_unit, |name| {
            HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)
        })
    }

    pub(crate) fn float_gauge(&self, noun_unit: &str, help: &str) -> Gauge {
        self.make(noun_unit, |name| Gauge::new(name, help))
    }

    /// Everything in the text format of Prometheus.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::error!("metrics cannot be encoded: {error}");
        }
        text
    }

    fn make<M: Collector + Clone + Send + 'static>(
        &self,
        noun_unit: &str,
        new: impl FnOnce(String) -> prometheus::Result<M>,
    ) -> M {
        let name = format!("wydbr_{}_{noun_unit}", self.role.label());
        let mut made = self.made.lock();
        if let Some(old) = made.get(&name) {
            let old = old.downcast_ref::<M>().cloned();
            return old.unwrap_or_else(|| panic!("the metric {name} is asked for as two kinds"));
        }
        let metric = new(name.clone()).unwrap_or_else(|error| panic!("the metric {name}: {error}"));
        if let Err(error) = self.registry.register(Box::new(metric.clone())) {
            panic!("the metric {name}: {error}");
        }
        made.insert(name, Box::new(metric.clone()));
        metric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_asked_for_twice_is_one_metric() {
        let metrics = Metrics::new(Role::TmSrv);
        metrics.counter("ticks_total", "Ticks.").inc();
        metrics.clone().counter("ticks_total", "Ticks.").inc();
        metrics.gauge_vec("players_count", "Players.", &["state"]).with_label_values(&["walking"]).set(3);
        metrics.histogram("tick_seconds", "Time of a tick.", &[0.01, 0.05]).observe(0.02);
        let text = metrics.encode();
        assert!(text.contains("\nwydbr_tmsrv_ticks_total 2\n"), "{text}");
        assert!(text.contains("wydbr_tmsrv_players_count{state=\"walking\"} 3"), "{text}");
        assert!(text.contains("wydbr_tmsrv_tick_seconds_bucket{le=\"0.05\"} 1"), "{text}");
    }

    #[test]
    #[should_panic(expected = "two kinds")]
    fn a_name_asked_for_as_two_kinds_is_a_bug() {
        let metrics = Metrics::new(Role::TmSrv);
        metrics.counter("ticks_total", "Ticks.");
        metrics.gauge("ticks_total", "Ticks.");
    }
}
