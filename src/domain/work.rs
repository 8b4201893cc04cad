//! Work that takes time: how long it is planned to take, and when each of its steps is due.

use std::time::Duration;

use crate::domain::time::Timestamp;

/// The kinds of work that go through states, each with durations and rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkModel {
    /// Backups.
    Backup,
    /// Restores.
    Restore,
    /// Accounts of instances.
    Account,
    /// Analyses of keys.
    Analysis,
    /// Diagnoses.
    Diagnosis,
    /// Migrations of data.
    Migration,
    /// All other background work.
    Task,
}

impl WorkModel {
    /// Every model.
    pub const ALL: [Self; 7] = [
        Self::Backup,
        Self::Restore,
        Self::Account,
        Self::Analysis,
        Self::Diagnosis,
        Self::Migration,
        Self::Task,
    ];

    /// Returns the word that the control API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Account => "account",
            Self::Analysis => "analysis",
            Self::Diagnosis => "diagnosis",
            Self::Migration => "migration",
            Self::Task => "task",
        }
    }

    /// Returns the word for the state in which it runs.
    pub fn running_word(self) -> &'static str {
        match self {
            Self::Backup => "backuping",
            Self::Restore => "restoring",
            Self::Account | Self::Analysis | Self::Diagnosis | Self::Migration | Self::Task => "running",
        }
    }
}

/// The share of a job's duration during which it waits before its work starts: one tenth, rounded down to milliseconds.
const WAITING_SHARE: u64 = 10;

/// What moves a job on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progression {
    /// It takes no time.
    Immediate,
    /// It takes its time.
    Timed {
        /// How long it waits before its work starts.
        waiting: Duration,
        /// How long its work takes.
        running: Duration,
    },
    /// It moves when it is told to.
    Manual,
}

impl Progression {
    /// Returns the progression of a job that takes `duration` in all, waiting for the first tenth of it.
    pub fn lasting(duration: Duration) -> Self {
        // Whole milliseconds, as times are: the parts must not round to less than the whole.
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let waiting = millis / WAITING_SHARE;
        let [waiting, running] = [waiting, millis - waiting].map(Duration::from_millis);
        if millis == 0 { Self::Immediate } else { Self::Timed { waiting, running } }
    }
}

/// How a job to be made is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkOptions {
    /// What moves it on.
    pub progression: Progression,
    /// How it ends: the failure it runs into, or none.
    pub failure: Option<FailureCode>,
}

/// When the steps of a job are due. Made when the job is, and stored with it, so that a restart changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkPlan {
    /// When its steps are due; none if it moves only when it is told to.
    pub due: Option<DueTimes>,
    /// How the work ends: the failure it runs into, or none.
    pub failure: Option<FailureCode>,
}

/// When the two steps of a job are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueTimes {
    /// When the work starts.
    pub start_at: Timestamp,
    /// When the work ends; never before `start_at`.
    pub finish_at: Timestamp,
}

impl WorkPlan {
    /// Plans a job that is created at `created_at`.
    pub fn new(created_at: Timestamp, change: WorkOptions) -> Self {
        let (waiting, running) = match change.progression {
            Progression::Immediate => (Duration::ZERO, Duration::ZERO),
            Progression::Timed { waiting, running } => (waiting, running),
            Progression::Manual => return Self { due: None, failure: change.failure },
        };
        let start_at = created_at.saturating_add(waiting);
        let due = DueTimes { start_at, finish_at: start_at.saturating_add(running) };
        Self { due: Some(due), failure: change.failure }
    }

    /// Returns when the work starts, if that is planned.
    pub fn start_at(&self) -> Option<Timestamp> {
        self.due.map(|due| due.start_at)
    }

    /// Returns when the work ends, if that is planned.
    pub fn finish_at(&self) -> Option<Timestamp> {
        self.due.map(|due| due.finish_at)
    }

    /// Returns how far work is at `now` that started at `started_at`; nothing is done of work that is not timed.
    pub fn progress(&self, started_at: Timestamp, now: Timestamp) -> Progress {
        self.due.map_or(Progress::NONE, |due| Progress::of_running(started_at, due.finish_at, now))
    }
}

/// Why a backup, a restore or background work failed.
///
/// Source: docs/contract/dcs-v1.0.md, section 2.2 `error_code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureCode {
    /// The tool did not start.
    ToolNotStarted,
    /// The work timed out.
    TimedOut,
    /// Deleting the bucket failed.
    BucketDeleteFailed,
    /// There were no access keys.
    NoAccessKeys,
    /// Creating the bucket failed.
    BucketCreateFailed,
    /// Asking for the size failed.
    SizeQueryFailed,
    /// The data could not be synchronised during a restore.
    RestoreSyncFailed,
    /// A scheduled run was skipped, because another job was active.
    Skipped,
}

impl FailureCode {
    /// Every code, in the order of its number.
    pub const ALL: [Self; 8] = [
        Self::ToolNotStarted,
        Self::TimedOut,
        Self::BucketDeleteFailed,
        Self::NoAccessKeys,
        Self::BucketCreateFailed,
        Self::SizeQueryFailed,
        Self::RestoreSyncFailed,
        Self::Skipped,
    ];

    /// Returns the code as the API shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ToolNotStarted => "dcs.08.0001",
            Self::TimedOut => "dcs.08.0002",
            Self::BucketDeleteFailed => "dcs.08.0003",
            Self::NoAccessKeys => "dcs.08.0004",
            Self::BucketCreateFailed => "dcs.08.0005",
            Self::SizeQueryFailed => "dcs.08.0006",
            Self::RestoreSyncFailed => "dcs.08.0007",
            Self::Skipped => "dcs.08.0008",
        }
    }

    /// Returns the code that [`FailureCode::as_str`] shows as `text`, if any.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == text)
    }
}

/// What is known of work that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When the work started, if it ever did.
    pub started_at: Option<Timestamp>,
    /// When it failed.
    pub failed_at: Timestamp,
    /// Why.
    pub code: FailureCode,
    /// How far it was.
    pub progress: Progress,
}

/// How far a job is, in hundredths of a percent: `"0.00"` to `"100.00"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Progress {
    hundredths: u16,
}

impl Progress {
    /// Nothing is done yet.
    pub const NONE: Self = Self { hundredths: 0 };
    /// Everything is done.
    pub const COMPLETE: Self = Self { hundredths: 10_000 };
    /// As much as running work shows at most.
    const RUNNING_MAX: u128 = 9_999;

    /// Returns how far work is at `now` that started and ends at the given times: never [`Progress::COMPLETE`].
    pub fn of_running(started_at: Timestamp, finish_at: Timestamp, now: Timestamp) -> Self {
        let whole = finish_at.saturating_since(started_at).as_millis().max(1);
        let done = now.saturating_since(started_at).as_millis();
        let hundredths = (done * 10_000 / whole).min(Self::RUNNING_MAX);
        Self { hundredths: u16::try_from(hundredths).unwrap_or(0) }
    }

    /// Restores a progress from hundredths of a percent; `None` above 10,000.
    pub fn from_hundredths(hundredths: u16) -> Option<Self> {
        (hundredths <= Self::COMPLETE.hundredths).then_some(Self { hundredths })
    }

    /// Returns hundredths of a percent, 0 to 10,000.
    pub fn as_hundredths(self) -> u16 {
        self.hundredths
    }
}

/// The text is no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a progress from 0.00 to 100.00, with two decimals")]
pub struct InvalidProgress;

impl std::str::FromStr for Progress {
    type Err = InvalidProgress;

    fn from_str(text: &str) -> Result<Self, InvalidProgress> {
        let hundredths = || {
            let (whole, decimals) = text.split_once('.')?;
            let is_plain =
                decimals.len() == 2 && text.bytes().filter(u8::is_ascii_digit).count() + 1 == text.len();
            let hundredths =
                whole.parse::<u16>().ok()?.checked_mul(100)?.checked_add(decimals.parse().ok()?)?;
            Self::from_hundredths(hundredths).filter(|_| is_plain)
        };
        hundredths().ok_or(InvalidProgress)
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{:02}", self.hundredths / 100, self.hundredths % 100)
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
    fn a_job_waits_for_a_tenth_of_its_time() {
        let due = |duration| {
            let change = WorkOptions { progression: Progression::lasting(duration), failure: None };
            let due = WorkPlan::new(at(1_000), change).due.unwrap();
            (due.start_at, due.finish_at)
        };
        assert_eq!(due(Duration::from_secs(5)), (at(1_500), at(6_000)));
        assert_eq!(due(Duration::from_millis(41)), (at(1_004), at(1_041)));
        assert_eq!(due(Duration::ZERO), (at(1_000), at(1_000)));
    }

    #[test]
    fn work_that_is_moved_by_hand_has_no_due_times() {
        let change = WorkOptions { progression: Progression::Manual, failure: Some(FailureCode::TimedOut) };
        let plan = WorkPlan::new(at(1_000), change);
        assert_eq!((plan.start_at(), plan.finish_at()), (None, None));
        assert_eq!(plan.failure, Some(FailureCode::TimedOut));
        assert_eq!(plan.progress(at(1_000), at(9_000)), Progress::NONE);
    }

    #[test]
    fn every_failure_code_survives_its_text() {
        for code in FailureCode::ALL {
            assert_eq!(FailureCode::parse(code.as_str()), Some(code));
        }
        assert_eq!(FailureCode::parse("dcs.08.0009"), None);
    }

    #[test]
    fn a_progress_has_two_decimals_and_ends_at_a_hundred() {
        for text in ["", "1", "1.0", "1.000", "100.01", "-1.00", "+1.00", "1,00", "a.00", ".50"] {
            assert_eq!(text.parse::<Progress>(), Err(InvalidProgress), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_progress_survives_its_text(hundredths in 0_u16..=10_000) {
            let progress = Progress::from_hundredths(hundredths).unwrap();
            prop_assert_eq!(progress.to_string().parse(), Ok(progress));
        }

        #[test]
        fn progress_of_running_work_never_falls_and_never_reaches_the_end(
            start in 0_i64..1_000, length in 0_i64..1_000, earlier in 0_i64..3_000, later in 0_i64..3_000,
        ) {
            let (earlier, later) = (earlier.min(later), earlier.max(later));
            let progress = |now| Progress::of_running(at(start), at(start + length), at(now));
            prop_assert!(progress(earlier) <= progress(later));
            prop_assert!(progress(later) < Progress::COMPLETE);
        }
    }
}
