//! People whom rows refer to and who are not in the roster: looked up in the directory.

use std::collections::HashMap;
use std::collections::HashSet;

use futures_util::StreamExt;

use crate::directory::Directory;
use crate::directory::Lookup;
use crate::directory::Which;
use crate::roster::account::Account;
use crate::roster::attribute::Schema;
use crate::roster::deferred::DeferredValue;
use crate::roster::deferred::Referent;
use crate::roster::fault::Fault;
use crate::roster::name_key::MatchKey;
use crate::roster::plan::Intent;
use crate::roster::plan::Plan;
use crate::roster::reference::Fold;
use crate::roster::reference::Referred;

/// How many values go into one lookup.
const BATCH: usize = 500;

/// Asks the directory for everybody who is mentioned and was not seen yet.
pub(super) async fn look_up<D: Directory>(
    referred: &mut Referred,
    accounts: &[Account],
    attributes: &Schema,
    directory: &D,
) -> Result<(), Fault> {
    for (key, values) in referred.unknown(accounts) {
        for values in values.chunks(BATCH) {
            let values = values.to_vec();
            let which = match key.match_by() {
                Some(by) => Which::Matching { by, values },
                None => Which::Located(values),
            };
            let mut found = std::pin::pin!(directory.existing(Lookup { which, attributes: attributes.clone() }));
            while let Some(entry) = found.next().await {
                referred.see(&entry?, None);
            }
        }
    }
    Ok(())
}

/// Gives the people to whom entries refer now their names: a DN alone tells a reader little.
pub(super) async fn name<D: Directory>(plan: &mut Plan, directory: &D) -> Result<(), Fault> {
    let fold = directory.fold_of_references();
    let unnamed: HashSet<&str> = plan
        .items
        .iter()
        .flat_map(|item| item.intent.deferred())
        .flat_map(|change| change.old.iter().chain(&change.new))
        .filter_map(DeferredValue::person)
        .filter(|person| person.username.is_empty())
        .filter_map(|person| person.value.as_deref())
        .collect();
    let mut unnamed: Vec<Box<str>> = unnamed.into_iter().map(Into::into).collect();
    unnamed.sort();
    let mut names: HashMap<MatchKey, Box<str>> = HashMap::new();
    for values in unnamed.chunks(BATCH) {
        let lookup = Lookup { which: Which::Located(values.to_vec()), attributes: Schema::default() };
        let mut found = std::pin::pin!(directory.existing(lookup));
        while let Some(entry) = found.next().await {
            let entry = entry?;
            names.insert(fold(&entry.id.locator), entry.username);
        }
    }
    if !names.is_empty() {
        plan.items.iter_mut().for_each(|item| name_all(&mut item.intent, &names, fold));
    }
    Ok(())
}

fn name_all(intent: &mut Intent, names: &HashMap<MatchKey, Box<str>>, fold: Fold) {
    let changes = match intent {
        Intent::Create(create) => &mut create.deferred,
        Intent::Update(update) => &mut update.deferred,
        _ => return,
    };
    let name = |person: &mut Referent| {
        let known = person.value.as_deref().and_then(|value| names.get(&fold(value)));
        if let Some(username) = known.filter(|_| person.username.is_empty()) {
            person.username.clone_from(username);
        }
    };
    let values = changes.iter_mut().flat_map(|change| change.old.iter_mut().chain(&mut change.new));
    values.filter_map(DeferredValue::person_mut).for_each(name);
}
