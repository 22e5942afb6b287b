//! Secrets, read from where the configuration says they are.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use toml::Spanned;
use zeroize::Zeroizing;

use super::ConfigFault;
use super::prove::Prover;
use super::raw::RawSecret;
use crate::roster::secret::Secret;

/// No secret is longer than this, in bytes.
const LONGEST: u64 = 64 * 1024;

impl Prover {
    /// Reads a secret. A final line break does not belong to it; an empty one is a fault.
    pub(super) fn secret(&mut self, raw: &Spanned<RawSecret>) -> Option<Secret> {
        let RawSecret { file, credential, env } = raw.get_ref();
        let is_named = [file.is_some(), credential.is_some(), env.is_some()].into_iter().filter(|is| *is).count() == 1;
        if is_named && !self.reads_secrets {
            // Stands for what is not needed; whatever it belongs to is left out of the result.
            self.has_skipped = true;
            return Some(Secret::from("not read"));
        }
        let read = match (file, credential, env) {
            (Some(file), None, None) => read_file(&self.config_dir.join(file), Guarded::ByItsMode),
            (None, Some(name), None) => read_credential(name),
            (None, None, Some(name)) => std::env::var(name)
                .map(Zeroizing::new)
                .map_err(|_| ConfigFault::at(raw.span(), format!("the environment has no variable {name}"))),
            _ => Err(ConfigFault::at(raw.span(), "one of `file`, `credential` and `env` says where the secret is")),
        };
        match read {
            Ok(text) => {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                let text = text.strip_suffix('\r').unwrap_or(text);
                if text.trim().is_empty() {
                    self.fault(ConfigFault::at(raw.span(), "the secret is empty, or nothing but blanks"));
                    return None;
                }
                Some(Secret::from(text))
            }
            Err(fault) => {
                self.fault(ConfigFault { span: Some(raw.span()), ..fault });
                None
            }
        }
    }
}

/// What keeps others from reading a secret file.
#[derive(Clone, Copy, Debug)]
enum Guarded {
    /// Its permission bits.
    ByItsMode,
    /// The service manager.
    BySystemd,
}

fn read_file(path: &Path, guarded: Guarded) -> Result<Zeroizing<String>, ConfigFault> {
    let failed = |error: std::io::Error| ConfigFault::missing(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if matches!(guarded, Guarded::ByItsMode) && metadata.mode() & 0o007 != 0 {
        let text = format!("{} can be read by everybody", path.display());
        return Err(ConfigFault::missing(text).hint(format!("chmod o= {}", path.display())));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn read_credential(name: &str) -> Result<Zeroizing<String>, ConfigFault> {
    if name.contains('/') || name.starts_with('.') {
        return Err(ConfigFault::missing(format!("`{name}` is not the name of a credential")));
    }
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
        return Err(ConfigFault::missing(format!(
            "there is no credential `{name}`, since rosterd was not started by systemd"
        ))
        .hint("use { file = \"...\" } outside of systemd"));
    };
    read_file(&Path::new(&folder).join(name), Guarded::BySystemd)
        .map_err(|fault| fault.hint(format!("the unit needs LoadCredential={name}:/path")))
}
