//! Filters (RFC 7644 section 3.4.2.2) and paths (figure 7) as a service understands them; written against the RFC, not
//! against rosterd.

use serde_json::Map;
use serde_json::Value;

/// A path of an attribute: `[urn:]attribute[filter].sub`.
#[derive(Clone, Debug)]
pub struct Path {
    pub urn: Option<String>,
    pub attribute: String,
    pub filter: Option<Box<Expression>>,
    pub sub: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Present(Path),
    Compare(Path, String, Value),
    Within(Path, Box<Expression>),
}

impl Path {
    pub fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { rest: text };
        let path = parser.path()?;
        let filter = parser.bracket()?.map(Box::new);
        let sub = match parser.rest.strip_prefix('.') {
            Some(sub) => Some(sub.to_owned()),
            None if parser.rest.is_empty() => path.sub.clone(),
            None => return None,
        };
        Some(Self { filter, sub, ..path })
    }

    /// Returns the object that the attribute is in.
    pub fn holder<'v>(&self, resource: &'v Value) -> Option<&'v Map<String, Value>> {
        match &self.urn {
            Some(urn) => field(resource.as_object()?, urn)?.as_object(),
            None => resource.as_object(),
        }
    }

    fn values<'v>(&self, resource: &'v Value) -> Vec<&'v Value> {
        let value = self.holder(resource).and_then(|holder| field(holder, &self.attribute));
        let elements: Vec<&Value> = match value {
            Some(Value::Array(elements)) => elements.iter().collect(),
            Some(other) => vec![other],
            None => Vec::new(),
        };
        match &self.sub {
            Some(sub) => elements.into_iter().filter_map(|element| field(element.as_object()?, sub)).collect(),
            // The value of a complex attribute is its `value`.
            None => elements.into_iter().map(|e| e.as_object().and_then(|e| field(e, "value")).unwrap_or(e)).collect(),
        }
    }

    fn is_case_exact(&self) -> bool {
        self.urn.is_none() && (["id", "externalId"].iter().any(|name| self.attribute.eq_ignore_ascii_case(name)))
    }
}

impl Expression {
    pub fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { rest: text };
        let expression = parser.or()?;
        parser.rest.trim().is_empty().then_some(expression)
    }

    /// Returns whether a resource, or an element of a value, is meant.
    pub fn holds(&self, resource: &Value, case_exact: bool) -> bool {
        match self {
            Self::And(left, right) => left.holds(resource, case_exact) && right.holds(resource, case_exact),
            Self::Or(left, right) => left.holds(resource, case_exact) || right.holds(resource, case_exact),
            Self::Not(inner) => !inner.holds(resource, case_exact),
            Self::Present(path) => !path.values(resource).is_empty(),
            Self::Within(path, inner) => {
                path.holder(resource).and_then(|holder| field(holder, &path.attribute)).is_some_and(|value| {
                    value.as_array().is_some_and(|elements| elements.iter().any(|e| inner.holds(e, case_exact)))
                })
            }
            Self::Compare(path, operator, wanted) => {
                let is_exact = case_exact || path.is_case_exact();
                path.values(resource).into_iter().any(|value| compare(value, operator, wanted, is_exact))
            }
        }
    }
}

fn compare(value: &Value, operator: &str, wanted: &Value, is_exact: bool) -> bool {
    let (Value::String(value), Value::String(wanted)) = (value, wanted) else {
        return (operator == "eq") == (value == wanted);
    };
    let fold = |text: &str| if is_exact { text.to_owned() } else { text.to_lowercase() };
    let (value, wanted) = (fold(value), fold(wanted));
    match operator {
        "eq" => value == wanted,
        "ne" => value != wanted,
        "co" => value.contains(&wanted),
        "sw" => value.starts_with(&wanted),
        "ew" => value.ends_with(&wanted),
        "gt" => value > wanted,
        "ge" => value >= wanted,
        "lt" => value < wanted,
        _ => value <= wanted,
    }
}

/// Returns what is under a key, in any case.
pub fn field<'v>(object: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    object.iter().find(|(own, _)| own.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn or(&mut self) -> Option<Expression> {
        let mut left = self.and()?;
        while self.word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Some(left)
    }

    fn and(&mut self) -> Option<Expression> {
        let mut left = self.factor()?;
        while self.word("and") {
            left = Expression::And(Box::new(left), Box::new(self.factor()?));
        }
        Some(left)
    }

    fn factor(&mut self) -> Option<Expression> {
        let is_negated = self.word("not");
        self.rest = self.rest.trim_start();
        let expression = if let Some(inner) = self.rest.strip_prefix('(') {
            self.rest = inner;
            let expression = self.or()?;
            self.rest = self.rest.trim_start().strip_prefix(')')?;
            expression
        } else {
            self.comparison()?
        };
        Some(if is_negated { Expression::Not(Box::new(expression)) } else { expression })
    }

    fn comparison(&mut self) -> Option<Expression> {
        let path = self.path()?;
        if let Some(inner) = self.bracket()? {
            return Some(Expression::Within(path, Box::new(inner)));
        }
        if self.word("pr") {
            return Some(Expression::Present(path));
        }
        let operator =
            ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"].into_iter().find(|word| self.word(word))?;
        self.rest = self.rest.trim_start();
        let value = self.value()?;
        Some(Expression::Compare(path, operator.to_owned(), value))
    }

    fn value(&mut self) -> Option<Value> {
        if !self.rest.starts_with('"') {
            let (word, rest) = self.rest.split_at(self.rest.find([' ', ')', ']']).unwrap_or(self.rest.len()));
            self.rest = rest;
            return serde_json::from_str(word).ok();
        }
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        let value = values.next()?.ok()?;
        self.rest = &self.rest[values.byte_offset()..];
        Some(value)
    }

    fn path(&mut self) -> Option<Path> {
        let text = self.rest.trim_start();
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_$.:".contains(c))).unwrap_or(text.len());
        let (path, rest) = text.split_at(end);
        self.rest = rest;
        let (urn, dotted) = match path.rsplit_once(':') {
            Some((urn, dotted)) => (Some(urn), dotted),
            None => (None, path),
        };
        let (attribute, sub) = dotted.split_once('.').map_or((dotted, None), |(a, sub)| (a, Some(sub)));
        let is_core = |urn: &&str| urn.to_ascii_lowercase().starts_with("urn:ietf:params:scim:schemas:core:");
        let path = Path {
            urn: urn.filter(|urn| !is_core(urn)).map(str::to_owned),
            attribute: attribute.to_owned(),
            filter: None,
            sub: sub.map(str::to_owned),
        };
        (!attribute.is_empty()).then_some(path)
    }

    /// Reads a filter in brackets, if one follows; the outer `None` is a fault.
    #[expect(clippy::option_option, reason = "no filter is no fault")]
    fn bracket(&mut self) -> Option<Option<Expression>> {
        let Some(inner) = self.rest.strip_prefix('[') else { return Some(None) };
        self.rest = inner;
        let expression = self.or()?;
        self.rest = self.rest.trim_start().strip_prefix(']')?;
        Some(Some(expression))
    }

    fn word(&mut self, word: &str) -> bool {
        let text = self.rest.trim_start();
        let Some(start) = text.get(..word.len()) else { return false };
        let rest = &text[word.len()..];
        let ends = rest.is_empty() || rest.starts_with([' ', '(', ']', ')']);
        if start.eq_ignore_ascii_case(word) && ends {
            self.rest = rest;
            return true;
        }
        false
    }
}
