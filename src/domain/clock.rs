//! How the emulator's time follows the real one: at its pace, faster or slower, or not at all.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// How fast the emulator's time runs: more than zero, up to [`ClockRate::MAX`] seconds a real second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockRate(f64);

/// The number is no rate at which time can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is more than 0 and at most {}", ClockRate::MAX)]
pub struct InvalidClockRate;

impl ClockRate {
    /// The pace of the real time.
    pub const REAL: Self = Self(1.0);
    /// The fastest rate.
    pub const MAX: f64 = 1_000_000.0;

    /// Takes a number of seconds a real second.
    ///
    /// # Errors
    /// [`InvalidClockRate`] outside the limits.
    pub fn new(rate: f64) -> Result<Self, InvalidClockRate> {
        if rate > 0.0 && rate <= Self::MAX { Ok(Self(rate)) } else { Err(InvalidClockRate) }
    }

    /// Returns the number of seconds a real second.
    pub fn as_f64(self) -> f64 {
        self.0
    }
}

/// What the emulator's clock shows, as a function of the real time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockSetting {
    /// What it showed at `set_at`.
    shown: Timestamp,
    /// The real time at which it was last set.
    set_at: Timestamp,
    /// How fast it runs.
    rate: ClockRate,
    /// Whether it stands still.
    frozen: bool,
}

impl ClockSetting {
    /// Returns a clock that shows the real time; `now` is that.
    pub fn real(now: Timestamp) -> Self {
        Self { shown: now, set_at: now, rate: ClockRate::REAL, frozen: false }
    }

    /// Restores a clock from its parts: what it showed, when it was set, how fast it runs, and whether it stands still.
    pub fn from_parts(shown: Timestamp, set_at: Timestamp, rate: ClockRate, frozen: bool) -> Self {
        Self { shown, set_at, rate, frozen }
    }

    /// Returns the parts that [`ClockSetting::from_parts`] takes.
    pub fn parts(&self) -> (Timestamp, Timestamp, ClockRate, bool) {
        (self.shown, self.set_at, self.rate, self.frozen)
    }

    /// Returns what it shows at a real time. It follows that backwards too: the real clock may be put back, also behind the
    /// time at which this one was set.
    pub fn at(&self, real: Timestamp) -> Timestamp {
        if self.frozen {
            return self.shown;
        }
        if real < self.set_at {
            self.shown.saturating_sub(self.scaled(self.set_at.saturating_since(real)))
        } else {
            self.shown.saturating_add(self.scaled(real.saturating_since(self.set_at)))
        }
    }

    /// Returns how much passes on it while `real` passes.
    fn scaled(&self, real: Duration) -> Duration {
        if self.rate == ClockRate::REAL {
            return real;
        }
        Duration::try_from_secs_f64(real.as_secs_f64() * self.rate.as_f64()).unwrap_or(Duration::MAX)
    }

    /// Sets what it shows at the real time `real`.
    #[must_use]
    pub fn showing(self, shown: Timestamp, real: Timestamp) -> Self {
        Self { shown, set_at: real, ..self }
    }

    /// Lets it stand still or run on, from what it shows at the real time `real`.
    #[must_use]
    pub fn frozen(self, frozen: bool, real: Timestamp) -> Self {
        Self { frozen, ..self.showing(self.at(real), real) }
    }

    /// Sets how fast it runs, from what it shows at the real time `real`.
    #[must_use]
    pub fn running_at(self, rate: ClockRate, real: Timestamp) -> Self {
        Self { rate, ..self.showing(self.at(real), real) }
    }

    /// Returns how fast it runs.
    pub fn rate(&self) -> ClockRate {
        self.rate
    }

    /// Returns whether it stands still.
    pub fn is_frozen(&self) -> bool {
        self.frozen
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis).unwrap()
    }

    #[test]
    fn a_clock_that_nobody_touched_shows_the_real_time() {
        let clock = ClockSetting::real(at(1_000));
        assert_eq!(clock.at(at(61_000)), at(61_000));
        // Also when that is put back behind the start of the program.
        assert_eq!(clock.at(at(400)), at(400));
    }

    #[test]
    fn setting_freezing_and_pacing_begin_from_what_is_shown() {
        let clock = ClockSetting::real(at(0)).showing(at(500_000), at(1_000));
        assert_eq!(clock.at(at(3_000)), at(502_000));
        let frozen = clock.frozen(true, at(3_000));
        assert_eq!(frozen.at(at(90_000)), at(502_000));
        let running = frozen.frozen(false, at(90_000)).running_at(ClockRate::new(10.0).unwrap(), at(91_000));
        assert_eq!(running.at(at(91_000)), at(503_000));
        assert_eq!(running.at(at(92_000)), at(513_000));
    }

    #[test]
    fn a_rate_is_positive_and_bounded() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, ClockRate::MAX * 2.0] {
            assert_eq!(ClockRate::new(rate), Err(InvalidClockRate));
        }
    }

    proptest! {
        #[test]
        fn time_never_runs_backwards_while_nobody_sets_it(
            rate in 0.001_f64..1_000.0, earlier in 0_i64..1_000_000, later in 0_i64..1_000_000,
        ) {
            let clock = ClockSetting::real(at(0)).running_at(ClockRate::new(rate).unwrap(), at(0));
            let (earlier, later) = (earlier.min(later), earlier.max(later));
            prop_assert!(clock.at(at(earlier)) <= clock.at(at(later)));
        }
    }
}
