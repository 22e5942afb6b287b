//! What lies beside a roster that was refused as a whole.

use std::io;
use std::io::Write;

use serde_json::json;

use super::json::FORMAT;

/// A roster that was refused as a whole: nothing was changed.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// The run's id.
    pub run: &'a str,
    /// The feed's name.
    pub feed: &'a str,
    /// The roster's file name.
    pub roster: &'a str,
    /// When (RFC 3339).
    pub ended: &'a str,
    /// Why, in one sentence.
    pub why: &'a str,
    /// What can be done about it.
    pub hints: &'a [String],
}

/// Writes `*.result.json` of a refused roster: the same members as of any other, all empty, and `refused`.
pub fn refused_json(refusal: &Refusal<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Refusal { run, feed, roster, ended, why, hints } = refusal;
    let counts: serde_json::Map<String, serde_json::Value> = [
        "created",
        "updated",
        "unchanged",
        "disabled",
        "enabled",
        "deleted",
        "old",
        "rejected",
        "failed",
        "not_attempted",
        "letters_sent",
        "letters_owed",
        "letters_failed",
    ]
    .into_iter()
    .map(|word| (word.to_owned(), json!(0)))
    .collect();
    let document = json!({
        "format": FORMAT, "run": run, "feed": feed, "roster": roster, "ended": ended,
        "refused": why, "hints": hints, "counts": counts, "items": [],
    });
    writeln!(out, "{document}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_why_and_what_to_do() {
        let hints = ["export the file again".to_owned()];
        let refusal =
            Refusal { run: "r", feed: "hr", roster: "a.csv", ended: "t", why: "line 3: \"x\"", hints: &hints };
        let mut out = Vec::new();
        refused_json(&refusal, &mut out).expect("it is written");
        let document: serde_json::Value = serde_json::from_slice(&out).expect("it is written");
        assert_eq!(document["refused"], "line 3: \"x\"");
        assert_eq!(document["hints"][0], "export the file again");
        assert_eq!(document["counts"]["created"], 0);
        let mut page = Vec::new();
        crate::report::refused_html(&Refusal { why: "<b>", ..refusal }, &mut page).expect("it is written");
        let page = String::from_utf8(page).expect("it is written");
        assert!(page.contains("&#60;b&#62;") && !page.contains("<b>"), "{page}");
    }
}
