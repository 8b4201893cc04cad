//! When the backups of a policy are made, and how long they stay.
//!
//! A run is due when the window of the plan begins, on each of its days, in its zone. A run that finds the instance busy is
//! tried again an hour later, three times in all. Runs that were missed, because nothing ran, are made with the times at
//! which they were due, but no older ones than [`CAUGHT_UP`].
//!
//! Source: docs/contract/dcs-v1.0.md, section 3.2; docs/contract/dcs-v2.md, section 2.1.

use std::time::Duration;

use crate::domain::instance::policy::{BackupPlan, BackupPolicy, BackupWindow};
use crate::domain::time::Timestamp;

/// How often a run is tried.
const TRIES: u8 = 3;
/// How long after a try in vain the next one is.
const RETRY_AFTER: Duration = Duration::from_hours(1);
/// How far back runs are made that were missed: a year, leap day included.
pub const CAUGHT_UP: Duration = Duration::from_hours(366 * 24);

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The day on which time begins, a Thursday, as days are counted from Monday, 0.
const FIRST_DAY: i64 = 3;
const DAYS_A_WEEK: i64 = 7;

/// What is copied from a backup policy into each of its backups: its window, and how long they are retained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupTerms {
    /// The window of its run.
    pub window: BackupWindow,
    /// For how many days after its completion it stays: 1 to 7.
    pub save_days: u8,
}

impl BackupTerms {
    /// Returns when the days of a backup that was completed at `completed_at` are over; none where time ends before.
    pub fn days_end(&self, completed_at: Timestamp) -> Option<Timestamp> {
        Timestamp::from_millis(completed_at.as_millis() + i64::from(self.save_days) * DAY_MS).ok()
    }
}

/// What decides whether a usable automatic backup stays although its days are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionStatus {
    /// Its instance is there, and not deleted.
    pub instance_is_there: bool,
    /// There is a newer usable automatic backup of its instance.
    pub has_newer: bool,
    /// A restore from it is open.
    pub is_being_restored: bool,
}

impl RetentionStatus {
    /// Returns whether it stays: as the newest of its kind, or until the restore from it has ended. Of an instance that is gone none does.
    pub fn stays(self) -> bool {
        self.instance_is_there && (!self.has_newer || self.is_being_restored)
    }
}

/// When backups are made by a policy, which is an automatic one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    plan: BackupPlan,
    save_days: u8,
}

/// The next run of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedRun {
    /// When it is due, or due again.
    pub at: Timestamp,
    /// How often it has been tried in vain.
    pub failed_tries: u8,
}

/// How a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// The backup was made, or none is to be made of such an instance.
    Done,
    /// It was skipped: the instance was busy, or not running.
    Skipped,
}

impl Schedule {
    /// Returns the schedule of a policy; none if it is a manual one.
    pub fn of(policy: &BackupPolicy) -> Option<Self> {
        if !policy.is_automatic() {
            return None;
        }
        Some(Self { plan: policy.plan.clone()?, save_days: policy.save_days? })
    }

    /// Returns what its backups take over from it.
    pub fn terms(&self) -> BackupTerms {
        BackupTerms { window: self.plan.window().clone(), save_days: self.save_days }
    }

    /// Returns the first run after `time`; none where time ends before it.
    pub fn first_after(&self, time: Timestamp) -> Option<PlannedRun> {
        let offset_ms = i64::from(self.plan.offset().as_minutes()) * 60 * 1000;
        let today = (time.as_millis() + offset_ms).div_euclid(DAY_MS);
        let begin_ms = i64::from(self.plan.window().begin_hour()) * HOUR_MS;
        let at = (today..=today + DAYS_A_WEEK)
            .filter(|day| self.is_on(*day))
            .map(|day| day * DAY_MS + begin_ms - offset_ms)
            .find(|at| *at > time.as_millis())?;
        Some(PlannedRun { at: Timestamp::from_millis(at).ok()?, failed_tries: 0 })
    }

    /// Returns whether the plan names the day of the week that the day is, counted from the first of 1970.
    fn is_on(&self, day: i64) -> bool {
        let day_of_week = (day + FIRST_DAY).rem_euclid(DAYS_A_WEEK) + 1;
        self.plan.days().iter().any(|named| i64::from(*named) == day_of_week)
    }

    /// Returns the run that follows one that went so: another try of it, or the next of the plan.
    pub fn following(&self, run: PlannedRun, outcome: RunOutcome) -> Option<PlannedRun> {
        let failed_tries = run.failed_tries + 1;
        if outcome == RunOutcome::Skipped && failed_tries < TRIES {
            return Some(PlannedRun { at: run.at.saturating_add(RETRY_AFTER), failed_tries });
        }
        self.first_after(run.at)
    }

    /// Returns the run that takes the place of one that was missed too long ago to be made at `now`; none if it is to be made.
    pub fn in_place_of(&self, run: PlannedRun, now: Timestamp) -> Option<PlannedRun> {
        let earliest = now.saturating_sub(CAUGHT_UP);
        if run.at >= earliest { None } else { self.first_after(earliest) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::instance::policy::{PlanRequest, PolicyRequest};
    use crate::domain::time::UtcOffset;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(days: &[u64], window: &str, offset: &str) -> Schedule {
        let plan = PlanRequest {
            begin_at: Some(window.to_owned()),
            period_type: Some(BackupPlan::PERIOD.to_owned()),
            backup_at: days.to_vec(),
            timezone_offset: Some(offset.to_owned()),
        };
        let sent =
            PolicyRequest { backup_type: Some("auto".to_owned()), save_days: Some(3), plan: Some(plan) };
        Schedule::of(&BackupPolicy::new(sent, UtcOffset::UTC).unwrap().unwrap()).unwrap()
    }

    fn first_after(schedule: &Schedule, time: &str) -> String {
        format!("{:?}", schedule.first_after(at(time)).unwrap().at)
    }

    #[test]
    fn a_run_is_due_when_the_window_begins_on_a_day_of_the_plan() {
        // The third of June 2024 was a Monday.
        let schedule = schedule(&[1, 3], "02:00-03:00", "+0000");
        assert_eq!(first_after(&schedule, "2024-06-03T01:59:59.999Z"), "2024-06-03T02:00:00.000Z");
        assert_eq!(first_after(&schedule, "2024-06-03T02:00:00Z"), "2024-06-05T02:00:00.000Z");
        assert_eq!(first_after(&schedule, "2024-06-05T02:30:00Z"), "2024-06-10T02:00:00.000Z");
    }

    #[test]
    fn day_and_hour_are_those_of_the_zone() {
        // Monday, one in the morning, is Sunday afternoon in the west and already over in the east.
        let east = schedule(&[1], "01:00-02:00", "+0800");
        assert_eq!(first_after(&east, "2024-06-01T00:00:00Z"), "2024-06-02T17:00:00.000Z");
        let west = schedule(&[1], "23:00-00:00", "-0330");
        assert_eq!(first_after(&west, "2024-06-03T00:00:00Z"), "2024-06-04T02:30:00.000Z");
    }

    #[test]
    fn a_run_is_tried_three_times_an_hour_apart() {
        let schedule = schedule(&[1, 2, 3, 4, 5, 6, 7], "22:00-23:00", "+0000");
        let run = schedule.first_after(at("2024-06-03T00:00:00Z")).unwrap();
        let second = schedule.following(run, RunOutcome::Skipped).unwrap();
        assert_eq!(second, PlannedRun { at: at("2024-06-03T23:00:00Z"), failed_tries: 1 });
        let third = schedule.following(second, RunOutcome::Skipped).unwrap();
        assert_eq!(third, PlannedRun { at: at("2024-06-04T00:00:00Z"), failed_tries: 2 });
        let next = PlannedRun { at: at("2024-06-04T22:00:00Z"), failed_tries: 0 };
        assert_eq!(schedule.following(third, RunOutcome::Skipped), Some(next));
        assert_eq!(schedule.following(second, RunOutcome::Done), Some(next));
    }

    #[test]
    fn what_was_missed_is_made_for_a_year_back() {
        let schedule = schedule(&[1], "02:00-03:00", "+0000");
        let run = PlannedRun { at: at("2024-06-03T02:00:00Z"), failed_tries: 1 };
        assert_eq!(schedule.in_place_of(run, at("2025-06-04T02:00:00Z")), None);
        let instead = PlannedRun { at: at("2024-06-10T02:00:00Z"), failed_tries: 0 };
        assert_eq!(schedule.in_place_of(run, at("2025-06-04T02:00:00.001Z")), Some(instead));
    }

    #[test]
    fn there_are_no_runs_after_the_end_of_time() {
        assert_eq!(schedule(&[1], "02:00-03:00", "+0000").first_after(Timestamp::MAX), None);
    }

    proptest! {
        #[test]
        fn runs_are_in_order_within_the_window_and_none_is_left_out(
            days in prop::collection::btree_set(1_u64..=7, 1..=7), hour in 0_u8..24, minutes in -12_i64 * 60..=12 * 60,
            from in 1_700_000_000_000_i64..1_800_000_000_000,
        ) {
            let (sign, zone) = if minutes < 0 { ('-', -minutes) } else { ('+', minutes) };
            let offset = format!("{sign}{:02}{:02}", zone / 60, zone % 60);
            let days: Vec<u64> = days.into_iter().collect();
            let schedule = schedule(&days, &format!("{hour:02}:00-{:02}:00", (hour + 1) % 24), &offset);
            let from = Timestamp::from_millis(from).unwrap();
            let mut runs = vec![schedule.first_after(from).unwrap()];
            while runs.len() <= days.len() {
                runs.push(schedule.following(runs[runs.len() - 1], RunOutcome::Done).unwrap());
            }
            prop_assert!(runs[0].at > from);
            // As many as the plan has days, and then the same again a week later.
            prop_assert_eq!(runs[days.len()].at, runs[0].at.saturating_add(Duration::from_hours(7 * 24)));
            for run in &runs {
                let local = run.at.as_millis() + minutes * 60 * 1000;
                prop_assert_eq!(local.rem_euclid(DAY_MS), i64::from(hour) * HOUR_MS);
            }
        }
    }
}
