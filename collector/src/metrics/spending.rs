//! What executors' work was for, and what hedges bought.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::partition::{Book, Spending};

type Seconds = Family<ExecutorLabels, Counter<f64, AtomicU64>>;

/// Work by what it was for, hedges by what became of them.
#[derive(Debug)]
pub(super) struct SpendingMetrics {
    used: Seconds,
    wasted: Seconds,
    compared: Seconds,
    hedges: Family<HedgeLabels, Counter>,
    saved: Histogram,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ExecutorLabels {
    executor: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct HedgeLabels {
    executor: String,
    outcome: &'static str,
}

// === impl SpendingMetrics ===

impl Default for SpendingMetrics {
    fn default() -> Self {
        let (used, wasted, compared, hedges) = Default::default();
        // From half a millisecond to a good minute.
        Self { used, wasted, compared, hedges, saved: Histogram::new(exponential_buckets(0.000_5, 2.0, 18)) }
    }
}

impl SpendingMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let mut work = |name: &str, help: &str, seconds: &Seconds| {
            registry.register_with_unit(name, help, Unit::Seconds, seconds.clone());
        };
        work("useful_executor", "Work on answers that results were made of", &self.used);
        work("wasted_executor", "Work of candidates that no result was made of", &self.wasted);
        work("compared_executor", "Work of canaries", &self.compared);
        registry.register("hedges", "Later starts that were heard of, by what they were good for", self.hedges.clone());
        let help = "How much later the answer came that a hedge outran, or would have been over if none came";
        registry.register_with_unit("hedge_saved", help, Unit::Seconds, self.saved.clone());
    }

    pub(super) fn count(&self, spending: &Spending) {
        let Spending { books, saved } = spending;
        for book in books {
            self.count_book(book);
        }
        for saved in saved {
            self.saved.observe(saved.as_secs_f64());
        }
    }

    fn count_book(&self, book: &Book) {
        let executor = book.executor.as_ref().map(ToString::to_string).unwrap_or_default();
        let add = |to: &Seconds, spent: Duration| {
            if !spent.is_zero() {
                let labels = ExecutorLabels { executor: executor.clone() };
                to.get_or_create(&labels).inc_by(spent.as_secs_f64());
            }
        };
        add(&self.used, book.used);
        add(&self.wasted, book.wasted);
        add(&self.compared, book.compared);
        for (outcome, count) in [("won", book.won), ("in_vain", book.in_vain)] {
            if count > 0 {
                let labels = HedgeLabels { executor: executor.clone(), outcome };
                self.hedges.get_or_create(&labels).inc_by(count);
            }
        }
    }
}
