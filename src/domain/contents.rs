//! What an instance holds, as far as anything shows it: keys without values, sessions, rows of the slow log and of the run log.
//!
//! Without a server behind it an instance holds nothing; a test declares more.
//!
//! Source: docs/contract/dcs-v2-operations.md, "Declared contents".

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::time::Timestamp;

/// The most keys that an instance can be declared to hold.
pub const MAX_KEYS: usize = 10_000;

/// What an instance holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// Its keys, at most [`MAX_KEYS`]; no two of one database have a name.
    #[serde(default)]
    pub keys: Vec<Key>,
    /// Sessions of clients.
    #[serde(default)]
    pub sessions: Vec<Session>,
    /// Commands that took long.
    #[serde(default)]
    pub slow_log: Vec<SlowCommand>,
    /// Lines that its servers logged.
    #[serde(default)]
    pub run_log: Vec<RunLogLine>,
}

/// A key, without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// What its value is.
    #[serde(rename = "type", default)]
    pub kind: KeyType,
    /// The number of its database.
    #[serde(default)]
    pub db: u32,
    /// How many bytes it takes.
    #[serde(default)]
    pub size: u64,
    /// How many elements its value has; none of a string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elements: Option<u64>,
    /// Seconds for which it lives on, from when it is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
    /// Whether its time was over when it was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<bool>,
    /// When its time is over; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How often it is used, as Redis counts that: logarithmically, up to 255.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freq: Option<u8>,
    /// The number of its shard.
    #[serde(default)]
    pub shard: u32,
}

/// What the value of a key is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// A text or a number.
    #[default]
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    Zset,
    /// A hash.
    Hash,
}

/// A session of a client, as `CLIENT LIST` shows it. What is left out has the value of an idle client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of the command CLIENT LIST")]
pub struct Session {
    /// The id of the node that the client is connected to; none: the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    pub id: String,
    pub addr: String,
    #[serde(default)]
    pub fd: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub cmd: String,
    #[serde(default)]
    pub age: u64,
    #[serde(default)]
    pub idle: u64,
    #[serde(default = "first_database")]
    pub db: String,
    #[serde(default = "normal_client")]
    pub flags: String,
    #[serde(default)]
    pub sub: u64,
    #[serde(default)]
    pub psub: u64,
    #[serde(default = "no_transaction")]
    pub multi: i64,
    #[serde(default)]
    pub qbuf: u64,
    #[serde(default)]
    pub qbuf_free: u64,
    #[serde(default)]
    pub obl: u64,
    #[serde(default)]
    pub oll: u64,
    #[serde(default)]
    pub omem: u64,
    #[serde(default = "readable")]
    pub events: String,
    #[serde(default = "vpc")]
    pub network: String,
    /// The address that the client is known by; `addr` if nothing is said.
    #[serde(default)]
    pub peer: String,
    #[serde(default = "default_user")]
    pub user: String,
}

fn first_database() -> String {
    "0".to_owned()
}

fn normal_client() -> String {
    "N".to_owned()
}

fn no_transaction() -> i64 {
    -1
}

fn readable() -> String {
    "r".to_owned()
}

fn vpc() -> String {
    "vpc".to_owned()
}

fn default_user() -> String {
    "default".to_owned()
}

/// A command that took long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowCommand {
    /// The command with its arguments.
    pub command: String,
    /// When it began.
    pub start_time: Timestamp,
    /// How long it took, in microseconds.
    #[serde(default)]
    pub duration: u64,
    /// The number of the shard it ran on.
    #[serde(default)]
    pub shard: u32,
    /// The number of the database.
    #[serde(default)]
    pub database_id: u32,
    /// Whose it was.
    #[serde(default = "default_user")]
    pub username: String,
    /// Whether the master ran it or a replica, or a proxy.
    #[serde(default)]
    pub node_role: SlowNodeRole,
    /// Where it came from.
    #[serde(default)]
    pub client_ip: String,
}

/// What ran a slow command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlowNodeRole {
    /// The master of the shard.
    #[default]
    Master,
    /// A replica.
    Slave,
    /// A proxy.
    Proxy,
}

impl SlowCommand {
    /// Returns its name, without arguments, in lower case.
    pub fn name(&self) -> String {
        self.command.split_whitespace().next().unwrap_or_default().to_ascii_lowercase()
    }
}

impl SlowNodeRole {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Slave => "slave",
            Self::Proxy => "proxy",
        }
    }
}

/// A line that a server logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunLogLine {
    /// When.
    pub time: Timestamp,
    /// The id of the replica that logged it, as `groups` shows it; none: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_id: Option<String>,
    /// What it says.
    pub text: String,
}

impl Contents {
    /// Decides whether an instance can hold it; times that were said as seconds are times from now on.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn declared(mut self, now: Timestamp) -> Result<Self, String> {
        if self.keys.len() > MAX_KEYS {
            return Err(format!("keys: there may be {MAX_KEYS} at most"));
        }
        let mut names = HashSet::with_capacity(self.keys.len());
        for key in &mut self.keys {
            if key.name.is_empty() || key.name.contains('\0') || !names.insert((key.db, key.name.clone())) {
                return Err(format!("keys: {:?} is no name, or is there twice", key.name));
            }
            let ttl = key.ttl.take().map(|seconds| now.saturating_add(Duration::from_secs(seconds)));
            let over = key.expired.take().filter(|expired| *expired).map(|_| now);
            key.expires_at = key.expires_at.or(ttl).or(over);
        }
        for session in &mut self.sessions {
            if session.peer.is_empty() {
                session.peer.clone_from(&session.addr);
            }
        }
        Ok(self)
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl KeyType {
    /// Returns the word that the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Zset => "zset",
            Self::Hash => "hash",
        }
    }

    /// Returns what the size of such a key counts.
    pub fn unit(self) -> &'static str {
        match self {
            Self::String => "byte",
            Self::List | Self::Set | Self::Zset | Self::Hash => "count",
        }
    }
}

impl Key {
    /// Returns whether its time is over at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Returns how big it is as analyses count that: bytes of a string, elements of anything else.
    pub fn count(&self) -> u64 {
        match self.kind {
            KeyType::String => self.size,
            _ => self.elements.unwrap_or(self.size),
        }
    }
}
