//! Logs: to stderr, as text or JSON. Nobody who logs waits for stderr or fails with it.

mod line_queue;

use std::io::Write;
use std::sync::{LazyLock, OnceLock};

use prometheus::{IntCounter, Registry};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogFormat;
use line_queue::LineQueue;

/// Lines on their way to stderr; none if logs were not started, or if the system gave no thread.
static QUEUE: OnceLock<Option<LineQueue>> = OnceLock::new();

/// Lines that stderr did not take, of this process.
static LOST: LazyLock<IntCounter> = LazyLock::new(|| {
    IntCounter::new(
        "dcs_emulator_log_lines_lost_total",
        "Lines of the log that were lost because stderr failed or nobody read it",
    )
    .expect("the name is one of a metric")
});

/// Starts to write logs. Only the first call in a process has an effect.
pub fn start(format: LogFormat, level: &str) {
    QUEUE.get_or_init(|| LineQueue::start(std::io::stderr(), |lines| LOST.inc_by(lines)).ok());
    let subscriber = tracing_subscriber::fmt()
        .with_writer(|| Lines)
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

/// Writes a line to stderr, behind the lines of the log. If logs were started it never blocks; it never fails.
pub fn write_line(text: &str) {
    write(format!("{text}\n").as_bytes());
}

/// Waits until stderr has taken all lines, or for a second if nobody reads it. For the end of the process.
pub fn flush() {
    if let Some(Some(queue)) = QUEUE.get() {
        queue.flush();
    }
}

/// Registers the count of lost lines. It is the process's: emulators side by side show the same one.
///
/// # Errors
/// If `registry` has the name already.
pub fn register(registry: &Registry) -> Result<(), prometheus::Error> {
    registry.register(Box::new(LOST.clone()))
}

fn write(lines: &[u8]) {
    if let Some(Some(queue)) = QUEUE.get() {
        queue.push(lines);
    } else if std::io::stderr().write_all(lines).is_err() {
        LOST.inc();
    }
}

/// Where the subscriber writes: each event by one call.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        write(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
