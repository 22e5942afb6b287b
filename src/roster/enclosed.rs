//! Files beside a roster that its cells name, such as photos: what must hold for them, and what must change.
//!
//! Nothing is read here, and no content is held: whoever can read says what was found, by length and digest.

use std::collections::BTreeSet;
use std::collections::HashMap;

use super::account::Account;
use super::attribute::AttributeName;
use super::attribute::Values;
use super::deferred::Content;
use super::deferred::DeferredChange;
use super::deferred::DeferredValue;
use super::deferred::Digest;
use super::deferred::Held;
use super::diff::Policy;
use super::mapping::Mapper;
use super::problem::Problem;
use super::problem::ProblemKind;

/// Octets of one file at most, unless the feed says otherwise.
pub const MAX_SIZE: usize = 100 << 10;

/// An attribute that gets the content of files.
#[derive(Clone, Debug)]
pub struct FileRule {
    /// Which attribute.
    pub attribute: AttributeName,
    /// Octets of one file at most.
    pub max_size: usize,
}

/// What was found under the names that cells mention.
#[derive(Clone, Debug, Default)]
pub struct Files(HashMap<Box<str>, Result<Found, FileFault>>);

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which octets.
    pub digest: Digest,
    /// The picture that it is, if it is one.
    pub picture: Option<Picture>,
}

/// Kinds of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// JPEG (ISO/IEC 10918-1: the markers SOI and the next one's first octet).
    Jpeg,
    /// PNG (RFC 2083 section 3.1).
    Png,
}

impl Picture {
    /// Tells a picture by its first octets.
    pub fn of(octets: &[u8]) -> Option<Self> {
        match octets {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            _ => None,
        }
    }
}

/// Why a file is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// There is none.
    #[error("there is no such file beside the roster")]
    Missing,
    /// A folder, a link, a device.
    #[error("it is no regular file, or reached through a link")]
    Unfit,
    /// It is empty.
    #[error("the file is empty")]
    Empty,
    /// It has more octets than allowed.
    #[error("the file has more than {0} octets, which is the limit")]
    TooLarge(usize),
    /// Another form than the attribute needs.
    #[error("the file is no {0} picture")]
    Form(&'static str),
    /// It cannot be read; the text says why.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
}

impl FileRule {
    /// Returns why a file does not fit the attribute.
    fn unfit(&self, found: &Found) -> Option<FileFault> {
        let kind = self.attribute.as_str().split(';').next().unwrap_or_default();
        let wanted = match kind.to_ascii_lowercase().as_str() {
            "jpegphoto" if found.picture != Some(Picture::Jpeg) => Some("JPEG"),
            "thumbnailphoto" if found.picture.is_none() => Some("JPEG or PNG"),
            _ => None,
        };
        let too_large = (found.digest.length > self.max_size).then_some(FileFault::TooLarge(self.max_size));
        too_large.or(wanted.map(FileFault::Form))
    }
}

/// Returns whether `name` can be a file in the roster's folder, or in a folder in there.
pub fn is_within(name: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.');
    !name.contains('\\') && name.split('/').all(is_part)
}

impl Files {
    /// Returns the names that cells mention.
    pub fn mentioned(accounts: &[Account], rules: &[FileRule]) -> BTreeSet<Box<str>> {
        let deferred = accounts.iter().filter_map(|account| account.deferred.as_deref());
        let named = |rule: &FileRule| {
            let name = rule.attribute.clone();
            deferred.clone().filter_map(move |deferred| deferred.get(name.as_str())).flat_map(Values::text)
        };
        rules.iter().flat_map(named).map(Into::into).collect()
    }

    /// Keeps what was found.
    pub fn new(found: HashMap<Box<str>, Result<Found, FileFault>>) -> Self {
        Self(found)
    }

    /// Returns what must change for `account`, and what is wrong with its files. `held` is what the directory has;
    /// `None` for an account that is to be created.
    pub fn changes(
        &self,
        mapper: &Mapper,
        account: &Account,
        held: Option<&Held>,
    ) -> (Vec<DeferredChange>, Vec<Problem>) {
        let (mut changes, mut problems) = (Vec::new(), Vec::new());
        let Some(wanted) = account.deferred.as_deref() else { return (changes, problems) };
        for rule in mapper.files() {
            let name = rule.attribute.as_str();
            let is_said = wanted.get(name).is_some() || wanted.is_cleared(name);
            let policy = mapper.policy(&rule.attribute);
            let old = held.map(|held| held.digests(&rule.attribute)).unwrap_or_default();
            let is_left = held.is_some() && (policy == Policy::CreateOnly || policy == Policy::Keep && !old.is_empty());
            if !is_said || is_left {
                continue;
            }
            let n_problems = problems.len();
            let mut new: Vec<DeferredValue> = Vec::new();
            for file in wanted.get(name).into_iter().flat_map(Values::text) {
                match self.content(rule, file) {
                    Ok(digest) => {
                        // What is there already need not be read again.
                        let file = (!old.contains(&digest)).then(|| file.into());
                        let value = DeferredValue::Content(Content { digest, file });
                        if new.iter().all(|other| other.identity() != value.identity()) {
                            new.push(value);
                        }
                    }
                    Err(fault) => {
                        let label = mapper.labels().attribute(&rule.attribute);
                        let kind = ProblemKind::File { name: file.to_owned(), fault };
                        problems.push(Problem { column: Some(label.into()), kind, severity: mapper.unusable_file() });
                    }
                }
            }
            let there = |digest: &Digest| DeferredValue::Content(Content { digest: *digest, file: None });
            let old: Vec<DeferredValue> = old.iter().map(there).collect();
            // As long as a file is missing, nothing is taken away.
            if problems.len() > n_problems || policy == Policy::Merge {
                let left: Vec<DeferredValue> = old.iter().filter(|old| !new.contains(old)).cloned().collect();
                new.extend(left);
            }
            let same = old.iter().all(|old| new.contains(old)) && new.iter().all(|new| old.contains(new));
            if !same {
                let (old, new) = (old.into(), new.into());
                changes.push(DeferredChange { attribute: rule.attribute.clone(), old, new });
            }
        }
        (changes, problems)
    }

    fn content(&self, rule: &FileRule, file: &str) -> Result<Digest, FileFault> {
        let found = self.0.get(file).cloned().unwrap_or(Err(FileFault::Missing))?;
        rule.unfit(&found).map_or(Ok(found.digest), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_the_folder() {
        for good in ["ada.jpg", "photos/ada.jpg", "a/b/c", "Ada Byron.JPG", "..ada/x".trim_start_matches('.')] {
            assert!(is_within(good), "{good}");
        }
        for bad in ["", "/etc/passwd", "../ada.jpg", "photos/../../x", "a//b", "a/", ".", "./a", ".hidden", "C:\\a.jpg"]
        {
            assert!(!is_within(bad), "{bad}");
        }
    }

    #[test]
    fn pictures_are_told_by_their_first_octets() {
        assert_eq!(Picture::of(b"\xff\xd8\xff\xe0..JFIF"), Some(Picture::Jpeg));
        assert_eq!(Picture::of(b"\x89PNG\r\n\x1a\n...."), Some(Picture::Png));
        for other in [b"\xff\xd8".as_slice(), b"", b"GIF89a", b"\x89PNG\n", b"<html>"] {
            assert_eq!(Picture::of(other), None, "{other:?}");
        }
    }

    #[test]
    fn each_attribute_has_its_forms_and_its_size() {
        let rule = |name: &str| FileRule { attribute: name.into(), max_size: 10 };
        let found = |length, picture| Found { digest: Digest { length, sha256: [0; 32] }, picture };
        let (jpeg, png) = (Some(Picture::Jpeg), Some(Picture::Png));
        assert_eq!(rule("jpegPhoto").unfit(&found(10, jpeg)), None);
        assert_eq!(rule("JPEGPHOTO;x-a").unfit(&found(10, png)), Some(FileFault::Form("JPEG")));
        assert_eq!(rule("thumbnailPhoto").unfit(&found(10, png)), None);
        assert_eq!(rule("thumbnailPhoto").unfit(&found(10, None)), Some(FileFault::Form("JPEG or PNG")));
        assert_eq!(rule("audio").unfit(&found(10, None)), None);
        assert_eq!(rule("audio").unfit(&found(11, None)), Some(FileFault::TooLarge(10)));
    }
}
