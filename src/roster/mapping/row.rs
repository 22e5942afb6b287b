//! One row: its cells become an account, or everything that is wrong with it.

mod values;

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::Value;

use super::EmptyCell;
use super::bind::Bound;
use super::bind::BoundSource;
use super::cell;
use super::few::Few;
use super::mapper::Mapped;
use super::mapper::Mapper;
use super::mapper::Rejected;
use super::rule::Means;
use super::template::RowCells;
use crate::roster::account::Account;
use crate::roster::account::Action;
use crate::roster::account::Choices;
use crate::roster::account::GroupName;
use crate::roster::account::LineNo;
use crate::roster::account::MatchBy;
use crate::roster::account::Person;
use crate::roster::attribute::Attributes;
use crate::roster::checks;
use crate::roster::columns::Known;
use crate::roster::plan::Named;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::problem::Severity;
use crate::roster::secret::Secret;

/// Characters that are shown of a value that is no text.
const SHOWN: usize = 40;

/// A row on its way: cleaned cells of the columns that are looked at, and what was found wrong.
pub(super) struct Row<'r> {
    pub mapper: &'r Mapper,
    pub cells: Vec<Cow<'r, str>>,
    pub problems: Vec<Problem>,
}

impl Mapper {
    /// Maps and checks one row; the account is `called` so whatever the row says.
    pub(super) fn mapped(
        &self,
        (line, fields): (LineNo, &[String]),
        mut problems: Vec<Problem>,
        called: Option<&str>,
    ) -> Mapped {
        // What rosterd wrote into an errors file quotes what was wrong; that is not wrong again.
        problems.retain(|p| p.column.as_deref().and_then(Known::named) != Some(Known::Own));
        let is_shifted =
            problems.iter().any(|p| p.severity == Severity::Error && matches!(p.kind, ProblemKind::FieldCount { .. }));
        let (cells, are_plain) = self.cleaned_cells(fields);
        let mut row = Row { mapper: self, cells, problems };
        if is_shifted {
            // Nobody knows which cell belongs to which column, so nothing more is said about them.
            return Mapped::Rejected(row.rejected(line));
        }
        if !are_plain {
            row.find_controls();
        }
        for &index in &self.required {
            if fields.get(index).is_none_or(|field| cell::cleaned(field).is_empty()) {
                row.error(self.columns.header(index), ProblemKind::Missing);
            }
        }
        let template_cells: Arc<[Value]> =
            self.template_cells.iter().map(|index| Value::from(&*row.cells[*index])).collect();
        let username = called.map_or_else(|| row.username(&template_cells), Box::from);
        let filled = RowCells {
            names: Arc::clone(&self.names),
            cells: Arc::clone(&template_cells),
            username: Value::from(&*username),
        };
        let wanted = row.attributes(&filled);
        let octets = wanted.iter().map(|(place, values)| (*place, values.iter().map(AsRef::as_ref)));
        let attributes = self.schema().pack_by_place(octets);
        let deferred = row.deferred(&filled);
        let match_value = row.match_value(&attributes);
        let locator = row.locator(&filled);
        let groups = row.names(self.groups.as_ref(), &filled);
        let roles = row.names(self.roles.as_ref(), &filled);
        let password = row.password(fields);
        let must_change = row.flag(Known::MustChange);
        let choices = row.choices();
        let person = row.person(&attributes);
        let account = Account {
            line,
            username,
            match_value,
            locator,
            attributes,
            deferred,
            groups,
            roles,
            password,
            must_change,
            choices,
            person,
        };
        let mut problems = row.problems;
        let subject =
            checks::Subject { account: &account, settings: &self.mapping.settings.checks, labels: &self.labels };
        checks::check(&subject, &mut problems);
        if problems.iter().any(|p| p.severity == Severity::Error) {
            let Account { username, match_value, attributes, person, .. } = account;
            let named = Named { username, person };
            return Mapped::Rejected(Rejected { line, named, match_value, attributes, problems });
        }
        Mapped::Account { account, warnings: problems, late: self.late(&template_cells) }
    }

    fn uses_username(&self, bound: &Bound) -> bool {
        bound.source == BoundSource::Template
            && self.mapping.rules.iter().any(|r| r.rule.target.key() == &*bound.key && r.uses_username())
    }

    /// Returns the cells of the columns that are looked at, and whether all of them are [`cell::is_plain`].
    fn cleaned_cells<'f>(&self, fields: &'f [String]) -> (Vec<Cow<'f, str>>, bool) {
        let is_read = |index: usize| self.used[index] && !self.columns.is_secret(index);
        let mut are_plain = true;
        let clean = |index: usize| match fields.get(index) {
            Some(field) if is_read(index) => {
                let text = cell::trimmed(field);
                if cell::is_plain(text) {
                    return Cow::Borrowed(text);
                }
                are_plain = false;
                cell::composed(text)
            }
            _ => Cow::Borrowed(""),
        };
        let cells = (0..self.columns.len()).map(clean).collect();
        (cells, are_plain)
    }
}

impl<'r> Row<'r> {
    fn error(&mut self, column: &str, kind: ProblemKind) {
        self.problems.push(Problem::error(Some(column), kind));
    }

    fn rejected(self, line: LineNo) -> Rejected {
        let username = match self.mapper.username.source {
            BoundSource::Column(index) => Box::from(&*self.cells[index]),
            _ => Box::default(),
        };
        let person = self.person(&Attributes::default());
        let (match_value, attributes) = (Box::default(), Attributes::default());
        Rejected { line, named: Named { username, person }, match_value, attributes, problems: self.problems }
    }

    fn known(&self, known: Known) -> &str {
        self.mapper.columns.known(known).map_or("", |index| &self.cells[index])
    }

    fn find_controls(&mut self) {
        for index in 0..self.cells.len() {
            if let Some(control) = cell::control(&self.cells[index]) {
                self.error(self.mapper.columns.header(index), ProblemKind::Control(control));
            }
        }
    }

    fn person(&self, attributes: &Attributes) -> Person {
        // What [feed.map] makes is a person's address too, whether the roster has no column for one or an empty cell.
        let made = || self.mapper.email_attribute.as_ref().and_then(|name| attributes.first_text(name.as_str()));
        let email = match self.known(Known::Email) {
            "" => made().unwrap_or_default(),
            told => told,
        };
        Person::new(self.known(Known::FirstName), self.known(Known::Surname), email)
    }

    fn username(&mut self, cells: &Arc<[Value]>) -> Box<str> {
        let bound = &self.mapper.username;
        let filled = RowCells {
            names: Arc::clone(&self.mapper.names),
            cells: Arc::clone(cells),
            username: Value::from(self.known(Known::Username)),
        };
        match self.text(bound, &filled) {
            Some(text) if text.is_empty() && bound.source == BoundSource::Template => {
                self.error(&bound.label, ProblemKind::EmptyTemplate);
                Box::default()
            }
            Some(text) => text.into(),
            None => Box::default(),
        }
    }

    /// Returns the text that a rule gives; `None` when that is a problem, which is noted.
    fn text(&mut self, bound: &Bound, filled: &RowCells) -> Option<Cow<'r, str>> {
        match bound.source {
            BoundSource::Column(index) => Some(self.cells[index].clone()),
            BoundSource::Template => match self.mapper.mapping.templates.render(&bound.key, filled) {
                Ok(text) => Some(Cow::Owned(text)),
                Err(kind) => {
                    self.error(&bound.label, kind);
                    None
                }
            },
            BoundSource::FullName | BoundSource::SurnameOrFirst => {
                let (first, surname) = (self.known(Known::FirstName), self.known(Known::Surname));
                let is_partial = self.is_unknown(Known::FirstName) || self.is_unknown(Known::Surname);
                let text = joined_name(bound.source, first, surname).filter(|_| !is_partial);
                Some(Cow::Owned(text.unwrap_or_default().into_owned()))
            }
        }
    }

    /// Whether the row leaves open what the person's `known` is.
    fn is_unknown(&self, known: Known) -> bool {
        let is_empty = self.known(known).is_empty();
        let says_so =
            self.mapper.mapping.settings.empty == EmptyCell::Clear && self.mapper.columns.known(known).is_some();
        is_empty && !says_so
    }

    /// Returns the values that a rule gives, empty for an attribute to clear; `None` leaves it out.
    pub fn values(&mut self, bound: &Bound, filled: &RowCells) -> Option<Few<Cow<'r, str>>> {
        let mut text = self.text(bound, filled)?;
        if text.is_empty() {
            match &bound.default {
                Some(default) => text = Cow::Owned(default.to_string()),
                None => {
                    let clears = self.mapper.mapping.settings.empty == EmptyCell::Clear
                        && matches!(bound.source, BoundSource::Column(_));
                    return clears.then(|| Few::List(Vec::new()));
                }
            }
        }
        Some(match (&bound.separators, text) {
            (None, text) => Few::One(text),
            (Some(separators), text) if bound.means != Means::Text => {
                Few::List(cell::parts(&text, separators).map(|value| Cow::Owned(value.to_owned())).collect())
            }
            (Some(separators), Cow::Borrowed(text)) => {
                Few::List(cell::split(text, separators).into_iter().map(Cow::Borrowed).collect())
            }
            (Some(separators), Cow::Owned(text)) => {
                let values = cell::split(&text, separators).into_iter();
                Few::List(values.map(|value| Cow::Owned(value.to_owned())).collect())
            }
        })
    }

    fn match_value(&mut self, attributes: &Attributes) -> Box<str> {
        let MatchBy::Attribute(name) = &self.mapper.mapping.settings.match_by else { return Box::default() };
        match attributes.first_text(name.as_str()) {
            Some(value) => value.into(),
            None => {
                let label = self.mapper.labels.attribute(name).to_owned();
                if !self.problems.iter().any(|p| p.column.as_deref() == Some(&label)) {
                    self.error(&label, ProblemKind::Missing);
                }
                Box::default()
            }
        }
    }

    pub fn locator(&mut self, filled: &RowCells) -> Option<Box<str>> {
        let bound = self.mapper.dn.as_ref()?;
        let has_username = filled.username.as_str().is_some_and(|u| !u.is_empty());
        if !has_username && self.mapper.uses_username(bound) {
            return None;
        }
        let text = self.text(bound, filled)?;
        if text.is_empty() {
            self.error(&bound.label, ProblemKind::EmptyTemplate);
            return None;
        }
        Some(text.into())
    }

    pub fn names(&mut self, bound: Option<&Bound>, filled: &RowCells) -> Option<Box<[GroupName]>> {
        let values = self.values(bound?, filled)?;
        Some(values.iter().map(|name| GroupName::new(name)).collect())
    }

    /// Takes the password as it is: blanks at its ends belong to it. Its problems never show it.
    fn password(&mut self, fields: &[String]) -> Option<Secret> {
        let index = self.mapper.columns.known(Known::Password)?;
        let label = self.mapper.columns.header(index);
        let field = fields.get(index)?;
        if cell::cleaned(field).is_empty() {
            return None;
        }
        if cell::control(field).is_some() {
            self.error(label, ProblemKind::Other("has a control character".to_owned()));
        } else if field.trim().len() != field.len() {
            let kind = ProblemKind::Other("begins or ends with a blank, which is part of the password".to_owned());
            self.problems.push(Problem::warning(Some(label), kind));
        }
        Some(Secret::new(cell::composed(field).into_owned()))
    }

    fn flag(&mut self, known: Known) -> Option<bool> {
        let index = self.mapper.columns.known(known)?;
        let text = &self.cells[index];
        if text.is_empty() {
            return None;
        }
        let flag = cell::flag(text);
        if flag.is_none() {
            let kind = ProblemKind::NotAFlag(text.to_string());
            self.error(self.mapper.columns.header(index), kind);
        }
        flag
    }

    fn choices(&mut self) -> Choices {
        let default = self.mapper.mapping.settings.choices;
        let (add, update) = (self.flag(Known::Add), self.flag(Known::Update));
        let mut choices = Choices {
            add: add.unwrap_or(default.add),
            update: update.unwrap_or(default.update),
            sync_groups: self.flag(Known::SyncGroups).unwrap_or(default.sync_groups),
            sync_roles: self.flag(Known::SyncRoles).unwrap_or(default.sync_roles),
            subscribe: self.flag(Known::Subscribe).unwrap_or(default.subscribe),
            action: default.action,
        };
        let Some(index) = self.mapper.columns.known(Known::Action) else { return choices };
        let settings = &self.mapper.mapping.settings;
        let refused = match self.cells[index].to_ascii_lowercase().as_str() {
            "" => None,
            // The row names the one thing to do; a box beside it can only take that away.
            "add" => {
                choices.action = Action::Auto;
                choices.add = add.unwrap_or(true);
                choices.update = false;
                None
            }
            "update" => {
                choices.action = Action::Auto;
                choices.add = false;
                choices.update = update.unwrap_or(true);
                None
            }
            "disable" => {
                choices.action = Action::Disable;
                (!settings.allow_disable).then_some(ProblemKind::ActionNotAllowed("disable"))
            }
            "delete" => {
                choices.action = Action::Delete;
                (!settings.allow_delete).then_some(ProblemKind::ActionNotAllowed("delete"))
            }
            _ => Some(ProblemKind::NotAnAction(self.cells[index].to_string())),
        };
        if let Some(kind) = refused {
            self.error(self.mapper.columns.header(index), kind);
        }
        choices
    }
}

/// Returns the name that [`BoundSource::FullName`] or [`BoundSource::SurnameOrFirst`] makes of the two.
pub(super) fn joined_name<'n>(source: BoundSource, first: &'n str, surname: &'n str) -> Option<Cow<'n, str>> {
    let one = if surname.is_empty() { first } else { surname };
    match source {
        BoundSource::SurnameOrFirst => Some(Cow::Borrowed(one)),
        BoundSource::FullName if first.is_empty() || surname.is_empty() => Some(Cow::Borrowed(one)),
        BoundSource::FullName => Some(Cow::Owned([first, " ", surname].concat())),
        BoundSource::Column(_) | BoundSource::Template => None,
    }
}
