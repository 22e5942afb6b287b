//! Numbers that a target gives out: what was given out is remembered for as long as the journal lives.

use super::Progression;
use crate::directory::Directory;
use crate::directory::numbers::Highest;
use crate::sqlite::DatabaseError;

impl<D: Directory> Progression<'_, D> {
    /// Tells the directory which numbers were ever given out.
    pub(super) async fn recall_numbers(&mut self) -> Result<(), DatabaseError> {
        if let Some(numbers) = self.work.directory.numbers() {
            let (uid, gid) = self.work.state.highest_numbers(self.work.target).await?;
            numbers.never_again(Highest { uid, gid });
            self.kept_numbers = Highest { uid, gid };
        }
        Ok(())
    }

    /// Remembers which numbers were given out since.
    pub(super) async fn keep_numbers(&mut self) -> Result<(), DatabaseError> {
        let Some(highest) = self.work.directory.numbers().map(crate::directory::Numbers::highest) else {
            return Ok(());
        };
        if highest != self.kept_numbers {
            self.work.state.keep_numbers(self.work.target, (highest.uid, highest.gid)).await?;
            self.kept_numbers = highest;
        }
        Ok(())
    }
}
