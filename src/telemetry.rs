//! Logs: to stderr, as text or JSON. Nobody who logs waits for stderr or fails with it.

mod line_queue;

use std::backtrace::{Backtrace, BacktraceStatus};
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

/// The beginning of the names of the packages of the web framework.
const FRAMEWORK: &str = "actix";

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
    let mut filter: Targets =
        level.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    if filter.default_level() == Some(LevelFilter::INFO) && !level.contains(FRAMEWORK) {
        // Its workers, their threads and their runtime are of no use to an operator.
        filter = filter.with_target(FRAMEWORK, LevelFilter::WARN);
    }
    // A second start is harmless: the first one keeps writing.
    let _ = match format {
        LogFormat::Text => subscriber.with_target(false).finish().with(filter).try_init(),
        LogFormat::Json => subscriber.json().finish().with(filter).try_init(),
    };
}

/// Writes panics by the log: the standard library would wait for a stderr that nobody reads. One that the log does not take,
/// whatever its level, is a line of its own.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
        let text = panic.payload_as_str().unwrap_or("without a text");
        if tracing::enabled!(tracing::Level::ERROR) {
            tracing::error!(
                thread = thread.name(),
                location = panic.location().map(tracing::field::display),
                backtrace = backtrace.as_ref().map(tracing::field::display),
                "panicked: {text}"
            );
        } else {
            let location = panic.location().map(|location| format!(" at {location}")).unwrap_or_default();
            let backtrace = backtrace.map(|backtrace| format!("\n{backtrace}")).unwrap_or_default();
            write_line(&format!("dcs-emulator: panicked{location}: {text}{backtrace}"));
        }
    }));
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
