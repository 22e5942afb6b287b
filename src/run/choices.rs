//! The choices of the manual's check boxes, as an operator has set them in `*.preview.csv` before approving the plan.
//!
//! Rows are known by their line. Nothing but the five columns of choices is looked at; but a file in which a row is
//! missing, strange or there twice is not the preview any more, and is refused as a whole.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use super::feed::Feed;
use super::planning::PlanningError;
use super::reading;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::report::cell::rearm;
use crate::report::names::ReportNames;
use crate::roster::account::Account;
use crate::roster::account::Choices;
use crate::roster::account::LineNo;
use crate::roster::columns::Known;
use crate::roster::columns::normalized;
use crate::roster::mapping::flag;
use crate::roster::problem::Damage;
use crate::roster::read::Dialect;
use crate::roster::read::Row;
use crate::roster::read::Sheet;
use crate::state::run::Run;

/// A larger preview is no preview.
const LARGEST: u64 = 8 << 30;

/// The columns of choices, in the order of their bits.
const COLUMNS: [Known; 5] = [Known::Add, Known::Update, Known::SyncGroups, Known::SyncRoles, Known::Subscribe];

/// The five choices of a row as bits: 1 add, 2 update, 4 sync groups, 8 sync roles, 16 subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChoiceBits(pub u8);

impl ChoiceBits {
    /// Packs the choices of a row.
    pub fn of(choices: Choices) -> Self {
        let Choices { add, update, sync_groups, sync_roles, subscribe, action: _ } = choices;
        Self::from_flags([add, update, sync_groups, sync_roles, subscribe])
    }

    /// Returns `choices` with these five. What the row asks for stays.
    pub fn put(self, choices: Choices) -> Choices {
        let is_set = |place: usize| self.0 & (1 << place) != 0;
        Choices {
            add: is_set(0),
            update: is_set(1),
            sync_groups: is_set(2),
            sync_roles: is_set(3),
            subscribe: is_set(4),
            action: choices.action,
        }
    }

    fn from_flags(flags: [bool; 5]) -> Self {
        Self((0u8..).zip(flags).map(|(place, flag)| u8::from(flag) << place).sum())
    }
}

/// Sets the choices of rows.
pub fn apply(choices: &[(LineNo, ChoiceBits)], accounts: &mut [Account]) {
    if choices.is_empty() {
        return;
    }
    let by_line: HashMap<LineNo, ChoiceBits> = choices.iter().copied().collect();
    for account in accounts {
        if let Some(bits) = by_line.get(&account.line) {
            account.choices = bits.put(account.choices);
        }
    }
}

/// Why the preview beside a roster says nothing about choices.
#[derive(Debug, thiserror::Error)]
pub enum ChoicesFault {
    /// The file cannot be read.
    #[error("cannot read `{}`", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is no table any more.
    #[error("`{}`: {source}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Damage,
    },
    /// It is a table, but not this preview.
    #[error("`{}`{}: {why}", .path.display(), .line.map(|line| format!(", line {line}")).unwrap_or_default())]
    NotThePreview {
        /// The file.
        path: PathBuf,
        /// The line of the preview.
        line: Option<LineNo>,
        /// One clause.
        why: String,
    },
    /// rosterd's own copy of the roster cannot be read.
    #[error("the copy of the roster cannot be read")]
    Roster(#[source] PlanningError),
}

impl ChoicesFault {
    /// Returns the failure as a person sees it.
    pub fn failure(&self) -> Failure {
        let exit = if matches!(self, Self::Roster(_)) { Exit::TryAgain } else { Exit::Refused };
        let failure = Failure::new(exit, "nothing is approved: the choices in the preview cannot be read");
        let failure = failure.caused_by(self);
        match self {
            Self::Roster(_) => failure.hint("look at the disk that holds `data_dir`"),
            _ => failure.hint(
                "only the columns add, update, sync groups, sync roles and subscribe may be edited, with yes or no; \
                 remove the file to approve the plan as it was shown",
            ),
        }
    }
}

/// Returns the choices in the preview beside the roster that differ from those the plan was shown with. Without a
/// preview there are none.
pub async fn edited(run: &Run, feed: &Feed) -> Result<Vec<(LineNo, ChoiceBits)>, ChoicesFault> {
    let path = ReportNames::beside(Path::new(&run.path)).preview_csv;
    let Some(file) = open(&path)? else { return Ok(Vec::new()) };
    let reading = reading::read(run.spool.clone().into(), feed).await.map_err(ChoicesFault::Roster)?;
    let given = |account: &Account| (account.line, Some(ChoiceBits::of(account.choices)));
    let rejected = reading.rows.rejected.iter().map(|rejected| (rejected.line, None));
    let shown: HashMap<LineNo, Option<ChoiceBits>> = reading.rows.accounts.iter().map(given).chain(rejected).collect();
    let read = move || compare(&path, file, shown);
    let compared = tokio::task::spawn_blocking(read).await;
    compared.map_err(|_| ChoicesFault::Roster(PlanningError::Panic))?
}

fn open(path: &Path) -> Result<Option<File>, ChoicesFault> {
    let unreadable = |error| ChoicesFault::Unreadable(path.to_owned(), error);
    // Whoever may write into the folder must not choose what is read here.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other).map_err(unreadable)?;
    let file = match File::options().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let found = file.metadata().map_err(unreadable)?;
    if !found.is_file() || found.len() > LARGEST {
        return Err(unreadable(io::Error::other("it is no file that rosterd has written")));
    }
    Ok(Some(file))
}

/// Compares the preview with the choices that rows were `shown` with; `None` for rows that did not become accounts.
fn compare(
    path: &Path,
    file: File,
    mut shown: HashMap<LineNo, Option<ChoiceBits>>,
) -> Result<Vec<(LineNo, ChoiceBits)>, ChoicesFault> {
    let damaged = |source| ChoicesFault::Damaged { path: path.to_owned(), source };
    let other = |line, why: String| ChoicesFault::NotThePreview { path: path.to_owned(), line, why };
    let mut sheet = Sheet::open(file, &Dialect::default()).map_err(damaged)?;
    let names: Vec<String> = sheet.header().iter().map(|name| normalized(name)).collect();
    let column = |name: &str| names.iter().position(|n| *n == normalized(name));
    let missing = |name: &str| other(None, format!("the column `{name}` is missing"));
    let line_column = column("line").ok_or_else(|| missing("line"))?;
    let mut columns = [0; 5];
    for (place, known) in columns.iter_mut().zip(COLUMNS) {
        *place = column(known.word()).ok_or_else(|| missing(known.word()))?;
    }
    let mut edited = Vec::new();
    let mut row = Row::default();
    while sheet.read_row(&mut row).map_err(damaged)? {
        let at = row.line;
        if row.fields.len() != names.len() {
            return Err(other(at, format!("{} cells where {} were written", row.fields.len(), names.len())));
        }
        let line = row.fields[line_column].trim();
        if line.is_empty() {
            continue; // An Old account has no choices.
        }
        let line = line.parse().map(LineNo).map_err(|_| other(at, format!("`{line}` is no line of the roster")))?;
        let before = shown
            .remove(&line)
            .ok_or_else(|| other(at, format!("the roster has no row in line {line}, or the preview has it twice")))?;
        let Some(before) = before else { continue };
        let mut flags = [false; 5];
        for ((flag_, place), known) in flags.iter_mut().zip(columns).zip(COLUMNS) {
            let cell = rearm(row.fields[place].trim());
            *flag_ =
                flag(&cell).ok_or_else(|| other(at, format!("{}: `{}` is neither yes nor no", known.word(), cell)))?;
        }
        let chosen = ChoiceBits::from_flags(flags);
        if chosen != before {
            edited.push((line, chosen));
        }
    }
    match shown.keys().min() {
        None => Ok(edited),
        Some(first) => Err(other(
            None,
            format!(
                "the row of line {first} is missing, {} in all; to leave a person out, say no to add and update",
                shown.len()
            ),
        )),
    }
}
