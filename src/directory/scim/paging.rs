//! Paging through a list: which page comes next, and whether everything has come.
//!
//! Pages are asked for one by one and the service remembers nothing between them (RFC 7644 section 3.4.2.4), so what it
//! says of itself is compared with what came: a list is complete, or there is a fault.

use std::collections::HashSet;

use serde_json::Value;

use super::wire::ListResponse;
use super::wire::ResourceId;

/// Resources in one list at most: no service has as many, and a list that goes on beyond them never ends.
const MOST: usize = 20_000_000;

/// Which page to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// From a place, counted from 1; `count` resources, or as many as the service likes.
    Index {
        /// The place of the first one.
        start: u64,
        /// How many.
        count: Option<u64>,
    },
    /// Behind a cursor (RFC 9865 section 2); the first one is empty.
    Cursor {
        /// What the service called it.
        cursor: String,
        /// How many.
        count: Option<u64>,
    },
}

/// Why a list is not complete.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// It has changed meanwhile, so that somebody may have been passed over.
    #[error("the list changed while it was read")]
    Changed,
    /// Fewer came than the service says there are.
    #[error("the service says that there are {total}, and gives {came} of them")]
    Short {
        /// How many there are.
        total: u64,
        /// How many came.
        came: usize,
    },
    /// More came than there can be.
    #[error("the pages of the service do not come to an end")]
    Endless,
    /// A resource without an id.
    #[error("the service lists a resource without a usable `id`")]
    NoId,
}

/// How far a list was read.
#[derive(Debug)]
pub struct Paging {
    /// In this round.
    seen: HashSet<ResourceId>,
    /// In rounds before this one.
    given: HashSet<ResourceId>,
    count: Option<u64>,
    page: Page,
    received: u64,
    n_pages: usize,
    total: Option<u64>,
    changed: bool,
    cursors: HashSet<String>,
}

impl Paging {
    /// Begins with a page of `count`. With `by_cursor` the service offers cursors.
    pub fn new(count: Option<u64>, by_cursor: bool) -> Self {
        Self {
            seen: HashSet::new(),
            given: HashSet::new(),
            count,
            page: first(count, by_cursor),
            received: 0,
            n_pages: 0,
            total: None,
            changed: false,
            cursors: HashSet::new(),
        }
    }

    /// Returns the page to ask for next.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Returns how many different resources have come in this round.
    pub fn n_seen(&self) -> usize {
        self.seen.len()
    }

    /// Returns whether nothing was read yet.
    pub fn is_at_start(&self) -> bool {
        self.n_pages == 0
    }

    /// Asks for so many from now on, or without saying how many: some services know no `count`.
    pub fn ask_for(&mut self, wanted: Option<u64>) {
        self.count = wanted;
        match &mut self.page {
            Page::Index { count, .. } | Page::Cursor { count, .. } => *count = wanted,
        }
    }

    /// Returns how many are asked for at a time.
    pub fn count(&self) -> Option<u64> {
        self.count
    }

    /// Begins once more. What has come before is not given again.
    pub fn again(&mut self, by_cursor: bool) {
        let mut given = std::mem::take(&mut self.given);
        given.extend(self.seen.drain());
        *self = Self { given, ..Self::new(self.count, by_cursor) };
    }

    /// Returns how many there are, as far as the service says so.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Takes the page that was asked for. Returns the resources on it that have not come before, and whether there is
    /// another page.
    pub fn take<'v>(&mut self, list: &ListResponse<'v>) -> Result<(Vec<&'v Value>, bool), Incomplete> {
        let mut fresh = Vec::with_capacity(list.resources.len());
        let mut n_new = 0;
        for resource in &list.resources {
            let id = super::wire::lenient::of(resource, "id").and_then(ResourceId::read).ok_or(Incomplete::NoId)?;
            if self.seen.contains(&id) {
                continue;
            }
            n_new += 1;
            if !self.given.contains(&id) {
                fresh.push(*resource);
            }
            self.seen.insert(id);
        }
        let n_here = list.resources.len() as u64;
        self.n_pages += 1;
        self.received += n_here;
        if let Some(total) = list.total_results {
            self.changed |= self.total.is_some_and(|before| before != total);
            self.total = Some(total);
        }
        if self.seen.len() > MOST {
            return Err(Incomplete::Endless);
        }
        let more = match self.page.clone() {
            Page::Cursor { count, .. } => self.behind_cursor(list, count)?,
            Page::Index { count, .. } => self.behind_index(n_here, n_new, count)?,
        };
        if !more {
            self.prove_complete()?;
        }
        Ok((fresh, more))
    }

    fn behind_cursor(&mut self, list: &ListResponse<'_>, count: Option<u64>) -> Result<bool, Incomplete> {
        let Some(cursor) = list.next_cursor else {
            let is_short = self.total.is_some_and(|total| total > self.seen.len() as u64);
            if is_short && self.n_pages == 1 {
                // It offers cursors and does not give them: places do as well.
                self.page = Page::Index { start: self.received + 1, count };
                return Ok(true);
            }
            return Ok(false);
        };
        if !self.cursors.insert(cursor.to_owned()) {
            return Err(Incomplete::Endless);
        }
        self.page = Page::Cursor { cursor: cursor.to_owned(), count };
        Ok(true)
    }

    fn behind_index(&mut self, n_here: u64, n_new: usize, count: Option<u64>) -> Result<bool, Incomplete> {
        self.page = Page::Index { start: self.received + 1, count };
        // Some services give the last page again and again, or the first one, whatever place is asked for.
        if n_here == 0 || n_new == 0 {
            return Ok(false);
        }
        let Some(total) = self.total else { return Ok(true) };
        let came = self.seen.len() as u64;
        // A page that is full, of a service that says that there is just this one: it may mean the page.
        let may_mean_page = self.n_pages == 1 && count == Some(n_here) && total == n_here;
        if may_mean_page || came < total {
            return Ok(true);
        }
        if came > total.saturating_mul(2).saturating_add(1_000) {
            return Err(Incomplete::Endless);
        }
        // More than it says: the number means something else, and only an empty page says that it is over.
        Ok(came > total)
    }

    fn prove_complete(&self) -> Result<(), Incomplete> {
        if self.changed {
            return Err(Incomplete::Changed);
        }
        match self.total {
            Some(total) if total > self.seen.len() as u64 => Err(Incomplete::Short { total, came: self.seen.len() }),
            _ => Ok(()),
        }
    }
}

fn first(count: Option<u64>, by_cursor: bool) -> Page {
    match by_cursor {
        true => Page::Cursor { cursor: String::new(), count },
        false => Page::Index { start: 1, count },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(ids: impl IntoIterator<Item = u64>, total: Option<u64>) -> Value {
        let resources: Vec<Value> = ids.into_iter().map(|id| json!({ "id": id })).collect();
        match total {
            Some(total) => json!({ "totalResults": total, "Resources": resources }),
            None => json!({ "Resources": resources }),
        }
    }

    /// Reads everything from a service that answers a place and a count.
    fn read(count: Option<u64>, service: impl Fn(u64, Option<u64>) -> Value) -> Result<Vec<String>, Incomplete> {
        let mut paging = Paging::new(count, false);
        let mut ids = Vec::new();
        for _ in 0..10_000 {
            let Page::Index { start, count } = paging.page().clone() else { panic!("places were asked for") };
            let value = service(start, count);
            let list = ListResponse::read(&value).expect("a list");
            let (fresh, more) = paging.take(&list)?;
            ids.extend(fresh.iter().map(|resource| resource["id"].to_string()));
            if !more {
                return Ok(ids);
            }
        }
        panic!("it does not end");
    }

    fn window(n: u64, start: u64, count: Option<u64>) -> std::ops::Range<u64> {
        let first = (start - 1).min(n);
        first..(first + count.unwrap_or(n)).min(n)
    }

    #[test]
    fn everything_comes_once() {
        for n in [0, 1, 9, 10, 11, 20, 95] {
            let ids = read(Some(10), |start, count| page(window(n, start, count), Some(n))).expect("complete");
            assert_eq!(ids.len() as u64, n);
            let ids = read(None, |start, count| page(window(n, start, count), Some(n))).expect("complete");
            assert_eq!(ids.len() as u64, n, "all on one page");
            let ids = read(Some(10), |start, count| page(window(n, start, count), None)).expect("complete");
            assert_eq!(ids.len() as u64, n, "without a total");
            let capped = |start, _| page(window(n, start, Some(3)), Some(n));
            assert_eq!(read(Some(10), capped).expect("complete").len() as u64, n, "fewer than asked for");
        }
    }

    #[test]
    fn a_total_that_means_the_page_hides_nobody() {
        let lies = |start, count| {
            let here = window(25, start, count);
            page(here.clone(), Some(here.end - here.start))
        };
        // It changes from page to page, so that nothing is sure.
        assert_eq!(read(Some(10), lies), Err(Incomplete::Changed));
        let lies = |start, count| page(window(20, start, count), Some(10));
        assert_eq!(read(Some(10), lies).expect("complete").len(), 20);
    }

    #[test]
    fn pages_that_never_end_are_left() {
        // The last page again and again, as some services give beyond the end.
        let repeats = |start: u64, count| page(window(25, start.min(21), count), Some(25));
        assert_eq!(read(Some(10), repeats).expect("complete").len(), 25);
        let repeats = |start: u64, count| page(window(25, start.min(21), count), None);
        assert_eq!(read(Some(10), repeats).expect("complete").len(), 25);
        let endless = |total| move |start: u64, _| page(start..start + 10, Some(total));
        assert_eq!(read(Some(10), endless(30)).expect("as many as there are").len(), 30);
        assert_eq!(read(Some(10), endless(5)), Err(Incomplete::Endless), "ever more than there are");
    }

    #[test]
    fn what_is_missing_is_told() {
        let first_only = |_, count| page(window(25, 1, count), Some(25));
        assert_eq!(read(Some(10), first_only), Err(Incomplete::Short { total: 25, came: 10 }));
        let empty = |_, _| page(0..0, Some(25));
        assert_eq!(read(Some(10), empty), Err(Incomplete::Short { total: 25, came: 0 }));
        let shifts = |start, count| page(window(25, start, count), Some(if start == 1 { 26 } else { 25 }));
        assert_eq!(read(Some(10), shifts), Err(Incomplete::Changed));
        let nameless = |_, _| json!({ "totalResults": 1, "Resources": [{ "userName": "ada" }] });
        assert_eq!(read(Some(10), nameless), Err(Incomplete::NoId));
    }

    #[test]
    fn a_second_round_gives_only_what_the_first_has_not() {
        let mut paging = Paging::new(Some(10), false);
        let (old, new) = (page(0..10, Some(12)), page(5..15, Some(15)));
        let take = |paging: &mut Paging, value: &Value| {
            let list = ListResponse::read(value).expect("a list");
            paging.take(&list).map(|(fresh, more)| (fresh.len(), more))
        };
        assert_eq!(take(&mut paging, &old), Ok((10, true)));
        assert_eq!(take(&mut paging, &page(10..11, Some(11))), Err(Incomplete::Changed));
        paging.again(false);
        assert_eq!(paging.page(), &Page::Index { start: 1, count: Some(10) });
        assert_eq!(take(&mut paging, &new), Ok((4, true)), "11 to 14");
        assert_eq!(take(&mut paging, &page(0..5, Some(15))), Ok((0, false)), "complete with what came before");
    }

    #[test]
    fn cursors_lead_to_the_end_and_not_in_circles() {
        let read = |service: &dyn Fn(&Page) -> Value| {
            let mut paging = Paging::new(Some(2), true);
            let mut n = 0;
            for _ in 0..100 {
                let value = service(paging.page());
                let list = ListResponse::read(&value).expect("a list");
                let (fresh, more) = paging.take(&list)?;
                n += fresh.len();
                if !more {
                    return Ok(n);
                }
            }
            panic!("it does not end");
        };
        let honest = |page: &Page| match page {
            Page::Cursor { cursor, .. } if cursor.is_empty() => {
                json!({ "totalResults": 3, "nextCursor": "b", "Resources": [{ "id": "1" }, { "id": "2" }] })
            }
            _ => json!({ "totalResults": 3, "Resources": [{ "id": "3" }] }),
        };
        assert_eq!(read(&honest), Ok(3));
        let circle = |_: &Page| json!({ "nextCursor": "b", "Resources": [{ "id": "1" }] });
        assert_eq!(read(&circle), Err(Incomplete::Endless));
        // Cursors are offered and not given.
        let by_place = |page: &Page| match page {
            Page::Index { start, .. } => json!({ "totalResults": 3, "Resources": [{ "id": start }] }),
            Page::Cursor { .. } => json!({ "totalResults": 3, "Resources": [{ "id": 1 }, { "id": 2 }] }),
        };
        assert_eq!(read(&by_place), Ok(3));
    }
}
