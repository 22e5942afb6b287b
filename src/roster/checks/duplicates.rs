//! Rows that are the same person, or cannot be told apart by every directory.
//!
//! Two different rows for one person are both Errors, since nobody knows which one is meant. Rows that say the same in
//! every respect are one person: the first line counts. What comes out does not depend on the order of the rows,
//! except for the line numbers that it names.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::hash::Hash;

use hashbrown::DefaultHashBuilder;
use hashbrown::HashTable;

use super::super::account::Account;
use super::super::account::LineNo;
use super::super::attribute::AttributeName;
use super::super::attribute::Values;
use super::super::columns::Known;
use super::super::mapping::Rejected;
use super::super::name_key::folded;
use super::super::name_key::folded_coarsely;
use super::super::problem::Problem;
use super::super::problem::ProblemKind;
use super::super::secret::Secret;
use super::Labels;

/// What two people of one roster must not have in common.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    /// Whether usernames are compared: not when a counter makes them different later.
    pub usernames: bool,
    /// The attribute that rows find their entries by, when it is not the username.
    pub match_by: Option<&'a AttributeName>,
    /// Attributes that must be one person's only.
    pub unique: &'a [AttributeName],
    /// Whether mail addresses are compared: not when they follow from usernames that are not final.
    pub emails: bool,
    /// The names of the columns.
    pub labels: &'a Labels,
}

/// Problems found by comparing rows, each with the place of its row.
#[derive(Debug, Default)]
pub struct Found {
    /// For accounts.
    pub accounts: Vec<(usize, Problem)>,
    /// For rows that were rejected already.
    pub rejected: Vec<(usize, Problem)>,
}

/// Compares all rows with each other: usernames and match values as [`CoarseKey`](super::super::name_key::CoarseKey)
/// compares them, other values as [`MatchKey`](super::super::name_key::MatchKey) does.
///
/// Rejected rows count as well: a row with a mistake may be the one that is meant. Needs about 8 bytes a row beside
/// the rows themselves.
pub fn find(accounts: &[Account], rejected: &[Rejected], scope: &Scope<'_>) -> Found {
    let rows = Rows { accounts, rejected };
    let mut found = Found::default();
    if scope.usernames {
        let sets = sets(rows.len(), |i| filled(rows.username(i)).map(folded_coarsely));
        found.same_person(&rows, &sets, scope.labels.known(Known::Username), |i| rows.username(i));
    }
    if let Some(name) = scope.match_by {
        let sets = sets(rows.len(), |i| filled(rows.match_value(i)).map(folded_coarsely));
        found.same_person(&rows, &sets, scope.labels.attribute(name), |i| rows.match_value(i));
    }
    let email = AttributeName::new("mail");
    if scope.emails && !scope.unique.contains(&email) {
        let sets = sets(accounts.len(), |i| filled(accounts[i].person.email()).map(folded));
        for (i, other) in shared(accounts, &sets) {
            let problem = Problem::warning(Some(scope.labels.known(Known::Email)), ProblemKind::Shared(other));
            found.accounts.push((i, problem));
        }
    }
    for name in scope.unique {
        found.unique(accounts, name, scope.labels.attribute(name));
    }
    found
}

fn filled(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

struct Rows<'a> {
    accounts: &'a [Account],
    rejected: &'a [Rejected],
}

impl<'a> Rows<'a> {
    fn len(&self) -> usize {
        self.accounts.len() + self.rejected.len()
    }

    fn account(&self, i: usize) -> Option<&'a Account> {
        self.accounts.get(i)
    }

    fn rejected(&self, i: usize) -> Option<&'a Rejected> {
        self.rejected.get(i.checked_sub(self.accounts.len())?)
    }

    fn line(&self, i: usize) -> LineNo {
        let rejected = || self.rejected(i).map_or(LineNo(0), |r| r.line);
        self.account(i).map_or_else(rejected, |a| a.line)
    }

    fn username(&self, i: usize) -> &'a str {
        let rejected = || self.rejected(i).map_or("", |r| &r.named.username);
        self.account(i).map_or_else(rejected, |a| &a.username)
    }

    fn match_value(&self, i: usize) -> &'a str {
        let rejected = || self.rejected(i).map_or("", |r| &r.match_value);
        self.account(i).map_or_else(rejected, |a| &a.match_value)
    }
}

impl Found {
    fn same_person<'a>(&mut self, rows: &Rows<'a>, sets: &[Vec<usize>], label: &str, value: impl Fn(usize) -> &'a str) {
        for set in sets {
            let mut set = set.clone();
            set.sort_by_key(|i| rows.line(*i));
            let [first, second, ..] = *set.as_slice() else { continue };
            let says_the_same = |i: usize| match (rows.account(first), rows.account(i)) {
                (Some(a), Some(b)) => is_same(a, b),
                _ => false,
            };
            let one_person = set.iter().skip(1).all(|i| says_the_same(*i));
            for &i in set.iter().skip(usize::from(one_person)) {
                let other = if i == first { second } else { first };
                let exact = value(i) == value(other);
                let kind = ProblemKind::Duplicate { other: rows.line(other), exact };
                self.push(rows, i, Problem::error(Some(label), kind));
            }
        }
    }

    fn push(&mut self, rows: &Rows<'_>, i: usize, problem: Problem) {
        match i.checked_sub(rows.accounts.len()) {
            Some(place) => self.rejected.push((place, problem)),
            None => self.accounts.push((i, problem)),
        }
    }

    fn unique(&mut self, accounts: &[Account], name: &AttributeName, label: &str) {
        let values: Vec<(usize, &str)> = accounts
            .iter()
            .enumerate()
            .flat_map(|(i, a)| a.attributes.get(name.as_str()).into_iter().flat_map(Values::text).map(move |v| (i, v)))
            .collect();
        let sets = sets(values.len(), |at| Some(folded(values[at].1)));
        let sets: Vec<Vec<usize>> =
            sets.into_iter().map(|set| set.into_iter().map(|at| values[at].0).collect()).collect();
        for (i, other) in shared(accounts, &sets) {
            self.accounts.push((i, Problem::error(Some(label), ProblemKind::Shared(other))));
        }
    }
}

/// Yields every member of every set with the line of another member; a row that counts twice is no other member.
fn shared(accounts: &[Account], sets: &[Vec<usize>]) -> Vec<(usize, LineNo)> {
    let mut all = Vec::new();
    for set in sets {
        let mut set = set.clone();
        set.sort_by_key(|i| accounts[*i].line);
        set.dedup();
        let [first, second, ..] = *set.as_slice() else { continue };
        all.extend(set.iter().map(|&i| (i, accounts[if i == first { second } else { first }].line)));
    }
    all
}

/// Returns the sets of two and more numbers below `n` with equal keys.
fn sets<K: Hash + Eq>(n: usize, key: impl Fn(usize) -> Option<K>) -> Vec<Vec<usize>> {
    let hasher = DefaultHashBuilder::default();
    let mut firsts: HashTable<u32> = HashTable::with_capacity(n);
    let mut sets: Vec<Vec<usize>> = Vec::new();
    let mut set_of: HashMap<usize, usize> = HashMap::new();
    for i in 0..n {
        let (Some(k), Ok(number)) = (key(i), u32::try_from(i)) else { continue };
        let hash = hasher.hash_one(&k);
        let has_key = |other: &u32| key(*other as usize).as_ref() == Some(&k);
        let Some(first) = firsts.find(hash, has_key).copied() else {
            // There is room for all, so the table never asks for a hash again.
            firsts.insert_unique(hash, number, |other| key(*other as usize).map_or(0, |k| hasher.hash_one(k)));
            continue;
        };
        let set = set_of.entry(first as usize).or_insert_with(|| {
            sets.push(vec![first as usize]);
            sets.len() - 1
        });
        sets[*set].push(i);
    }
    sets
}

/// Whether two rows ask for the same in every respect but their line.
fn is_same(a: &Account, b: &Account) -> bool {
    let Account {
        line: _,
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
    } = a;
    *username == b.username
        && *match_value == b.match_value
        && *locator == b.locator
        && *attributes == b.attributes
        && *deferred == b.deferred
        && *groups == b.groups
        && *roles == b.roles
        && password.as_ref().map(Secret::expose) == b.password.as_ref().map(Secret::expose)
        && *must_change == b.must_change
        && *choices == b.choices
        && *person == b.person
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::plan::Named;
    use super::super::tests::account;
    use super::*;

    fn found(accounts: &[Account]) -> Vec<String> {
        let scope = Scope { usernames: true, match_by: None, unique: &[], emails: true, labels: &Labels::default() };
        shown(&find(accounts, &[], &scope), accounts)
    }

    fn shown(found: &Found, accounts: &[Account]) -> Vec<String> {
        let mut all: Vec<String> =
            found.accounts.iter().map(|(i, p)| format!("{} {:?} {p}", accounts[*i].line, p.severity)).collect();
        all.sort();
        all
    }

    #[test]
    fn different_rows_for_one_person_are_all_errors() {
        let accounts = [account(2, "ada", "ada@a.org"), account(3, "bob", "b@a.org"), account(4, "ada", "ada@b.org")];
        assert_eq!(
            found(&accounts),
            ["2 Error username: the same as in line 4", "4 Error username: the same as in line 2"]
        );
    }

    #[test]
    fn of_rows_that_say_the_same_the_first_line_counts() {
        let accounts = [account(4, "ada", ""), account(2, "ada", ""), account(3, "ada", "")];
        assert_eq!(
            found(&accounts),
            ["3 Error username: the same as in line 2", "4 Error username: the same as in line 2"]
        );
    }

    #[test]
    fn names_that_some_directory_takes_for_equal_are_errors() {
        let accounts = [account(2, "jose", ""), account(3, "José", ""), account(4, "JOSE", "")];
        let near = "up to case, marks and look-alike spelling";
        assert_eq!(
            found(&accounts),
            [
                format!("2 Error username: the same as in line 3, {near}"),
                format!("3 Error username: the same as in line 2, {near}"),
                format!("4 Error username: the same as in line 2, {near}"),
            ]
        );
    }

    #[test]
    fn a_rejected_row_may_be_the_one_that_is_meant() {
        let accounts = [account(3, "ada", "ada@a.org")];
        let rejected = [Rejected {
            attributes: crate::roster::attribute::Attributes::default(),
            line: LineNo(2),
            named: Named { username: "Ada".into(), ..Named::default() },
            match_value: "".into(),
            problems: Vec::new(),
        }];
        let scope = Scope { usernames: true, match_by: None, unique: &[], emails: true, labels: &Labels::default() };
        let found = find(&accounts, &rejected, &scope);
        let kind = |other| ProblemKind::Duplicate { other: LineNo(other), exact: false };
        assert_eq!(found.accounts, [(0, Problem::error(Some("username"), kind(2)))]);
        assert_eq!(found.rejected, [(0, Problem::error(Some("username"), kind(3)))]);
    }

    #[test]
    fn match_values_are_one_persons_too() {
        let mut accounts = [account(2, "asmith", ""), account(3, "asmith", ""), account(4, "asmith", "")];
        for (account, value) in accounts.iter_mut().zip(["7", "8", "7"]) {
            account.match_value = value.into();
        }
        accounts[2].username = "other".into();
        let number = AttributeName::new("employeeNumber");
        let labels = Labels::default();
        let scope = Scope { usernames: false, match_by: Some(&number), unique: &[], emails: true, labels: &labels };
        assert_eq!(
            shown(&find(&accounts, &[], &scope), &accounts),
            ["2 Error employeeNumber: the same as in line 4", "4 Error employeeNumber: the same as in line 2"]
        );
    }

    #[test]
    fn a_shared_mail_address_is_a_warning_unless_it_must_be_unique() {
        let accounts = [account(2, "ada", "it@x.org"), account(3, "bob", "IT@x.org"), account(4, "eve", "eve@x.org")];
        assert_eq!(
            found(&accounts),
            ["2 Warning email: line 3 has the same value", "3 Warning email: line 2 has the same value"]
        );
        let unique = [AttributeName::new("mail")];
        let labels = Labels::default();
        let scope = Scope { usernames: true, match_by: None, unique: &unique, emails: true, labels: &labels };
        assert_eq!(
            shown(&find(&accounts, &[], &scope), &accounts),
            ["2 Error mail: line 3 has the same value", "3 Error mail: line 2 has the same value"]
        );
    }

    #[test]
    fn a_password_makes_rows_different() {
        let mut accounts = [account(2, "ada", ""), account(3, "ada", "")];
        accounts[1].password = Some("secret".into());
        assert_eq!(found(&accounts).len(), 2);
    }

    proptest! {
        #[test]
        fn row_order_does_not_matter(
            rows in proptest::collection::vec(("[aAbá]{1,2}", "(x@x.org|y@x.org|)"), 0..12),
            seed in any::<u64>(),
        ) {
            let accounts: Vec<Account> =
                rows.iter().zip(2..).map(|((name, mail), line)| account(line, name, mail)).collect();
            let mut mixed = accounts.clone();
            mixed.sort_by_key(|a| (u64::from(a.line.0) ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31));
            prop_assert_eq!(found(&accounts), found(&mixed));
        }

        #[test]
        fn sets_are_the_naive_sets(keys in proptest::collection::vec(proptest::option::of(0_u8..20), 0..200)) {
            let mut naive: Vec<Vec<usize>> = (0..20)
                .map(|k| (0..keys.len()).filter(|i| keys[*i] == Some(k)).collect())
                .filter(|set: &Vec<usize>| set.len() > 1)
                .collect();
            naive.sort();
            let mut fast = sets(keys.len(), |i| keys[i]);
            fast.sort();
            prop_assert_eq!(fast, naive);
        }
    }
}
