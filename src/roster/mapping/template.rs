//! Templates: compiled once per feed, filled once per row.
//!
//! A template sees the cells of its row and nothing else: no files, no other templates' results, no functions, and
//! never a password. In `dn` every value is escaped, whatever the template says.

use std::collections::HashMap;
use std::error::Error as _;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use minijinja::AutoEscape;
use minijinja::Environment;
use minijinja::Error;
use minijinja::ErrorKind;
use minijinja::UndefinedBehavior;
use minijinja::Value;
use minijinja::value::Object;

use super::dn;
use super::filters;
use super::locale::Locale;
use super::scan;
use crate::roster::problem::ProblemKind;

/// What one rendering may cost: about this many instructions, or 64 times as many bytes.
const FUEL: u64 = 50_000;

/// All templates of a feed, by the key of their rule.
#[derive(Debug)]
pub(super) struct Templates {
    plain: Environment<'static>,
    dn: Environment<'static>,
}

/// What a template asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wants {
    /// Its variables, as it spells them.
    pub variables: Vec<String>,
    /// The headers that it names in `row["..."]`.
    pub headers: Vec<String>,
    /// Whether it asks `row` for headers that are known only when it is filled.
    pub any_header: bool,
}

/// Why a template is refused: where in its text, and one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub at: Option<Range<usize>>,
    pub message: String,
}

#[derive(Debug, thiserror::Error)]
#[error("a value in the DN is empty")]
struct EmptyInDn;

impl Templates {
    pub(super) fn new(locale: Locale) -> Self {
        let environment = || {
            let mut environment = Environment::empty();
            environment.set_undefined_behavior(UndefinedBehavior::Strict);
            environment.set_auto_escape_callback(|_| AutoEscape::None);
            environment.set_fuel(Some(FUEL));
            environment.set_debug(false);
            filters::add_to(&mut environment, locale);
            environment
        };
        let mut dn = environment();
        // The formatter escapes whatever it is given: neither an `autoescape` block nor a value that calls itself safe
        // turns that off.
        dn.set_formatter(|out, _, value| {
            if value.is_undefined() {
                return Err(Error::from(ErrorKind::UndefinedError));
            }
            let text = value.to_str().unwrap_or_else(|| Arc::from(value.to_string()));
            if text.trim().is_empty() {
                return Err(Error::new(ErrorKind::InvalidOperation, "empty").with_source(EmptyInDn));
            }
            out.write_str(&dn::escape(&text)).map_err(Error::from)
        });
        Self { plain: environment(), dn }
    }

    fn environment(&self, key: &str) -> &Environment<'static> {
        if key == "dn" { &self.dn } else { &self.plain }
    }

    /// Compiles the template of the rule `key`, and tries it with made-up values.
    pub(super) fn add(&mut self, key: &str, source: &str) -> Result<Wants, Flaw> {
        let environment = if key == "dn" { &mut self.dn } else { &mut self.plain };
        let scan = scan::scan(source);
        environment.add_template_owned(key.to_owned(), source.to_owned()).map_err(|e| flaw(&e, source))?;
        if let Some((name, at)) = scan.filters.iter().find(|(name, _)| !filters::NAMES.contains(&name.as_str())) {
            let message = format!("there is no filter `{name}`; the filters are {}", filters::NAMES.join(", "));
            return Err(Flaw { at: Some(at.clone()), message });
        }
        if key == "dn"
            && let Some(at) = dn::unsafe_literal(source)
        {
            let message =
                "a `\\` or `\"` here would undo the escaping of the value; write the DN by RFC 4514 without it";
            return Err(Flaw { at: Some(at..at + 1), message: message.to_owned() });
        }
        let template = environment.get_template(key).map_err(|e| flaw(&e, source))?;
        let mut variables: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        variables.sort();
        match template.render(Value::from_object(Sample)) {
            Err(error) if error.kind() != ErrorKind::UndefinedError => return Err(flaw(&error, source)),
            _ => {}
        }
        Ok(Wants { variables, headers: scan.headers, any_header: scan.any_header })
    }

    /// Fills the template of the rule `key`; the text is trimmed.
    pub(super) fn render(&self, key: &str, row: &RowCells) -> Result<String, ProblemKind> {
        let template = self.environment(key).get_template(key).map_err(|e| ProblemKind::Template(told(&e)))?;
        match template.render(Value::from_object(row.clone())) {
            Ok(text) if text.trim().len() == text.len() => Ok(text),
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) if is_empty_in_dn(&error) => Err(ProblemKind::EmptyTemplate),
            Err(error) => Err(ProblemKind::Template(told(&error))),
        }
    }
}

fn is_empty_in_dn(error: &Error) -> bool {
    error.source().is_some_and(<dyn std::error::Error>::is::<EmptyInDn>)
}

fn flaw(error: &Error, source: &str) -> Flaw {
    let line = || {
        let before = source.split_inclusive('\n').take(error.line()?.saturating_sub(1)).map(str::len).sum::<usize>();
        Some(before..source[before..].find('\n').map_or(source.len(), |n| before + n))
    };
    Flaw { at: error.range().or_else(line), message: told(error) }
}

/// Returns what went wrong without the engine's name of the template.
fn told(error: &Error) -> String {
    match error.detail() {
        Some(detail) if error.kind() == ErrorKind::InvalidOperation => detail.to_owned(),
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// What the variables of the templates mean under one header, shared by all rows.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Variables, as the templates spell them.
    pub variables: HashMap<String, Variable>,
    /// Columns for `row["..."]`: the place among the row's cells.
    pub headers: HashMap<String, usize>,
}

/// What a variable means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    /// The cell at this place.
    Cell(usize),
    /// The login name that the account gets.
    Username,
    /// All cells by their headers.
    Row,
}

/// The cells of one row, as templates see them.
#[derive(Clone)]
pub(super) struct RowCells {
    pub names: Arc<Names>,
    pub cells: Arc<[Value]>,
    pub username: Value,
}

impl fmt::Debug for RowCells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("row")
    }
}

impl Object for RowCells {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match *self.names.variables.get(key)? {
            Variable::Cell(place) => self.cells.get(place).cloned(),
            Variable::Username => Some(self.username.clone()),
            Variable::Row => Some(Value::from_object(ByHeader(Arc::clone(self)))),
        }
    }
}

struct ByHeader(Arc<RowCells>);

impl fmt::Debug for ByHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("row")
    }
}

impl Object for ByHeader {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.cells.get(*self.0.names.headers.get(key)?).cloned()
    }
}

/// A row in which every variable and every header has a value.
#[derive(Debug)]
struct Sample;

impl Object for Sample {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "row" => Some(Value::from_object(Self)),
            _ => Some(Value::from("Sample")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(key: &str, source: &str) -> Result<Wants, Flaw> {
        Templates::new(Locale::default()).add(key, source)
    }

    fn row(pairs: &[(&str, &str)]) -> RowCells {
        let names = Names {
            variables: pairs.iter().enumerate().map(|(i, (name, _))| ((*name).to_owned(), Variable::Cell(i))).collect(),
            headers: pairs.iter().enumerate().map(|(i, (name, _))| ((*name).to_owned(), i)).collect(),
        };
        let cells = pairs.iter().map(|(_, text)| Value::from(*text)).collect();
        RowCells { names: Arc::new(names), cells, username: Value::from("") }
    }

    #[test]
    fn mistakes_are_found_when_the_template_is_compiled() {
        let flaw = add("cn", "{{ first|uper }}").expect_err("no such filter");
        assert_eq!(flaw.at, Some(9..13));
        assert!(flaw.message.starts_with("there is no filter `uper`"), "{}", flaw.message);
        let flaw = add("cn", "{{ first }").expect_err("syntax");
        assert!(flaw.at.is_some_and(|at| at.end <= 10));
        assert!(add("cn", "{% if a %}{{ first|nothing }}{% endif %}").is_err());
        assert!(add("cn", "{{ first|truncate }}").is_err(), "an argument is missing");
        assert!(add("cn", "{{ first is upside_down }}").is_err(), "no such test");
        assert!(add("cn", "{% include 'x' %}").is_err(), "nothing to include");
        assert!(add("dn", "uid=\\{{ a }}").is_err(), "undoes the escape");
    }

    #[test]
    fn variables_and_headers_are_listed() {
        let wants = add("cn", "{% set x = first %}{{ x }} {{ job_title|upper }} {{ row[\"Job title\"] }}").expect("ok");
        assert_eq!(wants.variables, ["first", "job_title", "row"]);
        assert_eq!(wants.headers, ["Job title"]);
        assert!(!wants.any_header);
        assert!(add("cn", "{{ row[first] }}").expect("ok").any_header);
    }

    #[test]
    fn values_in_a_dn_are_escaped_whatever_the_template_does() {
        let source = "{% set a = x %}uid={{ a }},{% autoescape false %}ou={{ x ~ x }}{% endautoescape %},dc=x";
        let mut templates = Templates::new(Locale::default());
        templates.add("dn", source).expect("in order");
        let dn = templates.render("dn", &row(&[("x", "a,b+c")])).expect("renders");
        assert_eq!(dn, "uid=a\\,b\\+c,ou=a\\,b\\+ca\\,b\\+c,dc=x");
        assert_eq!(templates.render("dn", &row(&[("x", " ")])), Err(ProblemKind::EmptyTemplate));
    }

    #[test]
    fn a_template_cannot_run_for_long() {
        let mut templates = Templates::new(Locale::default());
        templates.add("cn", "{% set a = x ~ x %}{% set a = a ~ a ~ a %}{{ a ~ a ~ a }}").expect("in order");
        let long = "x".repeat(1 << 20);
        let problem = templates.render("cn", &row(&[("x", &long)])).expect_err("out of fuel");
        assert_eq!(problem, ProblemKind::Template("engine ran out of fuel".to_owned()));
    }

    #[test]
    fn a_letter_without_ascii_spelling_is_told() {
        let mut templates = Templates::new(Locale::default());
        templates.add("cn", "{{ x|ascii }}").expect("in order");
        let problem = templates.render("cn", &row(&[("x", "\u{20002}")])).expect_err("no spelling");
        assert_eq!(problem, ProblemKind::Template("`\u{20002}` (U+20002) has no ASCII spelling".to_owned()));
    }
}
