//! A bounded queue of lines and the thread that writes them.

use std::io::{ErrorKind, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How much may wait to be written, in bytes.
const MAX_WAITING: usize = 1 << 20;
/// How long [`LineQueue::flush`] waits for an output that takes nothing.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an output that is not to be waited for (`O_NONBLOCK`) is left alone when it is full.
const RETRY_PERIOD: Duration = Duration::from_millis(5);

/// Lines on their way to an output that may fail or take nothing: then lines are lost, and counted.
pub(super) struct LineQueue {
    shared: Arc<Shared>,
    count_lost: fn(u64),
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whole lines.
    waiting: Vec<u8>,
    is_writing: bool,
}

impl LineQueue {
    /// Starts the thread that writes to `output`; `count_lost` is told of lines that were not written.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn start(output: impl Write + Send + 'static, count_lost: fn(u64)) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let queue = Self { shared: Arc::clone(&shared), count_lost };
        let write = move || shared.write_forever(output, count_lost);
        std::thread::Builder::new().name("log".to_owned()).spawn(write)?;
        Ok(queue)
    }

    /// Queues whole lines; if there is no room for them they are lost. Never waits for the output.
    pub(super) fn push(&self, lines: &[u8]) {
        let mut state = self.shared.lock();
        if state.waiting.len() + lines.len() > MAX_WAITING {
            drop(state);
            (self.count_lost)(count(lines));
            return;
        }
        state.waiting.extend_from_slice(lines);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits until all lines are written or lost, at most for [`FLUSH_TIMEOUT`].
    pub(super) fn flush(&self) {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.is_empty();
        // Whoever ends the process does so in either case.
        let _ = self.shared.changed.wait_timeout_while(self.shared.lock(), FLUSH_TIMEOUT, is_busy);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_forever(&self, mut output: impl Write, count_lost: fn(u64)) {
        let mut lines = Vec::new();
        loop {
            let mut state = self.lock();
            state.is_writing = false;
            self.changed.notify_all();
            while state.waiting.is_empty() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            lines.clear();
            mem::swap(&mut state.waiting, &mut lines);
            state.is_writing = true;
            drop(state);
            // One call a line, so that lines of other processes do not come in between.
            for line in lines.split_inclusive(|byte| *byte == b'\n') {
                if write_line(&mut output, line).is_err() {
                    count_lost(1);
                }
            }
        }
    }
}

fn write_line(output: &mut impl Write, mut line: &[u8]) -> std::io::Result<()> {
    while !line.is_empty() {
        match output.write(line) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => line = &line[length..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(RETRY_PERIOD),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn count(lines: &[u8]) -> u64 {
    let count = lines.split_inclusive(|byte| *byte == b'\n').count();
    u64::try_from(count).unwrap_or(u64::MAX)
}
