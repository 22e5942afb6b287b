//! Rules bound to the columns of one header.

use std::collections::HashMap;
use std::sync::Arc;

use super::Collision;
use super::Compiled;
use super::CompiledRule;
use super::is_username;
use super::rule::Means;
use super::rule::Source;
use super::rule::Target;
use super::template::Names;
use super::template::Variable;
use super::template::Wants;
use crate::roster::account::MatchBy;
use crate::roster::columns::Columns;
use crate::roster::columns::Known;
use crate::roster::problem::Damage;

/// A rule bound to columns.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub key: Arc<str>,
    pub source: BoundSource,
    pub means: Means,
    /// The characters between values; `None`: one value.
    pub separators: Option<Arc<[char]>>,
    pub default: Option<Arc<str>>,
    /// The column, or the key for what no column alone gives.
    pub label: Arc<str>,
    /// Whether it is filled again when the username changes.
    pub is_late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BoundSource {
    Column(usize),
    Template,
    FullName,
    SurnameOrFirst,
}

/// Looks up columns and remembers those that are missing.
pub(super) struct Binder<'m> {
    pub mapping: &'m Compiled,
    pub columns: &'m Columns,
    /// The columns that templates see.
    pub cells: Vec<usize>,
    /// Names of columns that are not there, with the keys that ask for them.
    pub missing: Vec<String>,
}

impl Binder<'_> {
    /// Finds the columns of all templates.
    pub fn names(&mut self) -> Result<Names, Damage> {
        let mapping = self.mapping;
        let mut names = Names::default();
        for rule in &mapping.rules {
            let Some(wants) = &rule.wants else { continue };
            for variable in &wants.variables {
                let known = match variable.as_str() {
                    "row" => {
                        names.variables.insert(variable.clone(), Variable::Row);
                        continue;
                    }
                    v if is_username(v) && rule.rule.target != Target::Username => {
                        names.variables.insert(variable.clone(), Variable::Username);
                        continue;
                    }
                    "first" => Some(Known::FirstName),
                    "last" => Some(Known::Surname),
                    "email" => Some(Known::Email),
                    v if is_username(v) => Some(Known::Username),
                    _ => None,
                };
                let column = match known.and_then(|known| self.columns.known(known)) {
                    Some(column) => Some(column),
                    None => self.columns.find(variable)?,
                };
                match column.filter(|index| !self.columns.is_secret(*index)) {
                    // The username template sees the raw cell under the same name: it is handed in.
                    Some(_) if is_username(variable) => {
                        names.variables.insert(variable.clone(), Variable::Username);
                    }
                    Some(index) => {
                        let place = self.cell(index);
                        names.variables.insert(variable.clone(), Variable::Cell(place));
                    }
                    None => self.missing.push(format!("{variable} (map.{})", rule.rule.target)),
                }
            }
            for header in &wants.headers {
                match self.columns.find(header)?.filter(|index| !self.columns.is_secret(*index)) {
                    Some(index) => {
                        let place = self.cell(index);
                        names.headers.insert(header.clone(), place);
                    }
                    None => self.missing.push(format!("{header} (map.{})", rule.rule.target)),
                }
            }
        }
        if mapping.rules.iter().any(|r| r.wants.as_ref().is_some_and(|w| w.any_header)) {
            let all: HashMap<String, usize> = (0..self.columns.len())
                .filter(|index| !self.columns.is_secret(*index))
                .map(|index| (self.columns.header(index).to_string(), self.cell(index)))
                .collect();
            names.headers.extend(all);
        }
        Ok(names)
    }

    fn cell(&mut self, column: usize) -> usize {
        match self.cells.iter().position(|c| *c == column) {
            Some(place) => place,
            None => {
                self.cells.push(column);
                self.cells.len() - 1
            }
        }
    }

    /// Binds the known column when the feed has no rule for `target`.
    pub fn known_source(&self, target: &Target, known: Known) -> Option<Bound> {
        if self.mapping.rules.iter().any(|r| r.rule.target == *target) {
            return None;
        }
        let separators = matches!(known, Known::Groups | Known::Roles).then(|| self.feed_separators());
        self.columns.known(known).map(|index| Bound {
            key: Arc::from(target.key()),
            source: BoundSource::Column(index),
            means: Means::Text,
            separators,
            default: None,
            label: Arc::clone(self.columns.header(index)),
            is_late: false,
        })
    }

    /// Binds a rule; `None` when its column is missing, which is noted unless the rule is a default.
    pub fn bind(&mut self, compiled: &CompiledRule) -> Result<Option<Bound>, Damage> {
        let rule = &compiled.rule;
        let key: Arc<str> = Arc::from(rule.target.key());
        let (source, label) = match &rule.source {
            Source::Column(name) => match self.columns.find(name)? {
                Some(index) => (BoundSource::Column(index), Arc::clone(self.columns.header(index))),
                None => {
                    if !compiled.is_default && !rule.optional {
                        self.missing.push(format!("{name} (map.{})", rule.target));
                    }
                    return Ok(None);
                }
            },
            Source::Template(_) => (BoundSource::Template, Arc::clone(&key)),
            Source::FullName => (BoundSource::FullName, Arc::clone(&key)),
            Source::SurnameOrFirst => (BoundSource::SurnameOrFirst, Arc::clone(&key)),
        };
        let is_list = rule.multi || matches!(rule.target, Target::Groups | Target::Roles);
        let separators = match &rule.separators {
            Some(own) => Some(own.chars().collect()),
            None => is_list.then(|| self.feed_separators()),
        };
        let default = rule.default.as_deref().map(Arc::from);
        let (means, is_late) = (rule.means.clone(), is_late(self.mapping, compiled));
        Ok(Some(Bound { key, source, means, separators, default, label, is_late }))
    }

    fn feed_separators(&self) -> Arc<[char]> {
        self.mapping.settings.separators.chars().collect()
    }

    /// Finds the columns that must not be empty.
    pub fn required(&mut self) -> Result<Vec<usize>, Damage> {
        let mut required = Vec::new();
        for name in &self.mapping.settings.checks.required {
            match self.columns.find(name)? {
                Some(index) => required.push(index),
                None => self.missing.push(format!("{name} (checks.required)")),
            }
        }
        Ok(required)
    }
}

/// Whether the rule is filled again when the username changes.
pub(super) fn is_late(mapping: &Compiled, rule: &CompiledRule) -> bool {
    let keeps_names = match &mapping.settings.match_by {
        MatchBy::Username => false,
        MatchBy::Attribute(name) => !matches!(&rule.rule.target, Target::Attribute(target) if target == name),
    };
    (mapping.settings.collision == Collision::Counter || keeps_names) && rule.uses_username()
}

/// Returns the places of the cells that the templates of `wants` see.
pub(super) fn late_cells<'w>(wants: impl Iterator<Item = &'w Wants>, names: &Names, n_cells: usize) -> Vec<usize> {
    let mut places = Vec::new();
    for wants in wants {
        if wants.any_header {
            return (0..n_cells).collect();
        }
        places.extend(wants.variables.iter().filter_map(|v| match names.variables.get(v) {
            Some(Variable::Cell(place)) => Some(*place),
            _ => None,
        }));
        places.extend(wants.headers.iter().filter_map(|h| names.headers.get(h)));
    }
    places.sort_unstable();
    places.dedup();
    places
}
