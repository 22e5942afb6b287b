//! Faults of a directory, told apart by what must be done next.

use std::fmt;

/// An operation or a read that did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What must be done next.
    pub next: Next,
    /// One sentence for people, scrubbed of anything a server may have echoed.
    pub reason: String,
    /// The directory's own word for it, such as `68` or `409`. With [`Next::LookAgain`] it says that there was an
    /// answer, so that nothing was done; without one nobody knows.
    pub code: Option<Box<str>>,
    /// The directory has hung up on it, without an answer: what that means if it does so each time.
    pub hung_up: Option<&'static str>,
}

/// What must be done after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Next {
    /// It was not done; try the same again after a pause.
    Retry,
    /// The row cannot be done; the others go on.
    RejectRow,
    /// Nobody knows whether it was done, or the entry is not as it was: read it back before anything else.
    LookAgain,
    /// Nothing more can be done in this run: credentials, rights or configuration are wrong, or the server is gone.
    StopRun,
}

impl Fault {
    /// Makes a fault without a server code.
    pub fn new(next: Next, reason: impl Into<String>) -> Self {
        Self { next, reason: reason.into(), code: None, hung_up: None }
    }

    /// Adds the server's own code.
    #[must_use]
    pub fn with_code(mut self, code: impl fmt::Display) -> Self {
        self.code = Some(code.to_string().into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} ({code})", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for Fault {}
