//! Run logs: files that are collected from the servers of an instance, one a day and replica.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 7.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::contents::RunLogLine;
use crate::domain::id::RunLogId;
use crate::domain::instance::{Instance, Node, NodeGroup};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// How many days can be collected at once. None stands for today.
const DAYS: [u64; 4] = [0, 1, 3, 7];
/// For how many days a file is kept.
const KEPT_DAYS: u64 = 7;

/// A file of a run log, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLog {
    /// Its id.
    pub id: RunLogId,
    /// Its id as a file.
    pub backup_id: RunLogId,
    /// The id of the replica that it was collected from, as `groups` shows it.
    pub replication_id: Uuid,
    /// The address of that replica.
    pub replication_ip: String,
    /// The name of the shard of that replica.
    pub group_name: String,
    /// The day, in UTC: `yyyy-MM-dd`.
    pub day: String,
    /// Whether it could be collected.
    pub status: RunLogStatus,
    /// What it holds.
    pub text: String,
}

/// Whether a file could be collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunLogStatus {
    /// It was.
    Succeed,
    /// It was not.
    Failed,
}

impl RunLogStatus {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeed => "succeed",
            Self::Failed => "failed",
        }
    }
}

/// The ids of a file that is about to be collected.
pub type RunLogIds = (RunLogId, RunLogId);

/// The days that are to be collected, the last one being today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollectedDays(u64);

impl CollectedDays {
    /// Takes a number of days, as callers say it.
    ///
    /// # Errors
    /// `InvalidQuery` with `query_time` for a number that is not offered.
    pub fn new(days: u64) -> Result<Self, Refusal> {
        if DAYS.contains(&days) {
            Ok(Self(days.max(1)))
        } else {
            Err(Refusal::InvalidQuery { name: "query_time" })
        }
    }

    /// Returns the days, the oldest first.
    pub fn until(self, now: Timestamp) -> impl DoubleEndedIterator<Item = String> {
        (0..self.0).rev().map(move |before| day_of(days_before(now, before)))
    }

    /// Returns how many there are.
    pub fn count(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

fn days_before(now: Timestamp, days: u64) -> Timestamp {
    now.saturating_sub(Duration::from_hours(24 * days))
}

fn day_of(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%d").to_string()
}

impl RunLog {
    /// Collects the file of a day from a replica.
    pub fn collected(
        (id, backup_id): RunLogIds,
        (group, node): (&NodeGroup, &Node),
        day: String,
        lines: &[RunLogLine],
        status: RunLogStatus,
    ) -> Self {
        let replica = node.replication_id.to_string();
        let is_of_file = |line: &&RunLogLine| {
            let is_of_replica =
                line.replication_id.as_ref().is_none_or(|id| id.eq_ignore_ascii_case(&replica));
            is_of_replica && day_of(line.time) == day
        };
        let mut of_file: Vec<&RunLogLine> = lines.iter().filter(is_of_file).collect();
        of_file.sort_by_key(|line| line.time);
        let text = match status {
            RunLogStatus::Succeed => of_file.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect(),
            RunLogStatus::Failed => String::new(),
        };
        Self {
            id,
            backup_id,
            replication_id: node.replication_id,
            replication_ip: node.ip.clone(),
            group_name: group.name.clone(),
            day,
            status,
            text,
        }
    }

    /// Returns its name.
    pub fn file_name(&self) -> String {
        format!("redis_{}_{}.log", self.replication_ip, self.day)
    }

    /// Returns whether it is still kept at `now`.
    pub fn is_kept(&self, now: Timestamp) -> bool {
        self.day > day_of(days_before(now, KEPT_DAYS))
    }
}

impl Instance {
    /// Returns the replica that a run log is collected from, with its shard. An instance of one node need not name it.
    ///
    /// # Errors
    /// `ActionUnsupported` for engines that have no run log; `InvalidQuery` with `replication_id` if no replica is named, or an unknown one.
    pub fn logging_replica(&self, replication_id: Option<&str>) -> Result<(NodeGroup, Node), Refusal> {
        if self.engine_version.is_first_generation() {
            return Err(Refusal::ActionUnsupported);
        }
        let groups = self.node_groups();
        let mut all: Vec<(NodeGroup, Node)> = Vec::new();
        for group in groups {
            all.extend(group.nodes.iter().map(|node| (group.clone(), node.clone())));
        }
        if let (None, [_]) = (replication_id, &all[..]) {
            return Ok(all.remove(0));
        }
        let named = replication_id.and_then(|id| Uuid::try_parse(id).ok());
        let found = all.into_iter().find(|(_, node)| Some(node.replication_id) == named);
        found.ok_or(Refusal::InvalidQuery { name: "replication_id" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_end_today() {
        let now: Timestamp = "2020-03-02T00:00:00Z".parse().unwrap();
        let days = |number| CollectedDays::new(number).unwrap().until(now).collect::<Vec<_>>();
        assert_eq!((days(0), days(1)), (vec!["2020-03-02".to_owned()], vec!["2020-03-02".to_owned()]));
        assert_eq!(days(3), ["2020-02-29", "2020-03-01", "2020-03-02"]);
        assert_eq!(CollectedDays::new(2), Err(Refusal::InvalidQuery { name: "query_time" }));
    }
}
