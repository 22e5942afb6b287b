//! A look at a template's text for what the engine finds out only when it fills it.

use std::ops::Range;

/// What a template's text mentions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Filters with their places.
    pub filters: Vec<(String, Range<usize>)>,
    /// Headers in `row["..."]` and `row.name`.
    pub headers: Vec<String>,
    /// Whether `row` is used in any other way.
    pub any_header: bool,
}

/// Scans every `{{ }}` and `{% %}`.
pub(super) fn scan(source: &str) -> Scan {
    let mut scan = Scan::default();
    let mut at = 0;
    while let Some(open) = source[at..].find('{').map(|found| at + found) {
        let close = match source.as_bytes().get(open + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => {
                at = source[open..].find("#}").map_or(source.len(), |found| open + found + 2);
                continue;
            }
            _ => {
                at = open + 1;
                continue;
            }
        };
        at = scan.tag(source, open + 2, close);
    }
    scan
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

impl Scan {
    /// Scans one tag from `start` and returns where it ends.
    fn tag(&mut self, source: &str, start: usize, close: &str) -> usize {
        let mut tokens: Vec<(Token, Range<usize>)> = Vec::new();
        let mut at = start;
        while let Some(c) = source[at..].chars().next() {
            if source[at..].starts_with(close) {
                at += close.len();
                break;
            }
            let rest = &source[at..];
            let (token, length) = match c {
                '"' | '\'' => text(rest, c),
                c if c.is_alphabetic() || c == '_' => {
                    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                    (Token::Word(rest[..length].to_owned()), length)
                }
                c => (Token::Sign(c), c.len_utf8()),
            };
            if !matches!(token, Token::Sign(c) if c.is_whitespace()) {
                tokens.push((token, at..at + length));
            }
            at += length;
        }
        self.read(&tokens);
        at
    }

    fn read(&mut self, tokens: &[(Token, Range<usize>)]) {
        let word = |i: usize| match tokens.get(i) {
            Some((Token::Word(word), at)) => Some((word.as_str(), at.clone())),
            _ => None,
        };
        let sign = |i: usize, c: char| matches!(tokens.get(i), Some((Token::Sign(s), _)) if *s == c);
        if let (Some(("filter", _)), Some((name, at))) = (word(0), word(1)) {
            self.filters.push((name.to_owned(), at));
        }
        for (i, (token, _)) in tokens.iter().enumerate() {
            let member = i.checked_sub(1).is_some_and(|before| sign(before, '.'));
            match token {
                Token::Sign('|') => self.filters.extend(word(i + 1).map(|(name, at)| (name.to_owned(), at))),
                Token::Word(name) if name == "row" && !member => match (tokens.get(i + 2), sign(i + 1, '[')) {
                    (Some((Token::Text(header), _)), true) if sign(i + 3, ']') => self.headers.push(header.clone()),
                    (Some((Token::Word(header), _)), false) if sign(i + 1, '.') => self.headers.push(header.clone()),
                    _ => self.any_header = true,
                },
                _ => {}
            }
        }
    }
}

fn text(rest: &str, quote: char) -> (Token, usize) {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => text.extend(chars.next().map(|(_, c)| c)),
            c if c == quote => return (Token::Text(text), at + c.len_utf8()),
            c => text.push(c),
        }
    }
    (Token::Text(text), rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn filters_are_found_outside_of_texts_and_comments() {
        let source = "a|b {{ x | upper|replace('|y', \"}}|z\") }}{# {{ x|w }} #}{% if x|trim %}{% filter slug %}";
        let names: Vec<String> = scan(source).filters.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["upper", "replace", "trim", "slug"]);
    }

    #[test]
    fn headers_are_found_however_they_are_written() {
        let found = scan("{{ row[\"Job title\"] }}{{ row['It\\'s'] }}{{ row.Department }}{{ rows }}{{ x.row }}");
        assert_eq!(found.headers, ["Job title", "It's", "Department"]);
        assert!(!found.any_header);
        assert!(scan("{{ row[x] }}").any_header);
        assert!(scan("{% for k in row %}").any_header);
        assert!(scan("{{ row[\"a\" ~ b] }}").any_header);
    }

    proptest! {
        #[test]
        fn any_text_is_scanned(source in "[{}%#|a-z'\"\\\\\\[\\]. äß]{0,40}") {
            scan(&source);
        }
    }
}
