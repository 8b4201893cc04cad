//! What identity remembers of what is kept.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use crate::domain::id::ProjectId;
use crate::domain::identity::{AccessKey, Token};

/// How many tokens and keys are cached before all are dropped and read again.
const MAX_CACHED: usize = 4096;

/// Tokens and keys that were asked for lately. Neither ever changes, until everything is replaced.
#[derive(Default)]
pub(super) struct IdentityCache {
    pub(super) tokens: HashMap<[u8; 32], Arc<Token>>,
    pub(super) keys: HashMap<String, Arc<AccessKey>>,
    /// Projects that somebody has named.
    pub(super) projects: HashSet<ProjectId>,
    /// How often everything has been forgotten.
    pub(super) forgotten: u64,
}

impl IdentityCache {
    pub(super) fn put_token(&mut self, hash: [u8; 32], token: &Arc<Token>) {
        put(&mut self.tokens, hash, token);
    }

    pub(super) fn put_key(&mut self, access: &str, key: &Arc<AccessKey>) {
        put(&mut self.keys, access.to_owned(), key);
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        *self = Self { forgotten: self.forgotten + 1, ..Self::default() };
    }
}

/// Remembers one thing more; when there are too many, all others are forgotten.
fn put<K: Eq + Hash, V>(cached: &mut HashMap<K, Arc<V>>, key: K, value: &Arc<V>) {
    if cached.len() >= MAX_CACHED {
        cached.clear();
    }
    cached.insert(key, Arc::clone(value));
}
