//! Waiting for a condition, with a generous limit.

use std::io::{Error, ErrorKind, Result};
use std::time::{Duration, Instant};

/// How often a condition is looked at. Nothing depends on its length.
const INTERVAL: Duration = Duration::from_millis(5);

/// Asks until there is an answer.
///
/// # Errors
/// Those of `ask`; `TimedOut`, naming `what`, if there is no answer within `limit`.
pub(crate) fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if started.elapsed() > limit {
            return Err(Error::new(ErrorKind::TimedOut, format!("{what}: nothing within {limit:?}")));
        }
        std::thread::sleep(INTERVAL);
    }
}
