//! From the spool copy to mapped and checked rows.

use std::fs::File;
use std::io::Read;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use futures_util::FutureExt;
use sha2::Digest;
use sha2::Sha256;

use super::feed::Feed;
use super::pages::Pages;
use super::planning::PlanningError;
use crate::roster::account::Account;
use crate::roster::account::LineNo;
use crate::roster::account::MatchBy;
use crate::roster::checks::duplicates;
use crate::roster::collision::Candidates;
use crate::roster::mapping::Collision;
use crate::roster::mapping::Mapped;
use crate::roster::mapping::Mapper;
use crate::roster::mapping::Mapping;
use crate::roster::problem::Problem;
use crate::roster::read::Form;
use crate::roster::read::Row;
use crate::roster::read::Sheet;
use crate::roster::rows::Rows;

/// How many rows are mapped before the directory has its turn: a tenth of a millisecond's work.
const TURN: usize = 32;

/// A roster that was read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Its rows.
    pub rows: Rows,
    /// What it was found to be.
    pub form: Form,
    /// What made its accounts.
    pub mapper: Mapper,
    /// Names that are counted up, if the feed counts.
    pub candidates: Option<Candidates>,
}

/// Reads, maps and checks a whole roster. Rows come from a thread that may wait for the disk; they are mapped here, a few
/// at a time, so that the directory can be read meanwhile.
pub(super) async fn read(spool: PathBuf, feed: &Feed) -> Result<Reading, PlanningError> {
    let mapping = feed.mapping.clone();
    let mut pages = Pages::of(spool, feed.dialect.clone()).await?;
    let mapped = AssertUnwindSafe(map(&mut pages, &mapping)).catch_unwind().await;
    let (mut rows, mapper) = mapped.map_err(|_| PlanningError::Panic)??;
    let form = pages.form;
    let compared = tokio::task::spawn_blocking(move || {
        compare(&mut rows, &mapper, &mapping);
        let counts = mapping.settings().collision == Collision::Counter;
        let candidates = counts.then(|| {
            let mut candidates = Candidates::new(mapping.settings().checks.username.max);
            rows.accounts.iter().for_each(|account| candidates.add(&account.username));
            candidates
        });
        Reading { rows, form, mapper, candidates }
    });
    compared.await.map_err(|_| PlanningError::Panic)
}

async fn map(pages: &mut Pages, mapping: &Mapping) -> Result<(Rows, Mapper), PlanningError> {
    let (mapper, notices) = Mapper::new(mapping, &pages.header)?;
    let mut rows = Rows { notices, ..Rows::default() };
    let settings = mapping.settings();
    let may_rename = settings.collision == Collision::Counter || settings.match_by != MatchBy::Username;
    while let Some(mut page) = pages.next().await? {
        for turn in page.chunks_mut(TURN) {
            for row in turn {
                let Some(line) = row.line else { continue };
                match mapper.account(line, &row.fields, std::mem::take(&mut row.problems)) {
                    Mapped::Account { account, warnings, late } => {
                        let index = u32::try_from(rows.accounts.len()).map_err(std::io::Error::other)?;
                        rows.warnings.extend(warnings.into_iter().map(|warning| (index, warning)));
                        rows.accounts.push(account);
                        if may_rename {
                            rows.late.push(late);
                        }
                    }
                    Mapped::Rejected(rejected) => rows.rejected.push(rejected),
                }
            }
            tokio::task::yield_now().await;
        }
        pages.used(page);
    }
    Ok((rows, mapper))
}

/// Reads one row once more, as that of somebody who is called `username`. `Err` in the middle: what is wrong with it then.
pub async fn read_as(
    spool: PathBuf,
    feed: &Feed,
    line: LineNo,
    username: &str,
) -> Result<Result<Account, Vec<Problem>>, PlanningError> {
    let (dialect, mapping, username) = (feed.dialect.clone(), feed.mapping.clone(), username.to_owned());
    let read = tokio::task::spawn_blocking(move || {
        let mut sheet = Sheet::open(File::open(spool)?, &dialect)?;
        let (mapper, _) = Mapper::new(&mapping, sheet.header())?;
        let mut row = Row::default();
        while sheet.read_row(&mut row)? {
            if row.line != Some(line) {
                continue;
            }
            return Ok(match mapper.account_called(&username, line, &row.fields) {
                Mapped::Account { mut account, .. } => {
                    mapper.complete_new(&mut account);
                    Ok(account)
                }
                Mapped::Rejected(rejected) => Err(rejected.problems),
            });
        }
        Ok(Err(Vec::new()))
    });
    read.await.map_err(|_| PlanningError::Panic)?
}

/// Returns whether rosterd's copy of a roster is still what it was when it was made (SHA-256 in hexadecimal).
pub(super) async fn is_whole(spool: PathBuf, fingerprint: &str) -> bool {
    let digest = tokio::task::spawn_blocking(move || -> std::io::Result<String> {
        let mut digest = Sha256::new();
        let mut copy = File::open(spool)?;
        let mut piece = vec![0; 1 << 18];
        loop {
            match copy.read(&mut piece)? {
                0 => break,
                n => digest.update(&piece[..n]),
            }
        }
        Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    });
    matches!(digest.await, Ok(Ok(found)) if found == fingerprint)
}

/// Finds rows that are one person.
fn compare(rows: &mut Rows, mapper: &Mapper, mapping: &Mapping) {
    let settings = mapping.settings();
    let unique: Vec<_> = settings.checks.unique.iter().filter(|name| !mapper.is_late(name)).cloned().collect();
    let scope = duplicates::Scope {
        usernames: settings.collision != Collision::Counter,
        match_by: match &settings.match_by {
            MatchBy::Username => None,
            MatchBy::Attribute(name) => Some(name),
        },
        unique: &unique,
        emails: !mapper.makes_addresses(),
        labels: mapper.labels(),
    };
    let found = duplicates::find(&rows.accounts, &rows.rejected, &scope);
    for (index, problem) in found.rejected {
        rows.rejected[index].problems.push(problem);
    }
    let of_accounts: Vec<(u32, Problem)> =
        found.accounts.into_iter().filter_map(|(index, problem)| Some((u32::try_from(index).ok()?, problem))).collect();
    rows.reject(of_accounts);
}
