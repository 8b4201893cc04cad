//! Which commands of the slow log a list shows.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 7.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::contents::{SlowCommand, SlowNodeRole};
use crate::domain::time::Timestamp;

/// How long a slow command is kept.
const KEPT_FOR: Duration = Duration::from_hours(7 * 24);

/// By what a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowLogSortKey {
    /// When the commands began.
    StartTime,
    /// How long they took.
    Duration,
}

/// Which slow commands a caller wants to see, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowLogQuery {
    /// Those that began from then on.
    pub from: Timestamp,
    /// Those that began until then.
    pub until: Timestamp,
    /// By what they are sorted.
    pub order: SlowLogSortKey,
    /// Whether the latest, or longest, comes last.
    pub is_ascending: bool,
    /// Whether those of proxies are meant, or those of servers; none: both.
    pub of_proxies: Option<bool>,
}

/// A slow command in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedCommand {
    /// Its number in the slow log, from 1.
    pub number: usize,
    /// The command.
    pub command: SlowCommand,
}

impl SlowLogQuery {
    /// Returns the commands that are meant, of those that are kept at `now`: those of the last seven days, of each node the newest
    /// `most`.
    pub fn of(&self, log: Vec<SlowCommand>, most: usize, now: Timestamp) -> Vec<NumberedCommand> {
        let numbered = (1..).zip(log).map(|(number, command)| NumberedCommand { number, command });
        let oldest = now.saturating_sub(KEPT_FOR);
        let mut all: Vec<NumberedCommand> =
            numbered.filter(|numbered| numbered.command.start_time >= oldest).collect();
        all.sort_by_key(|numbered| Reverse((numbered.command.start_time, numbered.number)));
        let mut of_nodes: BTreeMap<(u32, SlowNodeRole), usize> = BTreeMap::new();
        all.retain(|NumberedCommand { command, .. }| {
            let count = of_nodes.entry((command.shard, command.node_role)).or_default();
            *count += 1;
            *count <= most
        });
        all.retain(|NumberedCommand { command, .. }| {
            let is_of_proxy = command.node_role == SlowNodeRole::Proxy;
            (self.from..=self.until).contains(&command.start_time)
                && self.of_proxies.is_none_or(|of_proxies| of_proxies == is_of_proxy)
        });
        if self.order == SlowLogSortKey::Duration {
            all.sort_by_key(|numbered| Reverse(numbered.command.duration));
        }
        if self.is_ascending {
            all.reverse();
        }
        all
    }
}
