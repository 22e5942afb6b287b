//! Rows on their way from the disk.

use std::fs::File;
use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio::sync::oneshot;

use super::planning::PlanningError;
use crate::roster::read::Dialect;
use crate::roster::read::Form;
use crate::roster::read::Row;
use crate::roster::read::Sheet;

/// Rows in a page.
const ROWS: usize = 256;
/// Pages that wait to be taken.
const WAITING: usize = 4;

/// The rows of a roster, page by page. They are read by a thread of its own, which is a few pages ahead.
pub(super) struct Pages {
    pub form: Form,
    /// The names of the columns; see [`Sheet::header`].
    pub header: Vec<String>,
    read: mpsc::Receiver<Result<Vec<Row>, PlanningError>>,
    used: mpsc::UnboundedSender<Vec<Row>>,
}

impl Pages {
    /// Opens rosterd's copy of a roster.
    pub async fn of(spool: PathBuf, dialect: Dialect) -> Result<Self, PlanningError> {
        let (opened, is_open) = oneshot::channel();
        let (to_reader, read) = mpsc::channel(WAITING);
        let (used, back) = mpsc::unbounded_channel();
        tokio::task::spawn_blocking(move || match open(spool, &dialect) {
            Ok(sheet) => {
                let _ = opened.send(Ok((sheet.form().clone(), sheet.header().to_vec())));
                turn_over(sheet, &to_reader, back);
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        });
        let (form, header) = is_open.await.map_err(|_| PlanningError::Panic)??;
        Ok(Self { form, header, read, used })
    }

    /// Returns the next page, which is not empty; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>, PlanningError> {
        match self.read.recv().await {
            Some(Ok(page)) => Ok(Some(page).filter(|page| !page.is_empty())),
            Some(Err(error)) => Err(error),
            // The last page is an empty one.
            None => Err(PlanningError::Panic),
        }
    }

    /// Gives a page back, to be written over.
    pub fn used(&self, page: Vec<Row>) {
        let _ = self.used.send(page);
    }
}

fn open(spool: PathBuf, dialect: &Dialect) -> Result<Sheet<File>, PlanningError> {
    Ok(Sheet::open(File::open(spool)?, dialect)?)
}

/// Sends all pages, and an empty one at the end. Ends early when nobody takes them.
fn turn_over(
    mut sheet: Sheet<File>,
    to_reader: &mpsc::Sender<Result<Vec<Row>, PlanningError>>,
    mut used: mpsc::UnboundedReceiver<Vec<Row>>,
) {
    loop {
        let page = used.try_recv().unwrap_or_default();
        let filled = fill(&mut sheet, page);
        let is_last = filled.as_ref().map_or(true, Vec::is_empty);
        if to_reader.blocking_send(filled).is_err() || is_last {
            return;
        }
    }
}

/// Fills a page. One that is not full is the last one with rows.
fn fill(sheet: &mut Sheet<File>, mut page: Vec<Row>) -> Result<Vec<Row>, PlanningError> {
    page.resize_with(ROWS, Row::default);
    let mut n = 0;
    while n < ROWS && sheet.read_row(&mut page[n])? {
        n += 1;
    }
    page.truncate(n);
    Ok(page)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    async fn pages_of(roster: &str) -> Result<Pages, PlanningError> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(roster.as_bytes()).expect("written");
        Pages::of(file.path().to_owned(), Dialect::default()).await
    }

    fn roster(n: usize) -> String {
        let rows: String = (0..n).map(|number| format!("u{number},First\n")).collect();
        format!("Username,First name\n{rows}")
    }

    #[tokio::test]
    async fn all_rows_come_once_and_in_order() {
        for n in [1, ROWS - 1, ROWS, ROWS + 1, 2 * ROWS, 20 * ROWS + 7] {
            let mut pages = pages_of(&roster(n)).await.expect("a roster");
            assert_eq!(pages.header, ["Username", "First name"]);
            let mut next = 0;
            while let Some(page) = pages.next().await.expect("undamaged") {
                for row in &page {
                    assert_eq!(row.fields, [&format!("u{next}"), "First"]);
                    next += 1;
                }
                pages.used(page);
            }
            assert_eq!(next, n);
        }
    }

    #[tokio::test]
    async fn damage_comes_in_its_place() {
        let damaged = roster(3 * ROWS) + "\"u,First\n";
        let mut pages = pages_of(&damaged).await.expect("a header");
        let mut n = 0;
        let damage = loop {
            match pages.next().await {
                Ok(Some(page)) => n += page.len(),
                Ok(None) => panic!("the damage is not told"),
                Err(damage) => break damage,
            }
        };
        assert!(matches!(damage, PlanningError::Damage(_)), "{damage:?}");
        assert_eq!(n, 3 * ROWS);
    }

    #[tokio::test]
    async fn a_roster_that_cannot_be_opened_has_no_pages() {
        assert!(matches!(pages_of("").await, Err(PlanningError::Damage(_))));
        let missing = Pages::of("/nowhere/roster.csv".into(), Dialect::default()).await;
        assert!(matches!(missing, Err(PlanningError::Spool(_))));
    }
}
