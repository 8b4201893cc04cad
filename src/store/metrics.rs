//! What the writer measures of itself.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

/// Measurements of the write path, to be shown at `/metrics`.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    /// How many commands wait in the writer's queue.
    pub queue_depth: IntGauge,
    /// How many commands one transaction took.
    pub batch_size: Histogram,
    /// How long one transaction took from its begin to the end of its sync, in seconds.
    pub commit_seconds: Histogram,
    /// How long SQLite's log is, in bytes, as it was measured last.
    pub wal_bytes: IntGauge,
    /// How often the log was far too long and could not be brought into the database.
    pub checkpoints_incomplete: IntCounter,
}

impl StoreMetrics {
    /// Makes the measurements and registers them.
    ///
    /// # Errors
    /// If `registry` has one of the names already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            queue_depth: IntGauge::new(
                "dcs_emulator_writer_queue_depth",
                "Commands that wait in the writer's queue",
            )?,
            batch_size: Histogram::with_opts(
                HistogramOpts::new("dcs_emulator_writer_batch_size", "Commands committed by one transaction")
                    .buckets(vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]),
            )?,
            commit_seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "dcs_emulator_writer_commit_seconds",
                    "Time from a transaction's begin to the end of its sync",
                )
                .buckets(prometheus::exponential_buckets(0.000_1, 2.0, 14)?),
            )?,
            wal_bytes: IntGauge::new(
                "dcs_emulator_wal_bytes",
                "Length of the database's log, measured once a second while something is written",
            )?,
            checkpoints_incomplete: IntCounter::new(
                "dcs_emulator_checkpoints_incomplete_total",
                "Looks at the log that found it far too long and unable to be brought into the database",
            )?,
        };
        registry.register(Box::new(metrics.queue_depth.clone()))?;
        registry.register(Box::new(metrics.batch_size.clone()))?;
        registry.register(Box::new(metrics.commit_seconds.clone()))?;
        registry.register(Box::new(metrics.wal_bytes.clone()))?;
        registry.register(Box::new(metrics.checkpoints_incomplete.clone()))?;
        Ok(metrics)
    }
}
