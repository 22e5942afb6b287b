//! Passwords: argon2id, never weaker than OWASP's floor, in parallel, in bounded memory.

use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;

use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::PasswordHasher;
use argon2::PasswordVerifier;
use argon2::Version;
use argon2::password_hash::phc::PasswordHash;
use tokio::sync::Semaphore;

use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::secret::Secret;

/// How much work one password hash is. There is no value of this type weaker than [`FLOORS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Settings {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

/// Memory in KiB and iterations that OWASP's Password Storage Cheat Sheet calls the minimum, all of equal strength.
pub const FLOORS: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

const MOST_MEMORY_KIB: u32 = 2 * 1024 * 1024;
const MOST_ITERATIONS: u32 = 1_000;
const MOST_PARALLELISM: u32 = 64;

/// Why settings for argon2 are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Argon2Refused {
    /// Weaker than every entry of [`FLOORS`].
    #[error(
        "memory_kib = {memory_kib} with iterations = {iterations} is too weak: the least is 19456 with 2 \
         (or 47104 with 1, 12288 with 3, 9216 with 4, 7168 with 5)"
    )]
    TooWeak {
        /// As given.
        memory_kib: u32,
        /// As given.
        iterations: u32,
    },
    /// So much that one login would stop the machine; likely a slip of the unit.
    #[error("{key} = {value} is too much: the most is {most}")]
    TooMuch {
        /// Which key.
        key: &'static str,
        /// As given.
        value: u32,
        /// The most that is accepted.
        most: u32,
    },
    /// No lane at all.
    #[error("parallelism must be at least 1")]
    NoLane,
}

impl Argon2Settings {
    /// Checks the settings: memory for one hash in KiB, passes over it, and lanes.
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, Argon2Refused> {
        for (key, value, most) in [
            ("memory_kib", memory_kib, MOST_MEMORY_KIB),
            ("iterations", iterations, MOST_ITERATIONS),
            ("parallelism", parallelism, MOST_PARALLELISM),
        ] {
            if value > most {
                return Err(Argon2Refused::TooMuch { key, value, most });
            }
        }
        if parallelism == 0 {
            return Err(Argon2Refused::NoLane);
        }
        if !FLOORS.iter().any(|(memory, passes)| memory_kib >= *memory && iterations >= *passes) {
            return Err(Argon2Refused::TooWeak { memory_kib, iterations });
        }
        Ok(Self { memory_kib, iterations, parallelism })
    }
}

impl Default for Argon2Settings {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

impl fmt::Display for Argon2Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory_kib, iterations, parallelism } = self;
        write!(f, "argon2id, {memory_kib} KiB, {iterations} iterations, parallelism {parallelism}")
    }
}

/// Hashes and verifies away from the async threads, at most one hash per core at a time.
#[derive(Clone)]
pub(super) struct Hasher {
    argon2: Argon2<'static>,
    cores: Arc<Semaphore>,
    decoy: Arc<OnceLock<Option<String>>>,
}

impl Hasher {
    pub(super) fn new(settings: Argon2Settings) -> Self {
        let Argon2Settings { memory_kib, iterations, parallelism } = settings;
        let params = Params::new(memory_kib, iterations, parallelism, None).expect("the settings were checked");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            cores: Arc::new(Semaphore::new(cores)),
            decoy: Arc::default(),
        }
    }

    /// Returns the PHC string of `password` under a salt of its own.
    pub(super) async fn hash(&self, password: Secret) -> Result<String, Fault> {
        let argon2 = self.argon2.clone();
        self.on_a_core(move || phc(&argon2, password.expose()))
            .await?
            .ok_or_else(|| Fault::new(Next::Retry, "there is not enough memory to hash the password"))
    }

    /// Returns whether `password` is the one of `hash`; without a hash it takes as long and is never right.
    pub(super) async fn verify(&self, password: Secret, hash: Option<String>) -> Result<bool, Fault> {
        let argon2 = self.argon2.clone();
        let decoy = Arc::clone(&self.decoy);
        self.on_a_core(move || {
            let decoy = decoy.get_or_init(|| phc(&argon2, ""));
            let (hash, real) = match (&hash, decoy) {
                (Some(hash), _) => (hash, true),
                (None, Some(decoy)) => (decoy, false),
                (None, None) => return false,
            };
            let Ok(hash) = PasswordHash::new(hash) else { return false };
            argon2.verify_password(password.expose().as_bytes(), &hash).is_ok() && real
        })
        .await
    }

    async fn on_a_core<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let gone = || Fault::new(Next::Retry, "the password could not be hashed: the daemon is stopping");
        let permit = Arc::clone(&self.cores).acquire_owned().await.map_err(|_| gone())?;
        let run = tokio::task::spawn_blocking(move || {
            // Held until the memory is free again, even when nobody waits for the result any more.
            let _permit = permit;
            work()
        });
        run.await.map_err(|_| gone())
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("params", self.argon2.params()).finish_non_exhaustive()
    }
}

fn phc(argon2: &Argon2<'_>, password: &str) -> Option<String> {
    argon2.hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floors_are_accepted_and_anything_weaker_is_not() {
        for (memory, passes) in FLOORS {
            assert!(Argon2Settings::new(memory, passes, 1).is_ok());
            assert_eq!(
                Argon2Settings::new(memory - 1, passes, 1),
                Err(Argon2Refused::TooWeak { memory_kib: memory - 1, iterations: passes })
            );
            assert!(Argon2Settings::new(memory, passes - 1, 1).is_err());
        }
        assert!(Argon2Settings::new(65_536, 3, 4).is_ok());
    }

    #[test]
    fn slips_of_the_unit_are_refused() {
        assert_eq!(
            Argon2Settings::new(19_922_944, 2, 1),
            Err(Argon2Refused::TooMuch { key: "memory_kib", value: 19_922_944, most: 2_097_152 })
        );
        assert_eq!(Argon2Settings::new(19_456, 2, 0), Err(Argon2Refused::NoLane));
    }

    #[test]
    fn the_default_is_a_floor() {
        let Argon2Settings { memory_kib, iterations, parallelism } = Argon2Settings::default();
        assert!(FLOORS.contains(&(memory_kib, iterations)));
        assert_eq!(parallelism, 1);
    }

    #[tokio::test]
    async fn hashes_carry_their_parameters_and_a_salt_of_their_own() {
        let hasher = Hasher::new(Argon2Settings::default());
        let hash = hasher.hash("correct horse".into()).await.expect("hashes");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hasher.hash("correct horse".into()).await.expect("hashes"));
        assert_eq!(hasher.verify("correct horse".into(), Some(hash.clone())).await, Ok(true));
        assert_eq!(hasher.verify("wrong horse".into(), Some(hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn no_password_is_right_where_there_is_no_hash() {
        let hasher = Hasher::new(Argon2Settings::default());
        for password in ["", "anything"] {
            assert_eq!(hasher.verify(password.into(), None).await, Ok(false));
            assert_eq!(hasher.verify(password.into(), Some("not a hash".to_owned())).await, Ok(false));
        }
    }
}
