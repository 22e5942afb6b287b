//! People of POSIX systems, as servers of different kinds take them.

use rosterd::roster::attribute::Attributes;

/// The object classes of their entries.
pub const CLASSES: [&str; 5] = ["top", "person", "organizationalPerson", "inetOrgPerson", "posixAccount"];

/// What somebody has besides numbers.
pub fn attributes(uid: &str) -> Attributes {
    let home = format!("/home/{uid}");
    [("sn", vec![uid]), ("cn", vec![uid]), ("homeDirectory", vec![&*home])].into_iter().collect()
}

/// Returns the numbers of an entry whose values `read` returns.
pub async fn numbers(read: impl AsyncFn(&'static str) -> Vec<String>) -> (String, String) {
    (read("uidNumber").await.join(","), read("gidNumber").await.join(","))
}

/// Adds somebody with this number who is nobody of rosterd's.
pub async fn foreign(number: &str, add: impl AsyncFnOnce(&[(&str, &[&str])])) {
    add(&[
        ("objectClass", &["account", "posixAccount"]),
        ("uid", &["x"]),
        ("cn", &["x"]),
        ("uidNumber", &[number]),
        ("gidNumber", &["100"]),
        ("homeDirectory", &["/"]),
    ])
    .await;
}
