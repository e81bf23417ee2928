//! How many operations run at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what runs.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    running: AtomicUsize,
}

/// One running operation; ends when dropped.
#[derive(Debug)]
pub(crate) struct Admitted<'a>(&'a Admission);

impl Admission {
    /// Lets one more in, if fewer than `limit` run.
    pub(crate) fn admit(&self, limit: usize) -> Option<Admitted<'_>> {
        let admitted = Admitted(self);
        // counted before it is compared, so that no more than `limit` get in whoever comes at the same time
        (self.running.fetch_add(1, Ordering::Relaxed) < limit).then_some(admitted)
    }

    /// How many run.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_limit_run_at_the_same_time() {
        let admission = Admission::default();
        let first = admission.admit(2);
        let second = admission.admit(2);
        assert!(first.is_some() && second.is_some());
        assert!(admission.admit(2).is_none());
        assert!(admission.admit(3).is_some(), "the limit may be raised at any time");
        drop(first);
        assert!(admission.admit(2).is_some());
        drop(second);
        assert_eq!(admission.running(), 0);
    }
}
