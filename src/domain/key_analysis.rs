//! Analyses of the keys of an instance: the big ones, the hot ones, the expired ones, and those of a backup.
//!
//! Source: docs/contract/dcs-v2-operations.md, section 3.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::domain::analysis_kind::AnalysisKind;
use crate::domain::contents::{Contents, Key, KeyType};
use crate::domain::id::{AnalysisId, BackupId};
use crate::domain::instance::{Engine, Instance, NodeGroup, NodeRole};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;

/// How many analyses of a kind an instance has at most: the oldest one goes.
pub const MAX_ANALYSES: usize = 100;
/// How many keys of a type an analysis names.
const KEYS_OF_A_TYPE: usize = 20;
/// How many keys of a type an analysis of a backup names.
const OFFLINE_KEYS_OF_A_TYPE: usize = 100;
/// How many prefixes of keys of a type an analysis of a backup names.
const PREFIXES_OF_A_TYPE: usize = 50;

impl AnalysisKind {
    /// Decides whether an instance can be analysed so.
    ///
    /// # Errors
    /// `BigKeyScanUnsupported`, `HotKeyScanUnsupported`, `ExpiredKeyScanUnsupported`, `OfflineAnalysisUnsupported`.
    pub fn permit(self, instance: &Instance) -> Result<(), Refusal> {
        let is_redis = instance.engine == Engine::Redis;
        let is_new = is_redis && !instance.engine_version.is_first_generation();
        let (is_supported, refusal) = match self {
            Self::Big => (is_redis, Refusal::BigKeyScanUnsupported),
            Self::Hot => (is_new, Refusal::HotKeyScanUnsupported),
            Self::Expired => (is_new, Refusal::ExpiredKeyScanUnsupported),
            Self::Offline => (is_new, Refusal::OfflineAnalysisUnsupported),
        };
        if is_supported { Ok(()) } else { Err(refusal) }
    }

    /// Returns how an analysis is refused that is not there.
    pub fn not_found(self) -> Refusal {
        match self {
            Self::Big => Refusal::BigKeyScanNotFound,
            Self::Hot => Refusal::HotKeyScanNotFound,
            Self::Expired | Self::Offline => Refusal::OfflineAnalysisNotFound,
        }
    }

    /// Returns how another analysis is refused while one is open.
    pub fn is_open(self) -> Refusal {
        match self {
            Self::Big => Refusal::BigKeyScanRunning,
            Self::Hot | Self::Expired => Refusal::TaskRunning,
            Self::Offline => Refusal::InstanceAnalysing,
        }
    }
}

/// Where an analysis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnalysisStatus {
    /// It waits.
    Waiting,
    /// It runs.
    Running,
    /// It has ended well.
    Success,
    /// It has failed.
    Failed,
}

impl AnalysisStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Success, Self::Failed];

    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }
}

/// An analysis, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAnalysis {
    /// Its id.
    pub id: AnalysisId,
    /// What it looks for.
    pub kind: AnalysisKind,
    /// Where it is.
    pub status: AnalysisStatus,
    /// Whether a schedule began it.
    pub is_automatic: bool,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How many keys it found.
    pub num: usize,
    /// The keys that it names.
    pub keys: Vec<FoundKey>,
    /// What an analysis of a backup is about, and what it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflineAnalysis>,
}

/// A key that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundKey {
    /// Its name.
    pub name: String,
    /// What its value is.
    #[serde(rename = "type")]
    pub kind: KeyType,
    /// The number of its shard.
    pub shard: u32,
    /// The number of its database.
    pub db: u32,
    /// How big it is: bytes of a string, elements of the others.
    pub size: u64,
    /// How many bytes it takes.
    pub bytes: u64,
    /// How often it is used; none if nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freq: Option<u8>,
}

/// What an analysis of a backup is to be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflineTarget {
    /// The node whose keys it looks at.
    pub node_id: String,
    /// The backup; none: it makes one of its own.
    pub backup_id: Option<BackupId>,
}

/// What an analysis of a backup is about, and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfflineAnalysis {
    /// The node whose keys it looks at.
    pub node_id: String,
    /// The name of the shard of the node.
    pub group_name: String,
    /// The number of that shard.
    pub shard: u32,
    /// The address of the node.
    pub node_ip: String,
    /// `master` or `slave`.
    pub node_type: String,
    /// The backup; none: it makes one of its own, which no list shows.
    pub backup_id: Option<BackupId>,
    /// How many bytes all keys take.
    pub total_bytes: u64,
    /// How many keys there are.
    pub total_num: usize,
    /// The biggest groups of keys whose names begin alike.
    pub largest_key_prefixes: Vec<KeyGroup>,
    /// How many bytes the keys of each type take, and how many there are.
    pub types: Vec<KeyGroup>,
}

impl OfflineAnalysis {
    /// Returns what an analysis of an instance is about that has found nothing yet.
    ///
    /// # Errors
    /// `UnknownNode` unless the target is a server of the instance.
    pub fn of(instance: &Instance, target: &OfflineTarget) -> Result<Self, Refusal> {
        let node = instance.find_node(&target.node_id)?;
        let node_type = match node.role {
            NodeRole::Master => "master",
            NodeRole::Replica => "slave",
            NodeRole::Proxy => return Err(Refusal::UnknownNode),
        };
        Ok(Self {
            node_id: node.id.simple().to_string(),
            group_name: NodeGroup::name_of(node.shard),
            shard: node.shard,
            node_ip: node.ip,
            node_type: node_type.to_owned(),
            backup_id: target.backup_id,
            total_bytes: 0,
            total_num: 0,
            largest_key_prefixes: Vec::new(),
            types: Vec::new(),
        })
    }
}

/// Keys that have something in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyGroup {
    /// What their names begin with; nothing if that is of no matter.
    pub prefix: String,
    /// The type of their values.
    pub kind: KeyType,
    /// How many bytes they take.
    pub bytes: u64,
    /// How many there are.
    pub num: usize,
}

impl KeyAnalysis {
    /// Returns an analysis that was asked for just now.
    pub fn new(id: AnalysisId, kind: AnalysisKind, is_automatic: bool, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            status: AnalysisStatus::Waiting,
            is_automatic,
            created_at: now,
            started_at: None,
            finished_at: None,
            num: 0,
            keys: Vec::new(),
            offline: None,
        }
    }

    /// Returns whether it has not ended.
    pub fn is_open(&self) -> bool {
        matches!(self.status, AnalysisStatus::Waiting | AnalysisStatus::Running)
    }

    /// Decides whether it may be removed.
    ///
    /// # Errors
    /// `TaskRunning`, or `InstanceAnalysing` of an analysis of a backup.
    pub fn permit_deletion(&self) -> Result<(), Refusal> {
        match (self.is_open(), self.kind) {
            (false, _) => Ok(()),
            (true, AnalysisKind::Offline) => Err(Refusal::InstanceAnalysing),
            (true, _) => Err(Refusal::TaskRunning),
        }
    }

    /// Has it begin.
    pub fn start(&mut self, at: Timestamp) {
        (self.status, self.started_at) = (AnalysisStatus::Running, Some(at));
    }

    /// Has it fail.
    pub fn fail(&mut self, at: Timestamp) {
        (self.status, self.finished_at) = (AnalysisStatus::Failed, Some(at));
    }

    /// Has it end with what it finds in `contents`.
    pub fn finish(&mut self, contents: &Contents, at: Timestamp) {
        (self.status, self.finished_at) = (AnalysisStatus::Success, Some(at));
        let alive = contents.keys.iter().filter(|key| !key.is_expired(at));
        match self.kind {
            AnalysisKind::Big => {
                self.keys = largest_of_types(alive, KEYS_OF_A_TYPE);
                self.num = self.keys.len();
            }
            AnalysisKind::Hot => {
                self.keys = alive.filter(|key| key.freq.is_some()).map(|key| found(key, key.freq)).collect();
                self.keys.sort_by_key(|key| Reverse(key.freq));
                self.num = self.keys.len();
            }
            AnalysisKind::Expired => {
                self.num = contents.keys.iter().filter(|key| key.is_expired(at)).count();
            }
            AnalysisKind::Offline => self.finish_offline(alive.collect()),
        }
    }

    fn finish_offline(&mut self, mut keys: Vec<&Key>) {
        let Some(offline) = &mut self.offline else { return };
        keys.retain(|key| key.shard == offline.shard);
        offline.total_bytes = total(keys.iter().map(|key| key.size));
        offline.total_num = keys.len();
        let prefix = |key: &Key| {
            key.name.split_once(':').map_or_else(|| key.name.clone(), |(prefix, _)| prefix.to_owned())
        };
        offline.largest_key_prefixes = most_of_types(groups(&keys, prefix), PREFIXES_OF_A_TYPE);
        offline.types = groups(&keys, |_| String::new());
        self.keys = largest_of_types(keys.into_iter(), OFFLINE_KEYS_OF_A_TYPE);
        self.num = self.keys.len();
    }
}

fn found(key: &Key, freq: Option<u8>) -> FoundKey {
    FoundKey {
        name: key.name.clone(),
        kind: key.kind,
        shard: key.shard,
        db: key.db,
        size: key.count(),
        bytes: key.size,
        freq,
    }
}

/// Returns how many bytes there are together: no more than can be counted, as any size can be declared.
fn total(sizes: impl IntoIterator<Item = u64>) -> u64 {
    sizes.into_iter().fold(0, u64::saturating_add)
}

/// Returns the largest keys of each type, at most so many of one, the largest first.
fn largest_of_types<'k>(keys: impl Iterator<Item = &'k Key>, most: usize) -> Vec<FoundKey> {
    let mut by_type: BTreeMap<KeyType, Vec<&Key>> = BTreeMap::new();
    for key in keys {
        by_type.entry(key.kind).or_default().push(key);
    }
    let largest = by_type.into_values().flat_map(|mut keys| {
        keys.sort_by_key(|key| Reverse(key.count()));
        keys.truncate(most);
        keys
    });
    largest.map(|key| found(key, None)).collect()
}

/// Returns the groups of keys that have a type and a prefix in common.
fn groups(keys: &[&Key], prefix: impl Fn(&Key) -> String) -> Vec<KeyGroup> {
    let mut groups: BTreeMap<(KeyType, String), (u64, usize)> = BTreeMap::new();
    for key in keys {
        let (bytes, num) = groups.entry((key.kind, prefix(key))).or_default();
        (*bytes, *num) = (total([*bytes, key.size]), *num + 1);
    }
    groups.into_iter().map(|((kind, prefix), (bytes, num))| KeyGroup { prefix, kind, bytes, num }).collect()
}

/// Returns the biggest groups of each type, at most so many of one.
fn most_of_types(mut groups: Vec<KeyGroup>, most: usize) -> Vec<KeyGroup> {
    groups.sort_by_key(|group| (group.kind, Reverse(group.bytes)));
    let mut taken: BTreeMap<KeyType, usize> = BTreeMap::new();
    groups.retain(|group| {
        let count = taken.entry(group.kind).or_default();
        *count += 1;
        *count <= most
    });
    groups
}
