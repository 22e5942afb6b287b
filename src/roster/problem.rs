//! What is wrong with a row, a column or a whole roster, and where.

use std::fmt;
use std::sync::Arc;

use super::account::LineNo;
use super::enclosed::FileFault;

/// Something wrong with, or worth telling about, one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The column as the roster spells it; `None` when the row as a whole is concerned.
    pub column: Option<Arc<str>>,
    /// What is wrong. Never holds a password.
    pub kind: ProblemKind,
    /// Whether the row can still be applied.
    pub severity: Severity,
}

impl Problem {
    /// Returns an error: the row is not applied.
    pub fn error(column: Option<&str>, kind: ProblemKind) -> Self {
        Self { column: column.map(Arc::from), kind, severity: Severity::Error }
    }

    /// Returns a warning: the row is applied, and the report tells.
    pub fn warning(column: Option<&str>, kind: ProblemKind) -> Self {
        Self { column: column.map(Arc::from), kind, severity: Severity::Warning }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{column}: {}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

/// Whether a row with the problem is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The row is applied; the report mentions it.
    Warning,
    /// The row is an Error and is not applied.
    Error,
}

/// What is wrong, one variant per cause. The text is a fragment that follows the column's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    #[error("required, but empty")]
    /// A required value is empty.
    Missing,
    #[error("first name or surname is required, but both are empty")]
    /// Neither first name nor surname.
    MissingName,
    #[error("required to create the account, since passwords are not generated")]
    /// No password, and none is generated.
    MissingPassword,
    #[error("`{0}` is not an e-mail address")]
    /// Not an address (RFC 5321 section 4.1.2 as mail systems accept it).
    NotAnAddress(String),
    #[error("`{value}` has the character {character}, which {allowed}")]
    /// A character that is not allowed here.
    Character {
        /// The value.
        value: String,
        /// The character, made visible.
        character: String,
        /// What is allowed, as a clause: "is not allowed in a username".
        allowed: &'static str,
    },
    #[error("{length} characters, at most {limit} are allowed")]
    /// Too long.
    TooLong {
        /// Characters found.
        length: usize,
        /// Characters allowed.
        limit: usize,
    },
    #[error("has a control character ({0})")]
    /// A control character, as U+0007.
    Control(String),
    #[error("`{0}` is neither yes nor no (use 1, 0, yes, no, true or false)")]
    /// Not a flag.
    NotAFlag(String),
    #[error("`{0}` is not an action (use add, update, disable or delete)")]
    /// Not an action.
    NotAnAction(String),
    #[error("the feed does not allow the action `{0}` in a row")]
    /// An action that the feed does not allow.
    ActionNotAllowed(&'static str),
    #[error("the same as in line {other}{}", near(*.exact))]
    /// Two rows are one person, or cannot be told apart by every directory.
    Duplicate {
        /// The other row.
        other: LineNo,
        /// Whether the spelling is the same.
        exact: bool,
    },
    #[error("line {0} has the same value")]
    /// Two rows share a value that is usually one person's.
    Shared(LineNo),
    #[error("`{0}` already belongs to another account")]
    /// A value that must be unique is taken by another entry.
    Taken(String),
    #[error("too like the existing account `{0}` to be told apart by every directory")]
    /// Differs from an existing account only by case, marks or look-alike spelling.
    TooLike(String),
    #[error("more than one account in the directory has this value: {0}")]
    /// The match key finds several entries.
    Ambiguous(String),
    #[error("no {kind} named `{name}` in the directory")]
    /// Unknown group, role or channel.
    Unknown {
        /// `group` or `role`.
        kind: &'static str,
        /// As the roster spells it.
        name: String,
    },
    #[error("no licence seat left ({seats} seats)")]
    /// Licence seats are used up.
    NoSeat {
        /// Seats in all.
        seats: usize,
    },
    #[error("the account is protected: {0}")]
    /// Never written, whatever the file says.
    Protected(String),
    #[error("no account to {0}: the person is not in the directory")]
    /// An action on an account that is not there.
    NoAccount(&'static str),
    #[error("looks like text in another encoding read wrongly: `{0}`")]
    /// Mojibake, such as `MÃ¼ller`.
    Mojibake(String),
    #[error("bytes that are not valid {0}")]
    /// Undecodable bytes.
    Undecodable(&'static str),
    #[error("{found} fields, the header has {expected}")]
    /// Too few or too many fields.
    FieldCount {
        /// Fields in the row.
        found: usize,
        /// Columns in the header.
        expected: usize,
    },
    #[error("text after a closing quote")]
    /// `"a"b`.
    TextAfterQuote,
    #[error("a quote in a value that does not begin with one: a quote is missing, or a blank stands before it")]
    /// `a"`, or `a, "b"`.
    StrayQuote,
    #[error("the template gives nothing for this person")]
    /// A template rendered empty.
    EmptyTemplate,
    #[error("the template cannot be filled: {0}")]
    /// A template failed.
    Template(String),
    #[error("`{value}` is not a {wanted}")]
    /// A value that the directory would refuse.
    Syntax {
        /// The value.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    #[error("nobody has the {key} `{value}`, neither in the roster nor in the directory")]
    /// A reference to nobody.
    Dangling {
        /// By what the person is named.
        key: String,
        /// As the roster spells it.
        value: String,
    },
    #[error("more than one person has the {key} `{value}`: {who}")]
    /// A reference to nobody in particular.
    SeveralPeople {
        /// By what the person is named.
        key: String,
        /// As the roster spells it.
        value: String,
        /// Who they are.
        who: String,
    },
    #[error("`{who}` (line {line}) is not created by this run, so this is left as it is; the next run writes it")]
    /// A reference to somebody who is not there yet.
    NotMade {
        /// Who.
        who: String,
        /// Their row.
        line: LineNo,
    },
    #[error("`{name}` is not used: {fault}")]
    /// A file that a cell names cannot be used.
    File {
        /// As the roster spells it.
        name: String,
        /// Why.
        fault: FileFault,
    },
    #[error("`{0}` is not the name of a file beside the roster, or in a folder there (`photos/ada.jpg`)")]
    /// A name that would lead elsewhere.
    FileName(String),
    #[error("the person themself")]
    /// A reference to oneself.
    SelfReference,
    #[error("goes round in a circle: {0}")]
    /// References that come back to where they begin.
    Circle(String),
    #[error("{0}")]
    /// Something only the directory knows about.
    Other(String),
}

impl ProblemKind {
    /// Returns whether it says that a reference leads to nobody who could be referred to.
    pub fn is_about_nobody(&self) -> bool {
        matches!(self, Self::Dangling { .. } | Self::SeveralPeople { .. } | Self::NotMade { .. })
    }
}

fn near(exact: bool) -> &'static str {
    if exact { "" } else { ", up to case, marks and look-alike spelling" }
}

/// Damage to a roster's shape: the whole file is refused and nothing is changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{kind}", place(*.line))]
pub struct Damage {
    /// The physical line, when one is to blame.
    pub line: Option<LineNo>,
    /// What is wrong.
    pub kind: DamageKind,
}

fn place(line: Option<LineNo>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

/// What is wrong with a roster's shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DamageKind {
    #[error("the file is empty")]
    /// No bytes, or only blanks.
    Empty,
    #[error("the file has a header and no rows")]
    /// Header only.
    HeaderOnly,
    #[error("NUL byte: the file is damaged, or is no text")]
    /// A NUL outside UTF-16.
    Nul,
    #[error("the quote opened here is never closed")]
    /// End of file inside a quoted field.
    UnclosedQuote,
    #[error("a quoted field that began in line {0} ends in the middle of a value: a quote is missing or doubled")]
    /// A stray quote swallowed line breaks.
    SwallowedLines(LineNo),
    #[error("the quoted field that began in line {0} holds whole rows: a quote is missing or doubled")]
    /// Two stray quotes swallowed the rows between them.
    RowsInField(LineNo),
    #[error(
        "the stray quote in line {stray} and the quoted field over several lines that began in line {field} do not go together: a quote is missing or doubled"
    )]
    /// A row with an odd number of quotes in a file whose quoted fields hold line breaks: who knows which one is right.
    QuotesDisagree {
        /// The row with the odd number of quotes.
        stray: LineNo,
        /// The row that spans lines.
        field: LineNo,
    },
    #[error("the last line does not end with a line break, so the file may have been cut off")]
    /// No final line break.
    NoFinalNewline,
    #[error("the file ends in the middle of a row")]
    /// Cut in the last row.
    CutOff,
    #[error("the column `{0}` stands in the header twice")]
    /// Two columns with the same meaning.
    DuplicateColumn(String),
    #[error("column {0} of the header has no name")]
    /// An empty header cell.
    UnnamedColumn(usize),
    #[error("the header has no column for {0}")]
    /// A required column is missing.
    MissingColumn(String),
    #[error("the first line does not look like a header: {0}")]
    /// No known column.
    NoHeader(String),
    #[error("the header cannot be read: {0}")]
    /// The header row itself is damaged.
    Header(String),
    #[error("a row of more than {0} bytes")]
    /// A row over the size limit.
    RowTooLong(usize),
    #[error("more than {0} columns")]
    /// Too many columns.
    TooManyColumns(usize),
    #[error("the file is not a readable XLSX workbook: {0}")]
    /// A damaged or dangerous workbook.
    Workbook(String),
    #[error("the file is {0}, which rosterd does not read")]
    /// A known but unsupported form.
    Unsupported(&'static str),
    #[error("the file cannot be read: {0}")]
    /// The bytes could not be had.
    Unreadable(String),
}

impl DamageKind {
    /// Returns what the sender of the file can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoFinalNewline => Some(
                "export the file again, or, if its producer never writes the last line break, set `final_newline = \"optional\"` in [feed.csv]",
            ),
            Self::UnclosedQuote | Self::SwallowedLines(_) | Self::RowsInField(_) | Self::QuotesDisagree { .. } => {
                Some("a value that holds a quote needs it doubled: \"5\"\" disk\"")
            }
            Self::CutOff | Self::Nul => {
                Some("transfer the file again under a temporary name and rename it when it is complete")
            }
            Self::RowTooLong(_) => Some("a quote that is never closed makes one row of the rest of the file"),
            Self::Workbook(_) => Some("open the workbook, check it, and save it again as XLSX or as CSV (UTF-8)"),
            Self::NoHeader(_) => Some("the first line names the columns, such as username,firstname,surname,email"),
            Self::DuplicateColumn(_) | Self::UnnamedColumn(_) => {
                Some("the first line names the columns: give each a name of its own")
            }
            Self::MissingColumn(_) => Some("add the column, or map another one to it in [feed.map]"),
            Self::Unsupported(_) => Some("save the sheet as CSV (UTF-8) or XLSX"),
            Self::HeaderOnly | Self::Empty => {
                Some("an empty roster never means that everybody has left; nothing was changed")
            }
            _ => None,
        }
    }
}
