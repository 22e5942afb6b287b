//! What a name or a value must be like. LDAP servers refuse much the same.

use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Attributes;
use crate::roster::name_key::CoarseKey;
use crate::roster::operation::Operation;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::secret::Secret;

/// Characters of a username or a group's name at most.
pub const NAME_LIMIT: usize = 256;
/// Octets of one value at most.
pub const VALUE_LIMIT: usize = 1 << 20;
/// Octets of a password at most.
pub const PASSWORD_LIMIT: usize = 4096;

/// Returns why an operation is refused whatever the directory holds.
pub(in crate::directory) fn refusal(operation: &Operation) -> Option<Problem> {
    let problems = match operation {
        Operation::Create(create) => account_problems(&create.username, &create.attributes, create.password.as_ref()),
        Operation::Update(update) => {
            let new_name = update.relocation.as_ref().and_then(|relocation| relocation.username.as_ref());
            let bad_name = new_name.and_then(|step| name_problem(&step.to));
            let mut problems: Vec<Problem> =
                bad_name.map(|kind| Problem::error(Some("username"), kind)).into_iter().collect();
            for change in &update.changes {
                check_attribute(&change.attribute, change.new.iter().map(AsRef::as_ref), &mut problems);
            }
            check_password(update.password.as_ref(), &mut problems);
            problems
        }
        Operation::CreateGroup { name, .. } => {
            return name_problem(name.as_str()).map(|kind| Problem::error(None, kind));
        }
        Operation::Delete { .. } | Operation::ChangeMembers { .. } => return None,
    };
    problems.into_iter().next()
}

/// Returns what is wrong with an account that is to be created.
pub(in crate::directory) fn account_problems(
    username: &str,
    attributes: &Attributes,
    password: Option<&Secret>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(name_problem(username).map(|kind| Problem::error(Some("username"), kind)));
    for (name, values) in attributes.iter() {
        check_attribute(name, values.octets(), &mut problems);
    }
    check_password(password, &mut problems);
    problems
}

fn check_attribute<'v>(name: &AttributeName, mut values: impl Iterator<Item = &'v [u8]>, problems: &mut Vec<Problem>) {
    let problem = attribute_problem(name).or_else(|| values.find_map(value_problem));
    problems.extend(problem.map(|kind| Problem::error(Some(name.as_str()), kind)));
}

fn check_password(password: Option<&Secret>, problems: &mut Vec<Problem>) {
    let problem = password.and_then(|password| password_problem(password.expose()));
    problems.extend(problem.map(|kind| Problem::error(Some("password"), kind)));
}

/// Returns what is wrong with a username or the name of a group.
pub(in crate::directory) fn name_problem(name: &str) -> Option<ProblemKind> {
    // A name of blanks and invisible characters alone has an empty key.
    if CoarseKey::new(name).as_str().is_empty() {
        return Some(ProblemKind::Missing);
    }
    let length = name.chars().count();
    if length > NAME_LIMIT {
        return Some(ProblemKind::TooLong { length, limit: NAME_LIMIT });
    }
    control(name, |_| false)
}

/// Returns what is wrong with an attribute's name (RFC 4512 section 2.5: a short name or an OID, and options).
fn attribute_problem(name: &AttributeName) -> Option<ProblemKind> {
    let mut parts = name.as_str().split(';');
    let kind = parts.next().unwrap_or_default();
    let keychars = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let short = kind.starts_with(|c: char| c.is_ascii_alphabetic()) && keychars(kind);
    let oid = kind.contains('.') && kind.split('.').all(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
    let good = (short || oid) && parts.all(keychars) && name.as_str().len() <= NAME_LIMIT;
    (!good).then(|| ProblemKind::Syntax { value: name.to_string(), wanted: "name of an attribute" })
}

/// Returns what is wrong with a value. Octets that are no text may be anything.
fn value_problem(value: &[u8]) -> Option<ProblemKind> {
    if value.is_empty() {
        return Some(ProblemKind::Missing);
    }
    if value.len() > VALUE_LIMIT {
        return Some(match std::str::from_utf8(value) {
            Ok(text) => ProblemKind::TooLong { length: text.chars().count(), limit: VALUE_LIMIT },
            Err(_) => ProblemKind::Other(format!("{} bytes, at most {VALUE_LIMIT} are stored", value.len())),
        });
    }
    // Postal addresses and notes have lines.
    control(std::str::from_utf8(value).ok()?, |c| matches!(c, '\t' | '\n' | '\r'))
}

/// Returns what is wrong with a password. Never holds it.
fn password_problem(password: &str) -> Option<ProblemKind> {
    if password.is_empty() {
        return Some(ProblemKind::Missing);
    }
    let length = password.chars().count();
    (password.len() > PASSWORD_LIMIT).then_some(ProblemKind::TooLong { length, limit: PASSWORD_LIMIT })
}

fn control(text: &str, allowed: impl Fn(char) -> bool) -> Option<ProblemKind> {
    let bad = text.chars().find(|c| c.is_control() && !allowed(*c))?;
    Some(ProblemKind::Control(format!("U+{:04X}", u32::from(bad))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["ada", "Ada Byron", "müller", "o'neil@x.org", "名前"] {
            assert_eq!(name_problem(good), None, "{good}");
        }
        for blank in ["", "  ", "\u{200b}", "\u{ad}"] {
            assert_eq!(name_problem(blank), Some(ProblemKind::Missing), "{blank:?}");
        }
        assert_eq!(name_problem("a\nb"), Some(ProblemKind::Control("U+000A".to_owned())));
        assert_eq!(name_problem(&"ü".repeat(256)), None);
        assert_eq!(name_problem(&"ü".repeat(257)), Some(ProblemKind::TooLong { length: 257, limit: 256 }));
    }

    #[test]
    fn attribute_names() {
        for good in ["cn", "x-my-own", "cn;lang-de", "2.5.4.3", "userCertificate;binary"] {
            assert_eq!(attribute_problem(&good.into()), None, "{good}");
        }
        for bad in ["", "1a", "a b", "cn;", "2..5", "25", "müll", "-a"] {
            assert!(attribute_problem(&bad.into()).is_some(), "{bad}");
        }
    }

    #[test]
    fn values() {
        for good in ["x", " ", "Line 1\nLine 2", "*()\\", "\u{1f600}"] {
            assert_eq!(value_problem(good.as_bytes()), None, "{good:?}");
        }
        assert_eq!(value_problem(&[0xff, 0x00, 0x07]), None);
        assert_eq!(value_problem(b""), Some(ProblemKind::Missing));
        assert_eq!(value_problem(b"bell\x07"), Some(ProblemKind::Control("U+0007".to_owned())));
        assert!(value_problem(&vec![b'x'; VALUE_LIMIT + 1]).is_some());
        assert_eq!(value_problem(&vec![b'x'; VALUE_LIMIT]), None);
    }
}
