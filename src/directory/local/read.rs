//! Reading: on a connection of its own, so that it neither waits for writes nor holds them up, and sees one moment.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::stream;
use rusqlite::Connection;
use rusqlite::OpenFlags;
use rusqlite::OptionalExtension;
use rusqlite::Params;
use rusqlite::Row;
use rusqlite::Statement;
use rusqlite::params;
use tokio::sync::mpsc;

use super::fault;
use super::protected::Protected;
use super::schema::Identity;
use super::word;
use crate::directory::Lookup;
use crate::directory::Wanted;
use crate::directory::Which;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::ExistingGroup;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::account::MatchBy;
use crate::roster::account::Members;
use crate::roster::attribute::Schema;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;

/// Accounts that travel together from the reading thread; two pages may be under way.
const PAGE: usize = 500;

type Page = Result<Vec<ExistingAccount>, Fault>;

/// Opens the file to read it, if it is still the file that is being written.
pub(super) fn open(file: &Path, written: Identity) -> Result<Connection, Fault> {
    match Identity::of(file) {
        Ok(found) if found == written => {}
        _ => {
            let reason = "the file of the local directory was moved or replaced while in use: restart rosterd";
            return Err(Fault::new(Next::StopRun, reason));
        }
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(file, flags)
        .and_then(|connection| connection.busy_timeout(Duration::from_secs(10)).map(|()| connection))
        .map_err(|e| fault::of(&e))
}

/// Streams what `lookup` asks for, as it is at the moment of the first page.
pub(super) fn existing(
    open: impl FnOnce() -> Result<Connection, Fault> + Send + 'static,
    protected: Arc<Protected>,
    lookup: Lookup,
) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send + 'static {
    let (pages, inbox) = mpsc::channel::<Page>(1);
    let last_word = pages.clone();
    let thread = std::thread::Builder::new().name("local-read".to_owned()).spawn(move || {
        let outcome = open().and_then(|connection| read(&connection, &protected, &pages, &lookup));
        // An empty page says that everything was sent; without it the reader has come to grief.
        let _ = pages.blocking_send(outcome.map(|()| Vec::new()));
    });
    if thread.is_err() {
        let _ = last_word.try_send(Err(Fault::new(Next::Retry, "the local directory cannot start to read")));
    }
    drop(last_word);
    stream::unfold(Some(inbox), |inbox| async move {
        let mut inbox = inbox?;
        match inbox.recv().await {
            Some(Ok(page)) if page.is_empty() => None,
            Some(Ok(page)) => Some((stream::iter(page.into_iter().map(Ok).collect::<Vec<_>>()), Some(inbox))),
            Some(Err(fault)) => Some((stream::iter(vec![Err(fault)]), None)),
            None => {
                let fault = Fault::new(Next::Retry, "the local directory stopped in the middle of reading");
                Some((stream::iter(vec![Err(fault)]), None))
            }
        }
    })
    .flatten()
}

fn read(
    connection: &Connection,
    protected: &Protected,
    pages: &mpsc::Sender<Page>,
    lookup: &Lookup,
) -> Result<(), Fault> {
    let Lookup { which, attributes } = lookup;
    // A transaction that only reads sees one moment for as long as it lives.
    let snapshot = connection.unchecked_transaction().map_err(|e| fault::of(&e))?;
    let names: Vec<String> = attributes.names().map(|name| name.as_str().to_ascii_lowercase()).collect();
    let names = serde_json::Value::from(names).to_string();
    Reader { snapshot: &snapshot, attributes, names, protected, pages, page: Vec::new() }.read(which)
}

struct Reader<'r> {
    snapshot: &'r Connection,
    attributes: &'r Schema,
    /// Their names in lower case, as a JSON array.
    names: String,
    protected: &'r Protected,
    pages: &'r mpsc::Sender<Page>,
    page: Vec<ExistingAccount>,
}

impl<'r> Reader<'r> {
    fn read(&mut self, which: &Which) -> Result<(), Fault> {
        let mut seen = HashSet::new();
        match which {
            Which::All => self.take(&mut self.select("ORDER BY number")?, [], |_| true)?,
            Which::Matching { by: MatchBy::Username, values } => {
                let mut select = self.select("WHERE a.match_key = ?1")?;
                for value in values {
                    self.take(&mut select, [MatchKey::new(value).as_str()], |number| seen.insert(number))?;
                }
            }
            Which::Matching { by: MatchBy::Attribute(name), values } => {
                let mut select = self.select(
                    "JOIN attribute_values v ON v.account = number
                     WHERE v.attribute = ?1 AND v.match_key = ?2 ORDER BY number",
                )?;
                let name = name.as_str().to_ascii_lowercase();
                for value in values {
                    let key = MatchKey::new(value);
                    self.take(&mut select, [name.as_str(), key.as_str()], |number| seen.insert(number))?;
                }
            }
            Which::Ids(ids) => {
                let mut select = self.select("WHERE a.entry = ?1")?;
                for id in ids {
                    self.take(&mut select, [&*id.stable], |number| seen.insert(number))?;
                }
            }
            Which::Located(places) => {
                let mut select = self.select("WHERE a.entry = ?1")?;
                for place in places {
                    self.take(&mut select, [place.trim().to_ascii_lowercase()], |number| seen.insert(number))?;
                }
            }
        }
        self.flush()
    }

    fn select(&self, condition: &str) -> Result<Statement<'r>, Fault> {
        let sql = format!("SELECT number, entry, username, disabled, must_change FROM accounts a {condition}");
        self.snapshot.prepare(&sql).map_err(|e| fault::of(&e))
    }

    fn take(
        &mut self,
        select: &mut Statement<'_>,
        parameters: impl Params,
        mut is_new: impl FnMut(i64) -> bool,
    ) -> Result<(), Fault> {
        let mut rows = select.query(parameters).map_err(|e| fault::of(&e))?;
        while let Some(row) = rows.next().map_err(|e| fault::of(&e))? {
            let number: i64 = row.get("number").map_err(|e| fault::of(&e))?;
            if is_new(number) {
                let account = self.account(row, number).map_err(|e| fault::of(&e))?;
                self.page.push(account);
                if self.page.len() == PAGE {
                    self.flush()?;
                }
            }
        }
        Ok(())
    }

    fn account(&self, row: &Row<'_>, number: i64) -> rusqlite::Result<ExistingAccount> {
        let mut select = self.snapshot.prepare_cached(
            "SELECT attribute, octets FROM attribute_values
             WHERE account = ?1 AND attribute IN (SELECT value FROM json_each(?2)) ORDER BY attribute, place",
        )?;
        let values: Vec<(String, Vec<u8>)> = select
            .query_map(params![number, self.names], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let pairs = values.iter().map(|(name, value)| (name.as_str(), [value.as_slice()]));
        let username: Box<str> = row.get("username")?;
        let entry: Box<str> = row.get("entry")?;
        Ok(ExistingAccount {
            archived: false,
            id: EntryId { locator: entry.clone(), stable: entry },
            protected: self.protected.why(&username),
            username,
            attributes: self.attributes.pack(pairs),
            enabled: !row.get::<_, bool>("disabled")?,
            must_change: Some(row.get("must_change")?),
        })
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let page = std::mem::take(&mut self.page);
        if page.is_empty() {
            return Ok(());
        }
        // Nobody listens any more: the fault only ends the reading.
        self.pages.blocking_send(Ok(page)).map_err(|_| Fault::new(Next::Retry, "reading was given up"))
    }
}

/// Reads the groups of one kind with all their members.
pub(super) fn groups(
    connection: &Connection,
    kind: GroupKind,
    wanted: &Wanted,
) -> rusqlite::Result<Vec<ExistingGroup>> {
    let snapshot = connection.unchecked_transaction()?;
    let numbered = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    let found: Vec<(i64, String)> = match wanted {
        Wanted::All => snapshot
            .prepare("SELECT number, name FROM member_groups WHERE kind = ?1 ORDER BY match_key")?
            .query_map([word(kind)], numbered)?
            .collect::<Result<_, _>>()?,
        Wanted::Named(names) => {
            let mut select =
                snapshot.prepare("SELECT number, name FROM member_groups WHERE kind = ?1 AND match_key = ?2")?;
            let keys: std::collections::BTreeSet<MatchKey> = names.iter().map(GroupName::key).collect();
            let mut found = Vec::new();
            for key in keys {
                found.extend(select.query_row(params![word(kind), key.as_str()], numbered).optional()?);
            }
            found
        }
    };
    let mut select = snapshot.prepare(
        "SELECT a.entry FROM memberships m JOIN accounts a ON a.number = m.account WHERE m.member_group = ?1",
    )?;
    found
        .into_iter()
        .map(|(number, name)| {
            let members: rusqlite::Result<HashSet<MatchKey>> = select
                .query_map([number], |row| row.get::<_, String>(0))?
                .map(|entry| entry.map(|entry| MatchKey::new(&entry)))
                .collect();
            Ok(ExistingGroup {
                kind,
                name: GroupName::new(&name),
                members: Members::ByEntry(members?),
                protected: None,
            })
        })
        .collect()
}
