//! What `rosterd local` shows: people, groups, and whether a login would succeed.

use std::collections::HashMap;

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;

use super::Local;
use super::fault;
use super::rules;
use super::word;
use super::write::rejected;
use crate::directory::Login;
use crate::directory::name_rules::fits;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::fault::Fault;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Done;
use crate::roster::secret::Secret;
use crate::sqlite::DatabaseError;

/// One account, for people. Never holds a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalUser {
    /// The login name.
    pub username: String,
    /// `givenName`, maybe empty.
    pub first_name: String,
    /// `sn`, maybe empty.
    pub surname: String,
    /// `mail`, the first one, maybe empty.
    pub mail: String,
    /// Not disabled.
    pub enabled: bool,
    /// Has a password at all; without one nobody can log in.
    pub has_password: bool,
    /// The password must be changed at the next login.
    pub must_change: bool,
    /// When it was created (RFC 3339, UTC).
    pub created: String,
    /// When it was last changed (RFC 3339, UTC).
    pub changed: String,
    /// The groups it is in, by name.
    pub groups: Vec<GroupName>,
    /// The roles it has, by name.
    pub roles: Vec<GroupName>,
    /// The channels it is subscribed to, by name.
    pub channels: Vec<GroupName>,
}

/// One group, role or channel, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalGroup {
    /// Group, role or channel.
    pub kind: GroupKind,
    /// Its name.
    pub name: GroupName,
    /// How many members it has.
    pub n_members: usize,
}

/// What a login would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// The password is right.
    Good,
    /// The password is right and must be changed now.
    MustChange,
    /// The password is wrong, or the account has none.
    Wrong,
    /// The password is right, but the account is disabled.
    Disabled,
    /// There is no such account.
    Unknown,
}

impl From<Verified> for Login {
    fn from(verified: Verified) -> Self {
        match verified {
            Verified::Good => Self::Welcome,
            Verified::MustChange => Self::MustChange,
            Verified::Wrong => Self::Refused("the password is not accepted".to_owned()),
            Verified::Disabled => Self::Refused("the account is switched off".to_owned()),
            Verified::Unknown => Self::Refused("there is no such account".to_owned()),
        }
    }
}

impl Local {
    /// Returns the accounts whose username fits `pattern` (with `*` and `?`), by username.
    pub async fn users(&self, pattern: &str) -> Result<Vec<LocalUser>, Fault> {
        let pattern = MatchKey::new(pattern);
        self.read(move |connection| users(connection, pattern.as_str())).await
    }

    /// Returns all groups, roles and channels, by kind and name.
    pub async fn all_groups(&self) -> Result<Vec<LocalGroup>, Fault> {
        self.read(all_groups).await
    }

    /// Creates an empty group, role or channel. `AlreadySo` says that one of this name was there.
    pub async fn add_group(&self, kind: GroupKind, name: &GroupName) -> Result<Done, Fault> {
        if let Some(problem) = rules::name_problem(name.as_str()) {
            return Err(rejected(&problem));
        }
        let (name, key, now) = (name.clone(), name.key(), (self.now)().to_string());
        let added: Result<usize, DatabaseError> = self
            .database
            .call(move |connection| {
                let row = [word(kind), name.as_str(), key.as_str(), &now];
                Ok(connection.execute(
                    "INSERT INTO member_groups (kind, name, match_key, created) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (kind, match_key) DO NOTHING",
                    row,
                )?)
            })
            .await;
        match added {
            Ok(0) => Ok(Done::AlreadySo),
            Ok(_) => Ok(Done::Changed),
            Err(error) => Err(fault::of_database(&error)),
        }
    }

    /// Tries a login, as an application would that asks this directory.
    ///
    /// The answer takes about as long whether or not there is such an account, and whether or not it has a password.
    /// Only who knows the password learns whether an account is disabled.
    pub async fn verify(&self, username: &str, password: &Secret) -> Result<Verified, Fault> {
        let key = MatchKey::new(username);
        let found = self.read(move |connection| login(connection, key.as_str())).await?;
        let known = found.is_some();
        let Kept { hash, must_change, disabled } = found.unwrap_or_default();
        let right = self.hasher.verify(password.clone(), hash).await?;
        Ok(match (known, right) {
            (false, _) => Verified::Unknown,
            (true, false) => Verified::Wrong,
            (true, true) if disabled => Verified::Disabled,
            (true, true) if must_change => Verified::MustChange,
            (true, true) => Verified::Good,
        })
    }
}

#[derive(Default)]
struct Kept {
    hash: Option<String>,
    must_change: bool,
    disabled: bool,
}

fn login(connection: &Connection, match_key: &str) -> rusqlite::Result<Option<Kept>> {
    connection
        .query_row("SELECT password, must_change, disabled FROM accounts WHERE match_key = ?1", [match_key], |row| {
            Ok(Kept { hash: row.get(0)?, must_change: row.get(1)?, disabled: row.get(2)? })
        })
        .optional()
}

fn users(connection: &Connection, pattern: &str) -> rusqlite::Result<Vec<LocalUser>> {
    let snapshot = connection.unchecked_transaction()?;
    let mut numbers = HashMap::new();
    let mut users = Vec::new();
    let mut select = snapshot.prepare(
        "SELECT number, match_key, username, disabled, password IS NOT NULL AS has_password, must_change, created,
             changed
         FROM accounts ORDER BY match_key",
    )?;
    let mut first = snapshot.prepare(
        "SELECT octets FROM attribute_values
         WHERE account = ?1 AND attribute = ?2 AND match_key IS NOT NULL ORDER BY place LIMIT 1",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        if !fits(pattern, row.get_ref("match_key")?.as_str()?) {
            continue;
        }
        let number: i64 = row.get("number")?;
        let mut text = |name: &str| -> rusqlite::Result<String> {
            let octets: Option<Vec<u8>> =
                first.query_row(rusqlite::params![number, name], |row| row.get(0)).optional()?;
            Ok(octets.and_then(|octets| String::from_utf8(octets).ok()).unwrap_or_default())
        };
        numbers.insert(number, users.len());
        users.push(LocalUser {
            username: row.get("username")?,
            first_name: text("givenname")?,
            surname: text("sn")?,
            mail: text("mail")?,
            enabled: !row.get::<_, bool>("disabled")?,
            has_password: row.get("has_password")?,
            must_change: row.get("must_change")?,
            created: row.get("created")?,
            changed: row.get("changed")?,
            groups: Vec::new(),
            roles: Vec::new(),
            channels: Vec::new(),
        });
    }
    let mut select = snapshot.prepare(
        "SELECT m.account, g.kind, g.name FROM memberships m JOIN member_groups g ON g.number = m.member_group
         ORDER BY g.match_key",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let Some(index) = numbers.get(&row.get(0)?) else { continue };
        let user: &mut LocalUser = &mut users[*index];
        let list = match kind(row, 1)? {
            GroupKind::Group => &mut user.groups,
            GroupKind::Role => &mut user.roles,
            GroupKind::Channel => &mut user.channels,
        };
        list.push(GroupName::new(row.get_ref(2)?.as_str()?));
    }
    Ok(users)
}

fn all_groups(connection: &Connection) -> rusqlite::Result<Vec<LocalGroup>> {
    let mut groups: Vec<LocalGroup> = connection
        .prepare(
            "SELECT kind, name, (SELECT count(*) FROM memberships WHERE member_group = number)
             FROM member_groups ORDER BY match_key",
        )?
        .query_map([], |row| {
            let n_members: i64 = row.get(2)?;
            Ok(LocalGroup {
                kind: kind(row, 0)?,
                name: GroupName::new(row.get_ref(1)?.as_str()?),
                n_members: usize::try_from(n_members).unwrap_or_default(),
            })
        })?
        .collect::<Result<_, _>>()?;
    groups.sort_by_key(|group| group.kind);
    Ok(groups)
}

fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<GroupKind> {
    let text = row.get_ref(column)?.as_str()?;
    [GroupKind::Group, GroupKind::Role, GroupKind::Channel]
        .into_iter()
        .find(|kind| word(*kind) == text)
        .ok_or_else(|| rusqlite::Error::InvalidColumnName(format!("kind {text}")))
}
