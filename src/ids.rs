//! The source of ids and other random bits. Nothing else asks the system for them, so that a test can have the same ids twice.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chacha20::ChaCha12Rng;
use rand::{Rng, SeedableRng};

use crate::domain::id::{BackupId, InstanceId, RequestId, RestoreId};
use crate::domain::time::Timestamp;

/// Yields the random bits that ids are made of.
pub trait IdSource: Send + Sync {
    /// Returns 128 fresh random bits.
    fn random_bits(&self) -> [u8; 16];

    /// Returns 128 fresh random bits for what is gone when it has been answered: how many requests there are does not change
    /// what records are called.
    fn ephemeral_bits(&self) -> [u8; 16] {
        self.random_bits()
    }

    /// Returns whether it may yield what it has yielded before.
    fn may_repeat(&self) -> bool {
        false
    }
}

impl dyn IdSource {
    /// Returns the id of a backup that is created at `created_at`.
    pub fn backup_id(&self, created_at: Timestamp) -> BackupId {
        BackupId::from_random(self.random_bits(), created_at)
    }

    /// Returns the id of an instance that is created at `created_at`.
    pub fn instance_id(&self, created_at: Timestamp) -> InstanceId {
        InstanceId::from_random(self.random_bits(), created_at)
    }

    /// Returns the id of a restore that is created at `created_at`.
    pub fn restore_id(&self, created_at: Timestamp) -> RestoreId {
        RestoreId::from_random(self.random_bits(), created_at)
    }

    /// Returns 256 random bits: a key or the content of a token.
    pub fn key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&self.random_bits());
        key[16..].copy_from_slice(&self.random_bits());
        key
    }

    /// Returns the id of a request.
    pub fn request_id(&self) -> RequestId {
        RequestId::from_bytes(self.ephemeral_bits())
    }
}

/// The system's random generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl IdSource for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    fn random_bits(&self) -> [u8; 16] {
        let mut bits = [0; 16];
        rand::rng().fill_bytes(&mut bits);
        bits
    }
}

/// A generator whose bits follow from its seed.
#[derive(Debug)]
pub struct SeededIds {
    generator: Mutex<ChaCha12Rng>,
}

impl SeededIds {
    /// Makes a generator; the same seed yields the same bits in the same order.
    pub fn new(seed: u64) -> Self {
        Self::of_stream(seed, 0)
    }

    /// Makes one of several generators of a seed that know nothing of each other.
    fn of_stream(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha12Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self { generator: Mutex::new(generator) }
    }
}

impl IdSource for SeededIds {
    fn random_bits(&self) -> [u8; 16] {
        let mut bits = [0; 16];
        let mut generator = self.generator.lock().unwrap_or_else(PoisonError::into_inner);
        generator.fill_bytes(&mut bits);
        bits
    }
}

/// A generator that can be told to yield bits that follow from a seed, and told not to any more.
pub struct ReseedableIds {
    usual: Arc<dyn IdSource>,
    seeded: RwLock<Option<Reseeded>>,
}

/// A seed, and what follows from it.
struct Reseeded {
    seed: u64,
    lasting: SeededIds,
    passing: SeededIds,
}

impl ReseedableIds {
    /// Makes a generator that yields what `usual` does.
    pub fn new(usual: Arc<dyn IdSource>) -> Self {
        Self { usual, seeded: RwLock::new(None) }
    }

    /// Returns the seed from which the bits follow, if any.
    pub fn seed(&self) -> Option<u64> {
        self.seeded.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|seeded| seeded.seed)
    }

    /// Begins with a seed, or, without one, goes back to what is usual.
    pub fn reseed(&self, seed: Option<u64>) {
        let seeded = seed.map(|seed| Reseeded {
            seed,
            lasting: SeededIds::of_stream(seed, 0),
            passing: SeededIds::of_stream(seed, 1),
        });
        *self.seeded.write().unwrap_or_else(PoisonError::into_inner) = seeded;
    }
}

impl IdSource for ReseedableIds {
    fn random_bits(&self) -> [u8; 16] {
        match &*self.seeded.read().unwrap_or_else(PoisonError::into_inner) {
            Some(seeded) => seeded.lasting.random_bits(),
            None => self.usual.random_bits(),
        }
    }

    fn ephemeral_bits(&self) -> [u8; 16] {
        match &*self.seeded.read().unwrap_or_else(PoisonError::into_inner) {
            Some(seeded) => seeded.passing.random_bits(),
            None => self.usual.ephemeral_bits(),
        }
    }

    /// With a seed it begins anew at each start.
    fn may_repeat(&self) -> bool {
        self.seed().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_yields_the_same_ids() {
        let ids = |seed| {
            let source = SeededIds::new(seed);
            [source.random_bits(), source.random_bits()]
        };
        assert_eq!(ids(42), ids(42));
        assert_ne!(ids(42), ids(43));
        assert_ne!(ids(42)[0], ids(42)[1]);
    }

    #[test]
    fn a_reseeded_generator_repeats_itself_until_it_is_told_not_to() {
        let ids = ReseedableIds::new(Arc::new(SeededIds::new(7)));
        let usual = ids.random_bits();
        ids.reseed(Some(42));
        let seeded = ids.random_bits();
        ids.reseed(Some(42));
        assert_eq!(ids.random_bits(), seeded);
        ids.reseed(None);
        assert_ne!(ids.random_bits(), usual);
        assert_eq!(ids.seed(), None);
    }
}
