//! The clock and the stopwatch. Nothing else asks the system for the time, so that a test can drive it by hand.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::domain::clock::ClockSetting;
use crate::domain::time::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Returns the present time.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    fn now(&self) -> Timestamp {
        Timestamp::from_utc(chrono::Utc::now())
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    millis: AtomicI64,
}

impl ManualClock {
    /// Makes a clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { millis: AtomicI64::new(now.as_millis()) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().saturating_add(duration));
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, now: Timestamp) {
        self.millis.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst)).unwrap_or(Timestamp::MIN)
    }
}

/// The emulator's clock: it follows the real one as its face says.
pub struct VirtualClock {
    real: Arc<dyn Clock>,
    face: RwLock<ClockSetting>,
}

impl VirtualClock {
    /// Makes a clock that shows the real time.
    pub fn new(real: Arc<dyn Clock>) -> Self {
        let face = RwLock::new(ClockSetting::real(real.now()));
        Self { real, face }
    }

    /// Returns how it follows the real time.
    pub fn face(&self) -> ClockSetting {
        *self.face.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how it follows the real time.
    pub fn set_face(&self, face: ClockSetting) {
        *self.face.write().unwrap_or_else(PoisonError::into_inner) = face;
    }

    /// Returns the real time.
    pub fn real_now(&self) -> Timestamp {
        self.real.now()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.face().at(self.real.now())
    }
}

/// Measures how long something takes, by the monotonic clock of the system.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    started: Instant,
}

impl Stopwatch {
    /// Starts to measure.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Returns the time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = ManualClock::new(Timestamp::from_millis(1_000).unwrap());
        assert_eq!(clock.now().as_millis(), 1_000);
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now().as_millis(), 3_000);
    }
}
