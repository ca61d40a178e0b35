//! What the decoy counts.

use std::sync::atomic::AtomicI64;

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// The decoy's counters. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Records that are durable in a file.
    pub records: Counter,
    /// Bytes of files, as compressed.
    pub bytes: Counter,
    /// Files published.
    pub files: Counter,
    /// Files removed because they were older than is kept.
    pub pruned: Counter,
    /// Attempts at the archive that failed and were or will be repeated.
    pub failures: Counter,
    /// Files that another owner of the partition published first.
    pub beaten: Counter,
    /// Holes in the log.
    pub gaps: Counter,
    /// Offsets in those holes.
    pub missing: Counter,
    /// Records in the log that are not yet durable in a file, over the partitions of this process.
    pub lag: Gauge<i64, AtomicI64>,
    /// Partitions of this process whose archive cannot be used now.
    pub troubled: Gauge<i64, AtomicI64>,
}

// === impl Metrics ===

impl Metrics {
    /// Registers all of them.
    pub fn register(&self, registry: &mut Registry) {
        let counters = [
            ("records", "Records that are durable in a file of the archive", &self.records),
            ("bytes", "Bytes of archive files, as compressed", &self.bytes),
            ("files", "Archive files published", &self.files),
            ("pruned_files", "Archive files removed because they were older than is kept", &self.pruned),
            ("failures", "Attempts at the archive that failed and are repeated", &self.failures),
            ("beaten_files", "Files that another owner of the partition published first", &self.beaten),
            ("gaps", "Holes in the log, noted in the archive", &self.gaps),
            ("missing_records", "Offsets that the log no longer held when they were to be archived", &self.missing),
        ];
        for (name, help, counter) in counters {
            registry.register(format!("hedgerow_decoy_{name}"), help, counter.clone());
        }
        let gauges = [
            ("lag_records", "Records in the log that are not yet durable in a file", &self.lag),
            ("troubled_partitions", "Partitions whose archive cannot be used now", &self.troubled),
        ];
        for (name, help, gauge) in gauges {
            registry.register(format!("hedgerow_decoy_{name}"), help, gauge.clone());
        }
    }
}
