//! Which people are shown when there are too many for one page.

/// How many people a page may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// All of them.
    All,
    /// Everybody when there are no more than this; else as many errors as fit into one half, and the first few of
    /// every other kind, each up to an eighth.
    AtMost(usize),
}

/// The part of a page that a kind of people may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// What somebody has to do something about.
    Half,
    /// The rest.
    Eighth,
}

/// Decides person by person, and remembers who was left out.
pub(super) struct Picker {
    limit: Option<usize>,
    kinds: Vec<Kind>,
}

struct Kind {
    name: &'static str,
    shown: usize,
    left_out: usize,
}

impl Picker {
    /// Begins a page for `total` people.
    pub(super) fn new(rows: Rows, total: usize) -> Self {
        let limit = match rows {
            Rows::All => None,
            Rows::AtMost(limit) => (total > limit).then_some(limit),
        };
        Self { limit, kinds: Vec::new() }
    }

    /// Returns whether the next person, who is of kind `name`, is shown.
    pub(super) fn takes(&mut self, name: &'static str, share: Share) -> bool {
        let Some(limit) = self.limit else { return true };
        let index = match self.kinds.iter().position(|kind| kind.name == name) {
            Some(index) => index,
            None => {
                self.kinds.push(Kind { name, shown: 0, left_out: 0 });
                self.kinds.len() - 1
            }
        };
        let kind = &mut self.kinds[index];
        let allowed = match share {
            Share::Half => limit / 2,
            Share::Eighth => limit / 8,
        };
        let taken = kind.shown < allowed;
        if taken {
            kind.shown += 1;
        } else {
            kind.left_out += 1;
        }
        taken
    }

    /// Returns a sentence about the people left out, if there are any; `file` has them all.
    pub(super) fn left_out(&self, file: &str) -> Option<String> {
        let kinds: Vec<_> = self.kinds.iter().filter(|kind| kind.left_out > 0).collect();
        let total: usize = kinds.iter().map(|kind| kind.left_out).sum();
        let each: Vec<_> = kinds.iter().map(|kind| format!("{} {}", kind.left_out, kind.name)).collect();
        (total > 0).then(|| format!("{total} more are not shown here ({}); {file} has all of them.", each.join(", ")))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test ends where something unexpected begins")]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_shown_when_there_is_room() {
        let mut picker = Picker::new(Rows::AtMost(8), 8);
        assert!((0..8).all(|_| picker.takes("New", Share::Eighth)));
        assert_eq!(picker.left_out("x"), None);
    }

    #[test]
    fn a_full_page_keeps_room_for_errors_and_counts_the_rest() {
        let mut picker = Picker::new(Rows::AtMost(16), 100);
        let new = (0..90).filter(|_| picker.takes("New", Share::Eighth)).count();
        let errors = (0..10).filter(|_| picker.takes("Error", Share::Half)).count();
        assert_eq!((new, errors), (2, 8));
        assert_eq!(
            picker.left_out("a.preview.csv").unwrap(),
            "90 more are not shown here (88 New, 2 Error); a.preview.csv has all of them."
        );
    }
}
