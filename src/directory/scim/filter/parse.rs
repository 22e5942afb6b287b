//! Reading filters back.

use serde_json::Value;

use super::Comparand;
use super::Filter;
use crate::directory::scim::path::AttributePath;

/// Parentheses within each other at most.
const MAX_DEPTH: usize = 32;

/// Text that is no filter of equalities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// Something else should be there.
    #[error("{expected} is missing before `{rest}`")]
    Missing {
        /// What should be there.
        expected: &'static str,
        /// What is there instead, shortened.
        rest: String,
    },
    /// A comparison that is none of equality.
    #[error("`{0}` is not supported, only `eq`")]
    Operator(String),
    /// A left side that is no attribute.
    #[error("`{0}` is no name of an attribute")]
    Attribute(String),
    /// Parentheses within parentheses without end.
    #[error("too many parentheses")]
    TooDeep,
}

/// Parses all of `text`.
pub(super) fn whole(text: &str) -> Result<Filter, FilterFault> {
    let mut reader = Reader { rest: text, depth: 0 };
    let filter = reader.or()?;
    reader.skip();
    if reader.rest.is_empty() { Ok(filter) } else { Err(reader.missing("the end")) }
}

/// Parses up to the closing bracket, and returns what is behind it.
pub(super) fn in_brackets(text: &str) -> Result<(Filter, &str), FilterFault> {
    let mut reader = Reader { rest: text, depth: 0 };
    let filter = reader.or()?;
    reader.expect(']', "`]`")?;
    Ok((filter, reader.rest))
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn or(&mut self) -> Result<Filter, FilterFault> {
        let mut filter = self.and()?;
        while self.takes_word("or") {
            filter = filter.or(self.and()?);
        }
        Ok(filter)
    }

    fn and(&mut self) -> Result<Filter, FilterFault> {
        let mut filter = self.term()?;
        while self.takes_word("and") {
            filter = filter.and(self.term()?);
        }
        Ok(filter)
    }

    fn term(&mut self) -> Result<Filter, FilterFault> {
        self.skip();
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(FilterFault::TooDeep);
            }
            self.rest = rest;
            let filter = self.or()?;
            self.expect(')', "`)`")?;
            self.depth -= 1;
            return Ok(filter);
        }
        let name = self.word();
        if name.is_empty() {
            return Err(self.missing("the name of an attribute"));
        }
        let path = AttributePath::plain(name).map_err(|_| FilterFault::Attribute(name.to_owned()))?;
        let operator = self.word();
        if operator.is_empty() {
            return Err(self.missing("`eq`"));
        }
        if !operator.eq_ignore_ascii_case("eq") {
            return Err(FilterFault::Operator(operator.to_owned()));
        }
        Ok(Filter::eq(&path, self.comparand()?))
    }

    /// Reads a value of JSON (RFC 7644 section 3.4.2.2, `compValue`).
    fn comparand(&mut self) -> Result<Comparand, FilterFault> {
        self.skip();
        if !self.rest.starts_with('"') {
            let before = self.rest;
            return match serde_json::from_str(self.word()) {
                Ok(Value::Bool(value)) => Ok(Comparand::Boolean(value)),
                Ok(Value::Number(number)) => Ok(Comparand::Number(number)),
                _ => {
                    self.rest = before;
                    Err(self.missing("a value"))
                }
            };
        }
        let mut strings = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        let Some(Ok(text)) = strings.next() else { return Err(self.missing("a string in quotes")) };
        let comparand = Comparand::Text(text);
        self.rest = self.rest.get(strings.byte_offset()..).unwrap_or_default();
        Ok(comparand)
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes what reaches to the next blank, parenthesis or bracket.
    fn word(&mut self) -> &'t str {
        self.skip();
        let end = self.rest.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let before = self.rest;
        let takes = self.word().eq_ignore_ascii_case(wanted);
        if !takes {
            self.rest = before;
        }
        takes
    }

    fn expect(&mut self, wanted: char, named: &'static str) -> Result<(), FilterFault> {
        self.skip();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(self.missing(named)),
        }
    }

    fn missing(&self, expected: &'static str) -> FilterFault {
        FilterFault::Missing { expected, rest: self.rest.chars().take(24).collect() }
    }
}
