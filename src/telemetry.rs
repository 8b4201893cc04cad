//! Logs: to stderr, as text or JSON.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;

/// Starts to write logs. Only the first call in a process has an effect.
pub fn start(format: LogFormat, level: &str) {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        // The filter alone decides.
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let filter: Targets = level.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    // A second start is harmless: the first one keeps writing.
    let _ = match format {
        LogFormat::Text => subscriber.with_target(false).finish().with(filter).try_init(),
        LogFormat::Json => subscriber.json().finish().with(filter).try_init(),
    };
}
