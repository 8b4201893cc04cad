//! The journal: which calls of the API came lately, and how they were answered. Kept in memory, bounded, without secrets.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use utoipa::ToSchema;

use crate::domain::id::ProjectId;
use crate::engine::DurationText;

/// A call of the API and its answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct JournalEntry {
    /// Its number since the start, from 1.
    pub(crate) number: u64,
    /// When it was answered, by the emulator's clock.
    pub(crate) at: String,
    /// The method.
    pub(crate) method: String,
    /// The path, without the query.
    pub(crate) path: String,
    /// The version of the API, where the path names one.
    pub(crate) api: Option<&'static str>,
    /// The operation; null for what is not built.
    pub(crate) operation: Option<&'static str>,
    /// Whether there is such an operation and it is emulated.
    #[serde(skip)]
    pub(crate) is_supported: bool,
    /// The project in the path.
    pub(crate) project_id: Option<String>,
    /// The instance in the path.
    pub(crate) instance_id: Option<String>,
    /// The status of the answer; 500 for a connection that was cut.
    pub(crate) status: u16,
    /// The code of the error, if it was one.
    pub(crate) error_code: Option<String>,
    /// The client, as it names itself.
    pub(crate) client: Option<String>,
    /// How long it took, in milliseconds.
    pub(crate) duration_ms: f64,
    /// The id of the request.
    pub(crate) request_id: String,
}

/// Which calls are asked for. What is absent does not filter.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JournalFilter {
    pub(crate) operation: Option<String>,
    pub(crate) api: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) project_id: Option<String>,
    pub(crate) instance_id: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) error_code: Option<String>,
    /// A part of the client's name.
    pub(crate) client: Option<String>,
    /// Only calls that took longer than this.
    pub(crate) slower_than: Option<DurationText>,
    /// Only calls after the one with this number.
    pub(crate) after: Option<u64>,
}

impl JournalFilter {
    /// Lets through the calls about a project.
    pub(crate) fn of_project(project: ProjectId) -> Self {
        Self { project_id: Some(project.to_string()), ..Self::default() }
    }

    fn matches(&self, entry: &JournalEntry) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted
                .as_deref()
                .is_none_or(|wanted| found.is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
        };
        same(&self.operation, entry.operation)
            && same(&self.api, entry.api)
            && same(&self.method, Some(&entry.method))
            && same(&self.project_id, entry.project_id.as_deref())
            && same(&self.instance_id, entry.instance_id.as_deref())
            && same(&self.error_code, entry.error_code.as_deref())
            && self.status.is_none_or(|status| status == entry.status)
            && self.after.is_none_or(|number| entry.number > number)
            && self.slower_than.is_none_or(|least| entry.duration_ms > least.0.as_secs_f64() * 1000.0)
            && self
                .client
                .as_deref()
                .is_none_or(|part| entry.client.as_deref().is_some_and(|client| client.contains(part)))
    }
}

/// The calls that came lately.
pub(crate) struct Journal {
    limit: usize,
    calls: Mutex<Calls>,
    changed: Notify,
}

#[derive(Default)]
struct Calls {
    /// The number of the newest call.
    last_number: u64,
    /// The calls that are kept, oldest first.
    kept: VecDeque<JournalEntry>,
    /// How often calls have been forgotten on demand.
    clearings: u64,
}

/// How many calls somebody has counted so far who waits for more.
#[derive(Debug, Default)]
struct Tally {
    count: usize,
    /// The number of the newest call that has been looked at.
    seen: u64,
    clearings: u64,
}

impl Calls {
    /// Goes on counting: looks only at calls that have come since, or at all of them if some were forgotten on demand. Returns
    /// at how many it looked.
    fn tally(&self, filter: &JournalFilter, tally: &mut Tally) -> usize {
        if tally.clearings != self.clearings {
            *tally = Tally { clearings: self.clearings, ..Tally::default() };
        }
        let new = self.kept.range(self.kept.partition_point(|entry| entry.number <= tally.seen)..);
        let looked_at = new.len();
        tally.count += new.filter(|entry| filter.matches(entry)).count();
        tally.seen = self.last_number;
        looked_at
    }
}

impl Journal {
    /// Makes a journal that keeps the newest `limit` calls; none at all if that is zero.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, calls: Mutex::default(), changed: Notify::new() }
    }

    /// Returns whether calls are kept at all.
    pub(crate) fn is_on(&self) -> bool {
        self.limit > 0
    }

    /// Takes a call into account and gives it its number.
    pub(crate) fn record(&self, mut entry: JournalEntry) {
        let mut calls = self.calls();
        calls.last_number += 1;
        entry.number = calls.last_number;
        if calls.kept.len() >= self.limit {
            calls.kept.pop_front();
        }
        calls.kept.push_back(entry);
        drop(calls);
        self.changed.notify_waiters();
    }

    /// Returns the calls that a filter lets through, oldest first, at most the `limit` newest of them.
    pub(crate) fn find(&self, filter: &JournalFilter, limit: usize) -> Vec<JournalEntry> {
        let calls = self.calls();
        let mut found: Vec<JournalEntry> =
            calls.kept.iter().rev().filter(|entry| filter.matches(entry)).take(limit).cloned().collect();
        found.reverse();
        found
    }

    /// Returns how many of the calls that are kept a filter lets through.
    pub(crate) fn count(&self, filter: &JournalFilter) -> usize {
        self.calls().kept.iter().filter(|entry| filter.matches(entry)).count()
    }

    /// Returns the calls that a filter lets through and for which there is no operation, oldest first,
    /// at most `limit`.
    pub(crate) fn unsupported(&self, filter: &JournalFilter, limit: usize) -> Vec<JournalEntry> {
        let calls = self.calls();
        let unsupported = calls.kept.iter().filter(|entry| !entry.is_supported);
        unsupported.filter(|entry| filter.matches(entry)).take(limit).cloned().collect()
    }

    /// Forgets the calls that a filter lets through.
    pub(crate) fn clear(&self, filter: &JournalFilter) {
        let mut calls = self.calls();
        calls.kept.retain(|entry| !filter.matches(entry));
        calls.clearings += 1;
    }

    /// Waits until a filter lets at least `count` calls through, or the time is over; returns whether it does. Calls that make
    /// room for others meanwhile count.
    pub(crate) async fn wait(&self, filter: &JournalFilter, count: usize, patience: Duration) -> bool {
        let reached = async {
            let mut tally = Tally::default();
            loop {
                // Registered before the look, so that a call in between is not missed.
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                self.calls().tally(filter, &mut tally);
                if tally.count >= count {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(patience, reached).await.is_ok()
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Text;

    fn entry(operation: Option<&'static str>, project_id: &str) -> JournalEntry {
        JournalEntry {
            number: 0,
            at: String::new(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            api: Some("v2"),
            operation,
            is_supported: operation.is_some(),
            project_id: Some(project_id.to_owned()),
            instance_id: None,
            status: 200,
            error_code: None,
            client: Some("curl/8".to_owned()),
            duration_ms: 0.1,
            request_id: String::new(),
        }
    }

    #[test]
    fn only_the_newest_calls_are_kept_and_numbers_go_on() {
        let journal = Journal::new(2);
        for _ in 0..3 {
            journal.record(entry(Some("list_backups"), "p"));
        }
        let numbers: Vec<u64> =
            journal.find(&JournalFilter::default(), 10).iter().map(|entry| entry.number).collect();
        assert_eq!(numbers, [2, 3]);
    }

    #[test]
    fn a_filter_lets_through_what_has_all_it_asks_for() {
        let journal = Journal::new(10);
        journal.record(entry(Some("list_backups"), "p"));
        journal.record(entry(Some("create_backup"), "q"));
        journal.record(entry(None, "p"));
        let count = |filter: JournalFilter| journal.count(&filter);
        assert_eq!(count(JournalFilter { project_id: Some("p".to_owned()), ..JournalFilter::default() }), 2);
        assert_eq!(count(JournalFilter { client: Some("curl".to_owned()), ..JournalFilter::default() }), 3);
        assert_eq!(count(JournalFilter { after: Some(2), ..JournalFilter::default() }), 1);
        assert_eq!(count(JournalFilter { status: Some(404), ..JournalFilter::default() }), 0);
        assert_eq!(journal.unsupported(&JournalFilter::default(), 10).len(), 1);
        let slower_than = |micros| JournalFilter {
            slower_than: Some(Text(Duration::from_micros(micros))),
            ..JournalFilter::default()
        };
        assert_eq!([count(slower_than(99)), count(slower_than(100))], [3, 0]);
        journal.clear(&JournalFilter { project_id: Some("p".to_owned()), ..JournalFilter::default() });
        assert_eq!(count(JournalFilter::default()), 1);
    }

    #[test]
    fn who_waits_looks_at_each_call_once() {
        let journal = Journal::new(3);
        let filter = JournalFilter { operation: Some("list_backups".to_owned()), ..JournalFilter::default() };
        let mut tally = Tally::default();
        let mut look = || {
            let looked_at = journal.calls().tally(&filter, &mut tally);
            (looked_at, tally.count)
        };
        journal.record(entry(Some("list_backups"), "p"));
        journal.record(entry(Some("create_backup"), "p"));
        assert_eq!(look(), (2, 1));
        assert_eq!(look(), (0, 1));
        journal.record(entry(Some("list_backups"), "q"));
        // This one takes the place of the first.
        journal.record(entry(Some("list_backups"), "p"));
        assert_eq!(look(), (2, 3));
        journal.clear(&JournalFilter { project_id: Some("p".to_owned()), ..JournalFilter::default() });
        assert_eq!(look(), (1, 1));
    }

    #[tokio::test]
    async fn waiting_ends_when_enough_calls_have_come_or_the_time_is_over() {
        let journal = Journal::new(10);
        let filter = JournalFilter::default();
        assert!(!journal.wait(&filter, 1, Duration::ZERO).await);
        let waiting = journal.wait(&filter, 1, Duration::from_secs(10));
        let coming = async { journal.record(entry(None, "p")) };
        assert!(tokio::join!(waiting, coming).0);
    }
}
