//! A histogram as a metrics page shows it.

use crate::get;

/// Counts up to each bound, in seconds, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    up_to: Vec<(f64, f64)>,
}

impl Histogram {
    /// Reads one without labels; `None` when the process does not answer, or has none of that name.
    pub fn read(http: &str, name: &str) -> Option<Self> {
        let page = get(&format!("http://{http}/metrics")).ok()?;
        Self::parse(&page.body, name)
    }

    fn parse(page: &str, name: &str) -> Option<Self> {
        let start = format!("{name}_bucket{{le=\"");
        let bucket = |line: &str| {
            let (bound, count) = line.strip_prefix(&start)?.split_once("\"} ")?;
            Some((if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? }, count.parse().ok()?))
        };
        let up_to: Vec<(f64, f64)> = page.lines().filter_map(bucket).collect();
        (!up_to.is_empty()).then_some(Self { up_to })
    }

    /// What was counted since an earlier look at the same one.
    pub fn since(&self, before: &Self) -> Self {
        let counted = |(index, (bound, count)): (usize, &(f64, f64))| {
            (*bound, count - before.up_to.get(index).map_or(0.0, |(_, before)| *before))
        };
        Self { up_to: self.up_to.iter().enumerate().map(counted).collect() }
    }

    /// How many were counted.
    pub fn count(&self) -> f64 {
        self.up_to.last().map_or(0.0, |(_, count)| *count)
    }

    /// A bound in seconds below which that share lies, as exact as the buckets are; 0 when nothing was counted.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = self.count() * share;
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, count) in self.up_to.iter().copied() {
            if count > below && count >= wanted {
                // within a bucket they are taken to be spread evenly
                let part = ((wanted - below) / (count - below)).clamp(0.0, 1.0);
                return if bound.is_finite() { low + (bound - low) * part } else { f64::INFINITY };
            }
            (low, below) = (bound, count);
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP a_seconds x\n\
        a_seconds_bucket{le=\"0.01\"} 0\n\
        a_seconds_bucket{le=\"0.02\"} 50\n\
        a_seconds_bucket{le=\"0.05\"} 99\n\
        a_seconds_bucket{le=\"+Inf\"} 100\n\
        a_seconds_sum 3\n\
        a_seconds_count 100\n";

    #[test]
    fn quantiles_lie_in_their_buckets() {
        let found = Histogram::parse(PAGE, "a_seconds").expect("it is there");
        assert_eq!(found.count(), 100.0);
        assert!((found.quantile(0.25) - 0.015).abs() < 1e-9);
        assert!((found.quantile(0.99) - 0.05).abs() < 1e-9);
        assert_eq!(found.quantile(1.0), f64::INFINITY);
        assert_eq!(Histogram::parse(PAGE, "b_seconds"), None);
        assert_eq!(Histogram::default().quantile(0.5), 0.0);
        assert_eq!((found.since(&found).count(), found.since(&Histogram::default())), (0.0, found));
    }
}
