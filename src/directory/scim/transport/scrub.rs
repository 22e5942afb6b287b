//! Nothing secret in what is said about an answer.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use crate::roster::secret::Secret;

/// The longest text of a service that is repeated, in characters.
const LONGEST: usize = 200;

/// Knows what must not be repeated.
#[derive(Clone, Debug, Default)]
pub struct Scrub {
    secrets: Vec<Secret>,
}

impl Scrub {
    /// Adds a secret, in all spellings in which it is sent or may come back.
    pub fn add(&mut self, secret: &Secret) {
        let text = secret.expose();
        if text.trim().is_empty() {
            return;
        }
        let in_json = Value::from(text).to_string();
        for spelling in [
            text.to_owned(),
            in_json.trim_matches('"').to_owned(),
            utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
            BASE64_STANDARD.encode(text),
        ] {
            if !self.secrets.iter().any(|known| known.expose() == spelling) {
                self.secrets.push(Secret::new(spelling));
            }
        }
        // What is a part of something longer must not break it up before that is found.
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    }

    /// Returns the same with every password that `body` sets.
    #[must_use]
    pub fn with_passwords_of(&self, body: Option<&Value>) -> Self {
        let mut all = self.clone();
        if let Some(body) = body {
            passwords(body, &mut |password| all.add(&Secret::from(password)));
        }
        all
    }

    /// Returns a text without anything secret.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.expose()) {
                text = text.replace(secret.expose(), "***");
            }
        }
        text
    }

    /// Returns JSON without anything secret in its texts. It is done before they are cut, so that no part is left.
    pub fn hide_in(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::from(self.hide(text)),
            Value::Array(items) => items.iter().map(|item| self.hide_in(item)).collect(),
            Value::Object(members) => {
                members.iter().map(|(key, value)| (self.hide(key), self.hide_in(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// Returns a text of a service fit for reports: one line, not long, and nothing secret.
    pub fn clean(&self, text: &str) -> String {
        let text = self.hide(text);
        let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        let line = line.collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}...", &line[..end]),
            None => line,
        }
    }
}

/// Finds the values of `password` (RFC 7643 section 4.1.1), wherever a body sets one: in a resource, in an operation of
/// a PATCH, in a Bulk.
fn passwords(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Object(members) => {
            let is_of_password = members.iter().any(|(key, path)| {
                key.eq_ignore_ascii_case("path") && path.as_str().is_some_and(|path| is_password(last_name(path)))
            });
            for (key, value) in members {
                let is_one = is_password(last_name(key)) || is_of_password && key.eq_ignore_ascii_case("value");
                match value {
                    Value::String(text) if is_one => found(text),
                    value => passwords(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| passwords(item, found)),
        _ => {}
    }
}

fn is_password(name: &str) -> bool {
    name.eq_ignore_ascii_case("password")
}

fn last_name(path: &str) -> &str {
    path.rsplit([':', '.']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn passwords_are_found_wherever_a_body_sets_one() {
        let body = json!({
            "schemas": ["x"],
            "userName": "ann",
            "Password": "one",
            "Operations": [
                {"op": "replace", "path": "password", "value": "two"},
                {"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:password", "value": "three"},
                {"op": "replace", "value": {"password": "four", "title": "kept"}},
                {"method": "POST", "data": {"password": "five"}},
                {"op": "replace", "path": "title", "value": "also kept"},
            ],
        });
        let scrub = Scrub::default().with_passwords_of(Some(&body));
        let told = scrub.clean("one two three four five kept also kept ann");
        assert_eq!(told, "*** *** *** *** *** kept also kept ann");
    }

    #[test]
    fn a_secret_is_found_as_it_was_sent_and_as_it_comes_back() {
        let mut scrub = Scrub::default();
        scrub.add(&Secret::from("p\"ä+ w"));
        let encoded = BASE64_STANDARD.encode("p\"ä+ w");
        for text in ["p\"ä+ w", r#"p\"ä+ w"#, "p%22%C3%A4%2B%20w", &encoded] {
            assert_eq!(scrub.clean(&format!("not {text} again")), "not *** again");
        }
    }

    #[test]
    fn a_secret_within_a_longer_one_does_not_uncover_the_rest() {
        let mut scrub = Scrub::default();
        scrub.add(&Secret::from("abc"));
        scrub.add(&Secret::from("xabcy"));
        assert_eq!(scrub.clean("xabcy abc"), "*** ***");
    }

    #[test]
    fn what_a_service_says_is_one_line_and_not_long() {
        let scrub = Scrub::default();
        assert_eq!(scrub.clean(" a\r\n<3>b\u{1b}[2J\tc "), "a <3>b [2J c");
        let long = scrub.clean(&"é".repeat(1000));
        assert_eq!(long.chars().count(), LONGEST + 3);
    }
}
