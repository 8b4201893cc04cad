//! Hashes of passwords, of users and of instances: Argon2, with bounded memory.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::{Output, ParamsString, PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::identity::Secret;
use crate::engine::EngineError;

/// What a new hash costs: 2 MiB of memory, gone through once; a millisecond or two.
///
/// That is little for a password, and on purpose. What it opens is an emulator, whose passwords are hashed so that they do not stand in
/// the database, and whose users are tests: many of them log in, and make instances, at the same time.
const COST: (u32, u32, u32) = (2048, 1, 1);
/// What all hashes that are being computed may take together, in KiB. One that takes more is compared with nothing.
const MEMORY_KIB: u32 = 64 * 1024;
/// How many are computed at a time.
const AT_A_TIME: u32 = 2;
/// The capacity of blocks that are not kept, in KiB; what is not used of it takes no memory.
///
/// Known quirk: glibc gives a freed block back at once only if it is longer than 32 MiB. Shorter ones stay with the arena of the thread that
/// had them, once the first of them has been freed: 19 MiB a thread.
const GIVEN_BACK: usize = 33 * 1024;
/// How long a caller waits for its turn.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Hashes passwords and compares them with hashes, a few at a time, in blocks of memory that are used again.
///
/// Old hashes, and those of seeds, say themselves what they cost. Their blocks are given back.
#[derive(Clone)]
pub struct Passwords {
    /// In KiB.
    memory: Arc<Semaphore>,
    blocks: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Default for Passwords {
    fn default() -> Self {
        let memory = usize::try_from(MEMORY_KIB).unwrap_or(Semaphore::MAX_PERMITS);
        Self { memory: Arc::new(Semaphore::new(memory)), blocks: Arc::default() }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Passwords").finish_non_exhaustive()
    }
}

impl Passwords {
    /// Returns a hash of a password, as PHC text, with a salt of random bits.
    ///
    /// # Errors
    /// `Unavailable` if too many are being hashed.
    pub(super) async fn hash(&self, password: Secret, salt: [u8; 16]) -> Result<Secret, EngineError> {
        let (memory_kib, passes, lanes) = COST;
        let turn = self.turn(memory_kib).await?;
        let this = self.clone();
        let hashed = tokio::task::spawn_blocking(move || {
            let salt = SaltString::encode_b64(&salt).ok()?;
            let params = Params::new(memory_kib, passes, lanes, Some(Params::DEFAULT_OUTPUT_LEN)).ok()?;
            let method = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let hash = PasswordHash {
                algorithm: Algorithm::Argon2id.ident(),
                version: Some(Version::V0x13.into()),
                params: ParamsString::try_from(method.params()).ok()?,
                salt: Some(salt.as_salt()),
                hash: Some(this.compute(&method, &password, salt.as_salt().as_str(), turn)?),
            };
            Some(Secret::new(hash.to_string()))
        });
        hashed.await.unwrap_or(None).ok_or(EngineError::Unavailable)
    }

    /// Returns whether a password is the one of a hash.
    ///
    /// # Errors
    /// `Unavailable` if too many are being compared.
    pub(super) async fn matches(&self, password: Secret, hash: Secret) -> Result<bool, EngineError> {
        let Some(cost) = cost_of(hash.expose()).filter(|cost| *cost <= MEMORY_KIB) else { return Ok(false) };
        let turn = self.turn(cost).await?;
        let this = self.clone();
        let matches = tokio::task::spawn_blocking(move || {
            let hash = PasswordHash::new(hash.expose()).ok()?;
            let algorithm = Algorithm::try_from(hash.algorithm).ok()?;
            let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
            let method = Argon2::new(algorithm, version, Params::try_from(&hash).ok()?);
            // Compared in constant time.
            Some(hash.hash? == this.compute(&method, &password, hash.salt?.as_str(), turn)?)
        });
        Ok(matches.await.unwrap_or(None).unwrap_or(false))
    }

    /// Waits until there is memory for a hash. It is held until the hash is computed, although its caller may go away.
    async fn turn(&self, memory_kib: u32) -> Result<OwnedSemaphorePermit, EngineError> {
        let share = memory_kib.clamp(MEMORY_KIB / AT_A_TIME, MEMORY_KIB);
        match tokio::time::timeout(TIMEOUT, Arc::clone(&self.memory).acquire_many_owned(share)).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(EngineError::Unavailable),
        }
    }

    fn compute(
        &self,
        method: &Argon2<'_>,
        password: &Secret,
        salt: &str,
        _turn: OwnedSemaphorePermit,
    ) -> Option<Output> {
        let mut salt_buffer = [0; 64];
        let salt = argon2::password_hash::Salt::from_b64(salt).ok()?;
        let salt = salt.decode_b64(&mut salt_buffer).ok()?;
        let is_usual = method.params().m_cost() == COST.0;
        let kept = if is_usual { self.blocks().pop() } else { None };
        let mut blocks = kept.unwrap_or_else(|| Vec::with_capacity(if is_usual { 0 } else { GIVEN_BACK }));
        blocks.resize(method.params().block_count(), Block::default());
        let length = method.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let output = Output::init_with(length, |output| {
            Ok(method.hash_password_into_with_memory(
                password.expose().as_bytes(),
                salt,
                output,
                &mut blocks[..],
            )?)
        });
        if is_usual {
            self.blocks().push(blocks);
        }
        output.ok()
    }

    fn blocks(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what is wrong with a text as a hash that passwords can be compared with, if anything.
pub(super) fn objection_to(hash: &Secret) -> Option<&'static str> {
    if PasswordHash::new(hash.expose()).is_err() {
        return Some("must be a hash in the form of PHC");
    }
    cost_of(hash.expose()).is_some_and(|cost| cost > MEMORY_KIB).then_some("takes more than 64 MiB of memory")
}

/// Returns whether a hash costs something else than new ones do.
pub(super) fn is_outdated(hash: &Secret) -> bool {
    let params = PasswordHash::new(hash.expose()).ok().and_then(|hash| Params::try_from(&hash).ok());
    params.is_none_or(|params| (params.m_cost(), params.t_cost(), params.p_cost()) != COST)
}

/// Returns the memory that a hash takes, in KiB; none if it is no hash of Argon2.
fn cost_of(hash: &str) -> Option<u32> {
    let hash = PasswordHash::new(hash).ok()?;
    Algorithm::try_from(hash.algorithm).ok()?;
    Params::try_from(&hash).ok().map(|params| params.m_cost())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::builtin;
    use crate::engine::identity::NOBODYS_HASH;

    /// As version 0.1 made it of `emulator-password`.
    const OLD: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$ZGNzLWVtdWxhdG9yLS0tLQ$LeGytzPbN3lXfYs2YFYyz8DWhC+478v078YRVmVYj6I";

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::default();
        let hash = passwords.hash(secret("right"), [7; 16]).await.unwrap();
        assert!(!is_outdated(&hash));
        // In blocks that have been used.
        for _ in 0..3 {
            assert!(passwords.matches(secret("right"), hash.clone()).await.unwrap());
            assert!(!passwords.matches(secret("wrong"), hash.clone()).await.unwrap());
        }
        assert_eq!(passwords.hash(secret("right"), [7; 16]).await.unwrap(), hash);
    }

    #[tokio::test]
    async fn hashes_of_old_and_built_in_ones_are_what_they_say() {
        let passwords = Passwords::default();
        let password = secret(builtin::PASSWORD);
        for (hash, is_new) in [(OLD, false), (builtin::PASSWORD_HASH, true)] {
            assert!(passwords.matches(password.clone(), secret(hash)).await.unwrap(), "{hash}");
            assert_eq!(is_outdated(&secret(hash)), !is_new, "{hash}");
        }
        assert!(!passwords.matches(password, secret(NOBODYS_HASH)).await.unwrap());
        assert!(!is_outdated(&secret(NOBODYS_HASH)), "an unknown user costs as much as a known one");
    }

    #[tokio::test]
    async fn a_hash_that_takes_too_much_is_refused() {
        let costly = secret(&OLD.replace("m=19456", "m=65537"));
        assert_eq!(objection_to(&costly), Some("takes more than 64 MiB of memory"));
        assert!(!Passwords::default().matches(secret("any"), costly).await.unwrap());
        assert_eq!(objection_to(&secret(OLD)), None);
        assert!(objection_to(&secret("no hash")).is_some());
    }
}
