//! Finding resources by a value: with a filter where that is proved to work, else by reading the whole list.
//!
//! There are services that ignore filters and give the whole list, that know no such attribute and find nothing, and
//! that compare case where they should not. So every hit is compared here, and a filter is believed to have missed
//! nothing only after it has found somebody who is known to be there.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::PoisonError;

use futures_util::StreamExt;
use futures_util::stream;

use super::filter::Filter;
use super::path::AttributePath;
use super::provider::Provider;
use super::service::Capability;
use super::sweep::List;
use super::sweep::Sweep;
use super::transport::Trouble;
use super::wire::Resource;
use super::wire::ResourceId;
use crate::roster::fault::Fault;
use crate::roster::name_key::MatchKey;

/// What a filter for one attribute is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It finds values in any case.
    AnyCase,
    /// It finds values as they are spelled.
    Exact,
    /// It finds what it finds, and what it does not find may be there all the same.
    None,
}

/// What a filter has selected.
#[derive(Debug)]
enum Hits {
    /// These, each of which has the value indeed.
    Verified(Vec<Resource>),
    /// Others as well: the service does not look at the filter, or not at all of it.
    Ignored,
    /// The service refuses the filter.
    Refused,
}

/// Values that are looked for, folded.
#[derive(Debug)]
pub(super) struct Wanted {
    path: AttributePath,
    keys: HashMap<MatchKey, Box<str>>,
}

impl Wanted {
    pub(super) fn new(path: AttributePath, values: impl IntoIterator<Item = Box<str>>) -> Self {
        let keys = values.into_iter().map(|value| (MatchKey::new(&value), value)).collect();
        Self { path, keys }
    }

    /// Returns whether a resource has one of the values.
    pub(super) fn selects(&self, resource: &Resource) -> bool {
        resource.values(&self.path).iter().any(|value| self.keys.contains_key(&MatchKey::new(value)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Provider {
    /// Returns everybody who has one of the values; `None`: only the whole list can tell.
    pub(super) async fn find(self: &Arc<Self>, list: List, wanted: &Wanted) -> Result<Option<Vec<Resource>>, Fault> {
        let path = &wanted.path;
        if !self.service.can(Capability::Filter) {
            return Ok(None);
        }
        let trust = match self.known_trust(list, path) {
            Some(trust) => trust,
            None => match self.prove_filter(list, path).await.map_err(Trouble::fault_of_read)? {
                Proof::Everybody(all) => {
                    return Ok(Some(all.into_iter().filter(|resource| wanted.selects(resource)).collect()));
                }
                Proof::Trust(trust) => {
                    self.keep_trust(list, path, trust);
                    trust
                }
            },
        };
        let is_enough = |value: &str| match trust {
            Trust::AnyCase => true,
            Trust::Exact => !has_case(value),
            Trust::None => false,
        };
        let pages = self.pages_of(list);
        if !wanted.keys.values().all(|value| is_enough(value)) || pages.is_some_and(|n| n < wanted.keys.len()) {
            return Ok(None);
        }
        let mut asked = stream::iter(wanted.keys.values().cloned().collect::<Vec<_>>())
            .map(|value| async move { self.ask(list, path, &value).await })
            .buffer_unordered(self.settings.in_flight().get());
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        while let Some(hits) = asked.next().await {
            match hits.map_err(Trouble::fault_of_read)? {
                Hits::Verified(hits) => {
                    let selected = hits.into_iter().filter(|hit| wanted.selects(hit));
                    found.extend(selected.filter(|hit| seen.insert(hit.id.clone())));
                }
                Hits::Ignored | Hits::Refused => {
                    self.keep_trust(list, path, Trust::None);
                    return Ok(None);
                }
            }
        }
        Ok(Some(found))
    }

    /// Returns those who have the value as far as a filter shows them, in this spelling and in lower case. Nobody may
    /// mean that nobody is shown.
    pub(super) async fn glimpse(
        self: &Arc<Self>,
        list: List,
        path: &AttributePath,
        value: &str,
    ) -> Result<Vec<Resource>, Fault> {
        let wanted = Wanted::new(path.clone(), [value.into()]);
        let lower = value.to_lowercase();
        let spellings = [Some(value), Some(&*lower).filter(|lower| *lower != value)];
        for spelling in spellings.into_iter().flatten() {
            match self.ask(list, path, spelling).await.map_err(Trouble::fault_of_read)? {
                Hits::Verified(hits) if !hits.is_empty() => {
                    return Ok(hits.into_iter().filter(|hit| wanted.selects(hit)).collect());
                }
                Hits::Verified(_) => {}
                Hits::Ignored | Hits::Refused => return self.look_through(list, &wanted).await,
            }
        }
        Ok(Vec::new())
    }

    /// Reads the whole list for those who have one of the values.
    pub(super) async fn look_through(self: &Arc<Self>, list: List, wanted: &Wanted) -> Result<Vec<Resource>, Fault> {
        let mut found = Vec::new();
        let mut all = std::pin::pin!(Arc::clone(self).sweep(list, None));
        while let Some(resource) = all.next().await {
            found.extend(Some(resource?).filter(|resource| wanted.selects(resource)));
        }
        Ok(found)
    }

    async fn ask(self: &Arc<Self>, list: List, path: &AttributePath, value: &str) -> Result<Hits, Trouble> {
        let (key, broad) = (MatchKey::new(value), path.without_filter());
        let has = |hit: &Resource| hit.values(&broad).iter().any(|value| MatchKey::new(value) == key);
        let mut sweep = Sweep::new(Arc::clone(self), list, Some(Filter::eq(path, value)));
        let mut hits = Vec::new();
        loop {
            match sweep.next().await {
                Ok(Some(page)) if page.iter().all(has) => hits.extend(page),
                Ok(Some(_)) => return Ok(Hits::Ignored),
                Ok(None) => return Ok(Hits::Verified(hits)),
                // 501: no filters; 400: not this one (RFC 7644 section 3.12, `invalidFilter`).
                Err(Trouble::Refused(reply)) if matches!(reply.status, 400 | 404 | 405 | 422 | 500 | 501) => {
                    if reply.status == 501 && path.is_core("userName") {
                        self.service.downgrade(Capability::Filter, "the service answers that it has none (501)");
                    }
                    return Ok(Hits::Refused);
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// Lets a filter find somebody who is known to be there, in another case as well.
    async fn prove_filter(self: &Arc<Self>, list: List, path: &AttributePath) -> Result<Proof, Trouble> {
        let mut sweep = Sweep::new(Arc::clone(self), list, None);
        let first = sweep.next().await?.unwrap_or_default();
        if sweep.is_over() {
            return Ok(Proof::Everybody(first));
        }
        self.note_total(list, sweep.total());
        // Letters tell whether case matters.
        let sample = |resource: &Resource| -> Option<(ResourceId, String)> {
            let value = resource.values(path).into_iter().find(|value| !value.trim().is_empty())?;
            Some((resource.id.clone(), value.into_owned()))
        };
        let samples: Vec<_> = first.iter().filter_map(sample).collect();
        let lettered = samples.iter().find(|(_, value)| swapped(value).is_some());
        let Some((id, value)) = lettered.or(samples.first()) else { return Ok(Proof::Trust(Trust::None)) };
        let finds = async |value: &str| match self.ask(list, path, value).await {
            Ok(Hits::Verified(hits)) => Ok(hits.iter().any(|hit| hit.id == *id)),
            Ok(Hits::Ignored | Hits::Refused) => Ok(false),
            Err(trouble) => Err(trouble),
        };
        if !finds(value).await? {
            return Ok(Proof::Trust(Trust::None));
        }
        let trust = match swapped(value) {
            Some(other) if finds(&other).await? => Trust::AnyCase,
            _ => Trust::Exact,
        };
        Ok(Proof::Trust(trust))
    }

    fn known_trust(&self, list: List, path: &AttributePath) -> Option<Trust> {
        let trust = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        trust.get(&(list, path.clone())).copied()
    }

    fn keep_trust(&self, list: List, path: &AttributePath, trust: Trust) {
        tracing::debug!("filter for {path}: {trust:?}");
        self.trust.lock().unwrap_or_else(PoisonError::into_inner).insert((list, path.clone()), trust);
    }
}

/// What came of proving a filter.
enum Proof {
    /// There are so few that no filter is needed.
    Everybody(Vec<Resource>),
    /// This much it can be trusted.
    Trust(Trust),
}

/// Returns the text with lower case for upper and the other way round; `None` when there is nothing to swap. Beyond
/// ASCII, services fold in ways of their own.
fn swapped(text: &str) -> Option<String> {
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    text.contains(|c: char| c.is_ascii_alphabetic()).then(|| text.chars().map(swap).collect())
}

fn has_case(text: &str) -> bool {
    text.contains(|c: char| c.is_lowercase() || c.is_uppercase())
}
