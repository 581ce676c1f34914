//! Figures for Prometheus, kept by this process. Labels bear no company's, store's or person's name.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The upper bounds of the buckets of a histogram of seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// More series than this are not kept: a label that takes any value must not eat the memory.
const MOST_SERIES: usize = 5_000;

/// A value at this moment, for what is looked up only when somebody asks.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The figure's name, such as `sync_feed_position`.
    pub name: &'static str,
    /// Its labels. Public: anybody on the network may read them.
    pub labels: Vec<(&'static str, String)>,
    /// Its value.
    pub value: f64,
}

#[derive(Default)]
struct Registry {
    counters: BTreeMap<(&'static str, String), u64>,
    gauges: BTreeMap<(&'static str, String), f64>,
    histograms: BTreeMap<(&'static str, String), Histogram>,
}

#[derive(Default)]
struct Histogram {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    sum: f64,
}

fn registry() -> &'static Mutex<Registry> {
    static REGISTRY: OnceLock<Mutex<Registry>> = OnceLock::new();
    REGISTRY.get_or_init(Mutex::default)
}

/// Counts one more.
pub fn count(name: &'static str, labels: &[(&str, &str)]) {
    count_by(name, labels, 1);
}

/// Counts this many more.
pub fn count_by(name: &'static str, labels: &[(&str, &str)], by: u64) {
    let mut registry = registry().lock().unwrap_or_else(PoisonError::into_inner);
    let series = (name, written(labels));
    if registry.counters.len() < MOST_SERIES || registry.counters.contains_key(&series) {
        *registry.counters.entry(series).or_default() += by;
    }
}

/// Says what a value is now.
pub fn gauge(name: &'static str, labels: &[(&str, &str)], value: f64) {
    let mut registry = registry().lock().unwrap_or_else(PoisonError::into_inner);
    let series = (name, written(labels));
    if registry.gauges.len() < MOST_SERIES || registry.gauges.contains_key(&series) {
        registry.gauges.insert(series, value);
    }
}

/// Notes how long something took. The name ends with `_seconds`.
pub fn observe(name: &'static str, labels: &[(&str, &str)], took: Duration) {
    let seconds = took.as_secs_f64();
    let mut registry = registry().lock().unwrap_or_else(PoisonError::into_inner);
    let series = (name, written(labels));
    if registry.histograms.len() >= MOST_SERIES && !registry.histograms.contains_key(&series) {
        return;
    }
    let histogram = registry.histograms.entry(series).or_default();
    for (bucket, bound) in histogram.buckets.iter_mut().zip(BUCKETS) {
        if seconds <= bound {
            *bucket += 1;
        }
    }
    histogram.count += 1;
    histogram.sum += seconds;
}

/// Everything as Prometheus reads it, with these samples.
pub(crate) fn exposition(samples: Vec<Sample>) -> String {
    let mut out = String::new();
    let registry = registry().lock().unwrap_or_else(PoisonError::into_inner);
    let mut last = "";
    for ((name, labels), value) in &registry.counters {
        heading(&mut out, &mut last, name, "counter");
        let _ = writeln!(out, "{name}{} {value}", braced(labels));
    }
    let mut gauges = registry.gauges.clone();
    for sample in samples {
        let labels: Vec<(&str, &str)> =
            sample.labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
        gauges.insert((sample.name, written(&labels)), sample.value);
    }
    last = "";
    for ((name, labels), value) in &gauges {
        heading(&mut out, &mut last, name, "gauge");
        let _ = writeln!(out, "{name}{} {value}", braced(labels));
    }
    last = "";
    for ((name, labels), histogram) in &registry.histograms {
        heading(&mut out, &mut last, name, "histogram");
        let comma = if labels.is_empty() { "" } else { "," };
        for (bucket, bound) in histogram.buckets.iter().zip(BUCKETS) {
            let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {bucket}");
        }
        let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {}", histogram.count);
        let _ = writeln!(out, "{name}_sum{} {}", braced(labels), histogram.sum);
        let _ = writeln!(out, "{name}_count{} {}", braced(labels), histogram.count);
    }
    out
}

fn heading<'a>(out: &mut String, last: &mut &'a str, name: &'a str, kind: &str) {
    if *last != name {
        let _ = writeln!(out, "# TYPE {name} {kind}");
        *last = name;
    }
}

fn written(labels: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in labels {
        if !out.is_empty() {
            out.push(',');
        }
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(out, "{name}=\"{value}\"");
    }
    out
}

fn braced(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_prometheus_reads_them() {
        count("tests_total", &[("kind", "a\"b")]);
        count("tests_total", &[("kind", "a\"b")]);
        observe("tests_seconds", &[], Duration::from_millis(7));
        let text = exposition(vec![Sample { name: "tests_waiting", labels: vec![], value: 3.0 }]);
        assert!(text.contains("# TYPE tests_total counter\ntests_total{kind=\"a\\\"b\"} 2\n"), "{text}");
        assert!(text.contains("tests_waiting 3\n"));
        assert!(text.contains("tests_seconds_bucket{le=\"0.005\"} 0\n"));
        assert!(text.contains("tests_seconds_bucket{le=\"0.01\"} 1\n"));
        assert!(text.contains("tests_seconds_count 1\n"));
    }
}
