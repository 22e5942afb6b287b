//! What is known of an account only when the directory has been read: the login name it gets, and whether it is new.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::Value;

use super::bind::Bound;
use super::few::Few;
use super::mapper::Late;
use super::mapper::Mapper;
use super::row::Row;
use super::row::joined_name;
use super::template::RowCells;
use crate::roster::account::Account;
use crate::roster::account::Person;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Attributes;
use crate::roster::checks;
use crate::roster::problem::Problem;
use crate::roster::problem::Severity;

/// Between two cells of [`Late`]; cells never hold it, since control characters are problems.
const BETWEEN_CELLS: char = '\0';

impl Mapper {
    /// Gives `account` the login name that it has or gets in the directory, and fills again what depends on it.
    ///
    /// For feeds that count usernames up: new people get the name that [`crate::roster::collision`] assigns. For all
    /// that do not find people by their names: who exists keeps the name. Returns the errors that this leads to; with any, the account must not be applied.
    pub fn rename(&self, account: &mut Account, late: &Late, username: &str) -> Vec<Problem> {
        if *account.username == *username {
            return Vec::new();
        }
        account.username = username.into();
        let mut row = Row { mapper: self, cells: Vec::new(), problems: Vec::new() };
        if self.late_rules().next().is_some() {
            let filled = self.late_cells(late, username);
            let fresh: Vec<(&str, Few<Cow<'_, str>>)> = self
                .attributes
                .iter()
                .filter(|(_, bound)| bound.is_late)
                .filter_map(|(name, bound)| Some((name.as_str(), row.values(bound, &filled)?)))
                .collect();
            let is_kept = |name: &str| !self.attributes.iter().any(|(n, bound)| bound.is_late && n.is(name));
            let kept: Vec<(&str, Vec<&[u8]>)> = account
                .attributes
                .iter()
                .filter(|(name, _)| is_kept(name.as_str()))
                .map(|(name, values)| (name.as_str(), values.octets().collect()))
                .collect();
            let fresh = fresh.iter().map(|(name, values)| (*name, values.iter().map(|v| v.as_bytes()).collect()));
            let attributes = self.schema().pack(kept.into_iter().chain(fresh));
            let made = |attributes: &Attributes| -> Box<str> {
                let name = self.email_attribute.as_ref();
                name.and_then(|name| attributes.first_text(name.as_str())).unwrap_or_default().into()
            };
            let had_made_address = *account.person.email() == *made(&account.attributes);
            account.attributes = attributes;
            if self.dn.as_ref().is_some_and(|dn| dn.is_late) {
                account.locator = row.locator(&filled);
            }
            if let Some(groups) = self.groups.as_ref().filter(|bound| bound.is_late) {
                account.groups = row.names(Some(groups), &filled);
            }
            if let Some(roles) = self.roles.as_ref().filter(|bound| bound.is_late) {
                account.roles = row.names(Some(roles), &filled);
            }
            if had_made_address {
                let email = made(&account.attributes);
                account.person = Person::new(account.person.first(), account.person.surname(), &email);
            }
        }
        let mut problems = row.problems;
        let subject = checks::Subject { account, settings: &self.mapping.settings.checks, labels: &self.labels };
        checks::check(&subject, &mut problems);
        problems.retain(|p| p.severity == Severity::Error);
        problems
    }

    /// Fills what a new account needs and an existing one must keep: `sn` and the full name of a person of whom the
    /// row gives only one name, when empty cells mean "keep".
    pub fn complete_new(&self, account: &mut Account) {
        // A row with both names has given all of that already.
        if !account.person.first().is_empty() && !account.person.surname().is_empty() {
            return;
        }
        let lacking: Vec<(&str, Vec<Cow<'_, str>>)> = self
            .attributes
            .iter()
            .filter_map(|(name, bound)| {
                let text = joined_name(bound.source, account.person.first(), account.person.surname())?;
                let lacks = !text.is_empty() && account.attributes.get(name.as_str()).is_none();
                lacks.then(|| (name.as_str(), vec![Cow::Owned(text.into_owned())]))
            })
            .collect();
        if lacking.is_empty() {
            return;
        }
        let there =
            account.attributes.iter().map(|(name, values)| (name.as_str(), values.octets().collect::<Vec<_>>()));
        let lacking = lacking.iter().map(|(name, values)| (*name, values.iter().map(|v| v.as_bytes()).collect()));
        account.attributes = self.schema().pack(there.chain(lacking));
    }

    /// Returns whether the values of the attribute `name` follow from the username.
    pub fn is_late(&self, name: &AttributeName) -> bool {
        self.attributes.iter().any(|(other, bound)| bound.is_late && other == name)
    }

    /// Returns whether people's mail addresses follow from their usernames.
    pub fn makes_addresses(&self) -> bool {
        self.email_attribute.as_ref().is_some_and(|name| self.is_late(name))
    }

    fn late_rules(&self) -> impl Iterator<Item = &Bound> {
        self.attributes
            .iter()
            .map(|(_, bound)| bound)
            .chain(&self.dn)
            .chain(&self.groups)
            .chain(&self.roles)
            .filter(|b| b.is_late)
    }

    /// Keeps the cells that [`Mapper::rename`] needs.
    pub(super) fn late(&self, cells: &[Value]) -> Late {
        let mut kept = String::new();
        for (n, place) in self.late_cells.iter().enumerate() {
            if n > 0 {
                kept.push(BETWEEN_CELLS);
            }
            kept.push_str(cells[*place].as_str().unwrap_or_default());
        }
        Late(kept.into())
    }

    fn late_cells(&self, late: &Late, username: &str) -> RowCells {
        let mut cells = vec![Value::from(""); self.template_cells.len()];
        for (place, text) in self.late_cells.iter().zip(late.0.split(BETWEEN_CELLS)) {
            cells[*place] = Value::from(text);
        }
        RowCells { names: Arc::clone(&self.names), cells: cells.into(), username: Value::from(username) }
    }
}
