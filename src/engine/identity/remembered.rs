//! What identity remembers of what is kept.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use crate::domain::id::ProjectId;
use crate::domain::identity::{Secret, Token, User};

/// How many tokens and keys are remembered before all are forgotten and read again.
const REMEMBERED: usize = 4096;

/// Tokens and keys that were asked for lately. Neither ever changes, until everything is replaced.
#[derive(Default)]
pub(super) struct Remembered {
    pub(super) tokens: HashMap<[u8; 32], Arc<Token>>,
    pub(super) keys: HashMap<String, Arc<(User, Secret)>>,
    /// Projects that somebody has named.
    pub(super) projects: HashSet<ProjectId>,
    /// How often everything has been forgotten.
    pub(super) forgotten: u64,
}

impl Remembered {
    pub(super) fn put_token(&mut self, hash: [u8; 32], token: &Arc<Token>) {
        put(&mut self.tokens, hash, token);
    }

    pub(super) fn put_key(&mut self, access: &str, key: &Arc<(User, Secret)>) {
        put(&mut self.keys, access.to_owned(), key);
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        *self = Self { forgotten: self.forgotten + 1, ..Self::default() };
    }
}

/// Remembers one thing more; when there are too many, all others are forgotten.
fn put<K: Eq + Hash, V>(remembered: &mut HashMap<K, Arc<V>>, key: K, value: &Arc<V>) {
    if remembered.len() >= REMEMBERED {
        remembered.clear();
    }
    remembered.insert(key, Arc::clone(value));
}
