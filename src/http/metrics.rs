//! Measurements of requests, and the page that shows them with all others.

use std::time::Duration;

use actix_web::http::StatusCode;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

use crate::http::operation::Operation;

/// The name under which requests to unknown paths are counted.
const NO_OPERATION: &str = "none";

/// Measurements of requests by operation and status.
#[derive(Clone, Debug)]
pub(super) struct HttpMetrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl HttpMetrics {
    /// Makes the measurements and registers them.
    ///
    /// # Errors
    /// If `registry` has one of the names already.
    pub(super) fn register(registry: Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new("dcs_emulator_requests_total", "Requests served, by operation and status"),
            &["operation", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "dcs_emulator_request_seconds",
                "Time from a request's head to its answer, by operation",
            )
            .buckets(prometheus::exponential_buckets(0.000_1, 2.0, 16)?),
            &["operation"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { registry, requests, seconds })
    }

    /// Takes one request into account.
    pub(super) fn observe(&self, operation: Option<&'static Operation>, status: StatusCode, took: Duration) {
        let name = operation.map_or(NO_OPERATION, |operation| operation.name);
        self.requests.with_label_values(&[name, status.as_str()]).inc();
        self.seconds.with_label_values(&[name]).observe(took.as_secs_f64());
    }

    /// Returns everything that was measured, in Prometheus' text format.
    ///
    /// # Errors
    /// If a measurement cannot be written as text.
    pub(super) fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
