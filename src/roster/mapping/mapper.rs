//! A feed's mapping bound to the header of one roster.

use std::sync::Arc;

use super::Compiled;
use super::CompiledRule;
use super::Mapping;
use super::Policy;
use super::bind::Binder;
use super::bind::Bound;
use super::bind::BoundSource;
use super::bind::is_late;
use super::bind::late_cells;
use super::is_username;
use super::rule::Means;
use super::rule::Target;
use super::template::Names;
use crate::roster::account::Account;
use crate::roster::account::LineNo;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Attributes;
use crate::roster::attribute::Schema;
use crate::roster::checks;
use crate::roster::checks::Labels;
use crate::roster::columns::Columns;
use crate::roster::columns::Known;
use crate::roster::enclosed::FileRule;
use crate::roster::plan::Named;
use crate::roster::plan::Notice;
use crate::roster::problem::Damage;
use crate::roster::problem::DamageKind;
use crate::roster::problem::Problem;
use crate::roster::problem::Severity;
use crate::roster::reference::ReferenceRule;

/// What became of a row.
#[derive(Debug)]
pub enum Mapped {
    /// An account.
    Account {
        /// What the person is to have.
        account: Account,
        /// Worth telling, although the row is applied.
        warnings: Vec<Problem>,
        /// What [`Mapper::rename`] needs.
        late: Late,
    },
    /// Nothing that could be applied.
    Rejected(Rejected),
}

/// A row in error.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// Where the row starts.
    pub line: LineNo,
    /// Who it is about, as far as it says.
    pub named: Named,
    /// The value by which the row would find its entry, so that the person does not count as gone; empty when it is
    /// the username, or unknown.
    pub match_value: Box<str>,
    /// Its attributes, by which other rows may refer to the person; none when its cells cannot be told apart.
    pub attributes: Attributes,
    /// Everything that is wrong with it, warnings included.
    pub problems: Vec<Problem>,
}

/// The cells of a row that are needed again when the account gets another username than its row asks for. Empty, and
/// without an allocation, unless the feed counts usernames up and uses them in other templates.
#[derive(Clone, Debug, Default)]
pub struct Late(pub(super) Box<str>);

/// Turns the rows of one roster into accounts.
#[derive(Debug)]
pub struct Mapper {
    pub(super) mapping: Arc<Compiled>,
    pub(super) columns: Columns,
    pub(super) labels: Labels,
    /// Which columns are looked at.
    pub(super) used: Vec<bool>,
    pub(super) username: Bound,
    pub(super) dn: Option<Bound>,
    pub(super) groups: Option<Bound>,
    pub(super) roles: Option<Bound>,
    pub(super) attributes: Vec<(AttributeName, Bound)>,
    /// The places of `attributes` in the schema.
    pub(super) places: Vec<usize>,
    pub(super) files: Vec<FileRule>,
    /// The attribute that is a person's mail address when there is no column for it.
    pub(super) email_attribute: Option<AttributeName>,
    /// Columns that must not be empty.
    pub(super) required: Vec<usize>,
    pub(super) names: Arc<Names>,
    /// The columns of the cells that templates see.
    pub(super) template_cells: Vec<usize>,
    /// The places among these that [`Late`] keeps.
    pub(super) late_cells: Vec<usize>,
}

impl Mapper {
    /// Binds `mapping` to `header`, whose cells are trimmed.
    ///
    /// Damage: nothing in it is known or mapped, two columns mean the same, or a column is missing that the feed names
    /// or that usernames come from. The notices tell about columns that nothing uses.
    pub fn new(mapping: &Mapping, header: &[String]) -> Result<(Self, Vec<Notice>), Damage> {
        let compiled = Arc::clone(&mapping.inner);
        let columns = Columns::new(header, &compiled.wishes)?;
        let mut binder = Binder { mapping: &compiled, columns: &columns, cells: Vec::new(), missing: Vec::new() };
        let names = binder.names()?;
        let mut username = binder.known_source(&Target::Username, Known::Username);
        let mut dn = None;
        let mut groups = binder.known_source(&Target::Groups, Known::Groups);
        let mut roles = binder.known_source(&Target::Roles, Known::Roles);
        let mut attributes = Vec::new();
        for rule in &compiled.rules {
            let Some(bound) = binder.bind(rule)? else { continue };
            match &rule.rule.target {
                Target::Username => username = Some(bound),
                Target::Dn => dn = Some(bound),
                Target::Groups => groups = Some(bound),
                Target::Roles => roles = Some(bound),
                Target::Password => {}
                Target::Attribute(name) => attributes.push((name.clone(), bound)),
            }
        }
        let required = binder.required()?;
        let Binder { cells: template_cells, mut missing, .. } = binder;

        let is_known = (0..columns.len()).any(|i| columns.all_known().any(|(_, known)| known == i));
        let is_mapped = attributes.iter().any(|(_, b)| matches!(b.source, BoundSource::Column(_)));
        if !is_known && !is_mapped && template_cells.is_empty() {
            let text = format!("none of its {} cells names a column that is known or mapped", header.len());
            return Err(Damage { line: None, kind: DamageKind::NoHeader(text) });
        }
        if username.is_none() && missing.iter().all(|m| !m.ends_with("(map.username)")) {
            missing.insert(0, "username".to_owned());
        }
        let (Some(username), true) = (username, missing.is_empty()) else {
            missing.dedup();
            return Err(Damage { line: None, kind: DamageKind::MissingColumn(missing.join(", ")) });
        };

        let late = compiled.rules.iter().filter(|r| is_late(&compiled, r)).filter_map(|r| r.wants.as_ref());
        let late_cells = late_cells(late, &names, template_cells.len());
        let mail = || attributes.iter().map(|(name, _)| name).find(|name| name.is("mail")).cloned();
        let file = |(name, bound): &(AttributeName, Bound)| match bound.means {
            Means::File(max_size) => Some(FileRule { attribute: name.clone(), max_size }),
            _ => None,
        };
        let place = |(name, _): &(AttributeName, Bound)| {
            compiled.schema.place(name.as_str()).expect("the schema has the names of all rules")
        };
        let mut mapper = Self {
            files: attributes.iter().filter_map(file).collect(),
            places: attributes.iter().map(place).collect(),
            labels: labels(&columns, &username, &attributes),
            used: Vec::new(),
            email_attribute: mail(),
            username,
            dn,
            groups,
            roles,
            attributes,
            required,
            names: Arc::new(names),
            template_cells,
            late_cells,
            columns,
            mapping: compiled,
        };
        mapper.used = mapper.used_columns();
        let notices = mapper.notices();
        Ok((mapper, notices))
    }

    /// Maps and checks one row, whose own `problems` are given; reports everything that is wrong with it at once.
    pub fn account(&self, line: LineNo, fields: &[String], problems: Vec<Problem>) -> Mapped {
        self.mapped((line, fields), problems, None)
    }

    /// Does the same for somebody who is not the person of the row: the login name is `username`, and what follows from
    /// it follows from that.
    pub fn account_called(&self, username: &str, line: LineNo, fields: &[String]) -> Mapped {
        self.mapped((line, fields), Vec::new(), Some(username))
    }

    /// Returns the attributes that accounts can have, whatever columns the roster has.
    pub fn schema(&self) -> &Schema {
        &self.mapping.schema
    }

    /// Returns how the attribute `name` is written to existing accounts.
    pub fn policy(&self, name: &AttributeName) -> Policy {
        Mapping { inner: Arc::clone(&self.mapping) }.policy(name)
    }

    /// Returns the attributes that refer to other people, as far as the roster has them.
    pub fn references(&self) -> Vec<ReferenceRule> {
        let rule = |(name, bound): &(AttributeName, Bound)| match &bound.means {
            Means::Person(key) => {
                let is_list = bound.separators.is_some();
                Some(ReferenceRule { attribute: name.clone(), key: key.clone(), is_list })
            }
            Means::Text | Means::Octets(_) | Means::File(_) => None,
        };
        self.attributes.iter().filter_map(rule).collect()
    }

    /// Returns the attributes that get the content of files, as far as the roster has them.
    pub fn files(&self) -> &[FileRule] {
        &self.files
    }

    /// Returns what a file that cannot be used does to its row.
    pub fn unusable_file(&self) -> Severity {
        self.mapping.settings.checks.files
    }

    /// Returns what a reference to nobody does to its row.
    pub fn dangling(&self) -> Severity {
        self.mapping.settings.checks.dangling
    }

    /// Returns the names of the columns, for problems found later.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Returns the columns of the roster.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Returns what `account` lacks to be created; see [`checks::missing_for_create`].
    pub fn missing_for_create(&self, account: &Account, generates: bool) -> Vec<Problem> {
        checks::missing_for_create(account, generates, &self.labels)
    }

    fn used_columns(&self) -> Vec<bool> {
        let mut used = vec![false; self.columns.len()];
        let rules = [Some(&self.username), self.groups.as_ref(), self.roles.as_ref()].into_iter().flatten();
        for bound in rules.chain(self.attributes.iter().map(|(_, bound)| bound)) {
            if let BoundSource::Column(index) = bound.source {
                used[index] = true;
            }
        }
        let kept = |known: Known| !matches!(known, Known::Username | Known::Groups | Known::Roles);
        let known = self.columns.all_known().filter(|(known, _)| kept(*known)).map(|(_, index)| index);
        let from_raw = |r: &&CompiledRule| {
            let wants = r.wants.iter().flat_map(|w| &w.variables);
            r.rule.target == Target::Username && wants.into_iter().any(|v| is_username(v))
        };
        if let (Some(_), Some(index)) = (self.mapping.rules.iter().find(from_raw), self.columns.known(Known::Username))
        {
            used[index] = true;
        }
        for index in known.chain(self.template_cells.iter().copied()).chain(self.required.iter().copied()) {
            used[index] = true;
        }
        used
    }

    fn notices(&self) -> Vec<Notice> {
        let mut notices = Vec::new();
        for index in (0..self.columns.len()).filter(|i| !self.used[*i] && !self.columns.is_own(*i)) {
            let text = match self.columns.all_known().find(|(_, i)| *i == index) {
                Some((known, _)) => format!("not used: [feed.map] says where the {} comes from", known.word()),
                None => "not used: not mentioned in [feed.map]".to_owned(),
            };
            notices.push(Notice { column: Some(Box::from(&**self.columns.header(index))), text });
        }
        let has = |known| self.columns.known(known).is_some();
        let mut lacks = Vec::new();
        if !has(Known::FirstName) && !has(Known::Surname) {
            lacks.push("a first name or surname");
        }
        if !has(Known::Email) && self.email_attribute.is_none() {
            lacks.push("a mail address");
        }
        if !lacks.is_empty() {
            let text = format!(
                "the roster has no column for {}: it can change accounts, but create none",
                lacks.join(", nor for ")
            );
            notices.push(Notice { column: None, text });
        }
        notices
    }
}

fn labels(columns: &Columns, username: &Bound, attributes: &[(AttributeName, Bound)]) -> Labels {
    let mut labels = Labels::default();
    for (known, index) in columns.all_known() {
        labels.set_known(known, Arc::clone(columns.header(index)));
    }
    labels.set_known(Known::Username, Arc::clone(&username.label));
    for (name, bound) in attributes {
        labels.set_attribute(name.clone(), Arc::clone(&bound.label));
    }
    labels
}
