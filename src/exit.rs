//! What a person is shown when something fails, and the exit code.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// The documented exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: some rows in error, the rest done.
    RowsInError,
    /// 2: usage.
    Usage,
    /// 3: the whole roster refused, or something held for approval.
    Refused,
    /// 75: temporary; try again.
    TryAgain,
    /// 78: configuration.
    Config,
}

impl Exit {
    /// Returns the number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::RowsInError => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::TryAgain => 75,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A failure as a person sees it: one sentence with the place, its causes, and what to do.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    sentence: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl Failure {
    /// Makes a failure.
    pub fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// Adds `error` and its sources as causes.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Returns all of it as one line, for a log.
    pub fn line(&self) -> String {
        let mut line = self.sentence.clone();
        for cause in &self.causes {
            line.push_str(": ");
            line.push_str(cause);
        }
        for hint in &self.hints {
            line.push_str(" (hint: ");
            line.push_str(hint);
            line.push(')');
        }
        line
    }

    /// Returns what can be done about it.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Returns the sentence without causes and hints.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.sentence)?;
        for cause in &self.causes {
            write!(f, "\n  because: {cause}")?;
        }
        for hint in &self.hints {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_one_line_for_a_failure() {
        let cause = std::io::Error::other("no such folder");
        let failure = Failure::new(Exit::TryAgain, "a report cannot be written").caused_by(&cause).hint("make it");
        assert_eq!(failure.line(), "a report cannot be written: no such folder (hint: make it)");
        assert_eq!(
            failure.to_string(),
            "error: a report cannot be written\n  because: no such folder\n  hint: make it"
        );
    }
}
