//! One request, sent again and again.

use super::trouble::Trouble;

/// How often one request was sent, and why not for the last time.
#[derive(Default)]
pub(super) struct Tries {
    /// When the service was busy or could not be reached.
    pub(super) turned_away: u32,
    /// Without an answer.
    pub(super) silences: u32,
    /// One of them may have done it.
    pub(super) in_doubt: bool,
    pub(super) redirects: u32,
    pub(super) renewed: u32,
}

impl Tries {
    /// Returns what it comes to that it is not sent again.
    pub(super) fn given_up(&self, why: String) -> Trouble {
        if self.in_doubt { Trouble::Unanswered(why) } else { Trouble::NotSent(why) }
    }
}
