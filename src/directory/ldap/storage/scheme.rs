//! Passwords hashed by rosterd, as `userPassword` holds them: a scheme in braces, and what it makes of the password.

use argon2::Algorithm;
use argon2::Argon2;
use argon2::Params;
use argon2::PasswordHasher;
use argon2::Version;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::Digest;
use sha2::Sha512;

use crate::directory::ldap::PasswordStorage;
use crate::roster::secret::Secret;

/// Octets of a salt.
pub const SALT: usize = 16;

/// A way of hashing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// argon2id with 19 MiB, two passes and one lane, OWASP's minimum; a PHC string follows the scheme.
    Argon2,
    /// SHA-512 of the password and the salt; both in base64 follow the scheme, as with `{SSHA}` (RFC 2307 section 5.3).
    Ssha512,
}

impl Scheme {
    /// Returns how rosterd hashes for a kind of storage, if it does.
    pub fn of(storage: PasswordStorage) -> Option<Self> {
        match storage {
            PasswordStorage::Server | PasswordStorage::Exop => None,
            PasswordStorage::Argon2 => Some(Self::Argon2),
            PasswordStorage::Ssha512 => Some(Self::Ssha512),
        }
    }

    /// Returns its name in front of a hash.
    pub fn name(self) -> &'static str {
        match self {
            Self::Argon2 => "{ARGON2}",
            Self::Ssha512 => "{SSHA512}",
        }
    }

    /// Returns the module that teaches it to OpenLDAP.
    pub fn module(self) -> &'static str {
        match self {
            Self::Argon2 => "argon2.so",
            Self::Ssha512 => "pw-sha2.so",
        }
    }

    /// Returns a password as `userPassword` holds it; `None` when there is not enough memory.
    pub fn hash(self, password: &Secret, salt: &[u8; SALT]) -> Option<Secret> {
        let password = password.expose().as_bytes();
        let hash = match self {
            Self::Argon2 => {
                let params = Params::new(19_456, 2, 1, None).ok()?;
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                argon2.hash_password_with_salt(password, salt).ok()?.to_string()
            }
            Self::Ssha512 => {
                let digest = Sha512::new().chain_update(password).chain_update(salt).finalize();
                BASE64_STANDARD.encode([digest.as_slice(), salt].concat())
            }
        };
        Some(Secret::new([self.name(), &hash].concat()))
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier;
    use argon2::password_hash::phc::PasswordHash;

    use super::*;

    const SALTED: &[u8; SALT] = b"sixteen octets!!";

    fn hash(scheme: Scheme, password: &str) -> String {
        scheme.hash(&Secret::from(password), SALTED).expect("memory").expose().to_owned()
    }

    /// The values were made with `hashlib` of Python, and with `argon2-cffi`, which is the reference implementation.
    #[test]
    fn known_passwords_have_known_hashes() {
        let sha = "{SSHA512}eqrEq0OL1wbDpE0cyrZefqG4OUu7tRs3omimxUZXNnCmXlefAOo+6t1V54MHGjhU6RERWWX7pefTD+5pu5jok3NpeHRlZW4gb2N0ZXRzISE=";
        assert_eq!(hash(Scheme::Ssha512, "correct horse"), sha);
        let sha = "{SSHA512}uDU0/TPknWaQdZ6txlD/y5UCLCvUBKeFKDMWVuBoatLvVThG8zl5bCgnPN4abnWvfwo5lSJwIclnDdcPEe3eCHNpeHRlZW4gb2N0ZXRzISE=";
        assert_eq!(hash(Scheme::Ssha512, "P\u{e4}ssw\u{f6}rd \"\\"), sha);
        let argon2 =
            "{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBvY3RldHMhIQ$J64jT8U31A3okVjNwlLihtcX2ho4VCDSlVj1guf6FEA";
        assert_eq!(hash(Scheme::Argon2, "correct horse"), argon2);
    }

    #[test]
    fn a_hash_verifies_its_password_and_no_other() {
        let hash = hash(Scheme::Argon2, "correct horse");
        let phc = PasswordHash::new(hash.strip_prefix("{ARGON2}").expect("its scheme")).expect("a PHC string");
        assert!(Argon2::default().verify_password(b"correct horse", &phc).is_ok());
        assert!(Argon2::default().verify_password(b"wrong horse", &phc).is_err());
    }

    #[test]
    fn another_salt_makes_another_hash() {
        let other = Scheme::Ssha512.hash(&Secret::from("correct horse"), b"SIXTEEN OCTETS!!").expect("memory");
        assert_ne!(hash(Scheme::Ssha512, "correct horse"), other.expose());
    }
}
