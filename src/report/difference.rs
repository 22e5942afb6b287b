//! What is to change for one person, attribute by attribute, in the one shape that all reports share.

use std::fmt;

use serde::Serialize;

use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::show_octets;
use crate::roster::deferred::DeferredChange;
use crate::roster::deferred::DeferredValue;
use crate::roster::guard;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::Outcome;
use crate::roster::place::Relocation;
use crate::roster::place::Step;
use crate::roster::plan::Hold;
use crate::roster::plan::HoldClass;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::MembershipChange;
use crate::roster::plan::PasswordSource;
use crate::roster::plan::Plan;
use crate::roster::plan::UpdateIntent;

/// Something about a person that has `old` values and gets `new` ones.
///
/// Besides attributes these are `groups`, `roles` and `channels` (those of the feed), and what is no attribute in every
/// directory: `account`, `username`, `place`, `enabled`, `password` and `change password next time`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference<'a> {
    #[serde(rename = "attribute")]
    pub(super) name: &'a str,
    pub(super) old: Vec<String>,
    pub(super) new: Vec<String>,
    #[serde(skip)]
    pub(super) about: About,
}

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// An attribute of an account that was there before.
    Attribute,
    /// An attribute that is written after all accounts.
    Deferred,
    /// Groups, roles or channels.
    Membership,
    /// Something that had no value before, or none that can be told.
    Fresh,
}

/// Returns all that the plan has for `item`.
pub(super) fn planned<'a>(plan: &'a Plan, item: &'a Item) -> Vec<Difference<'a>> {
    not_held(plan, item, &[])
}

/// Returns all that the plan has for `item`, one line each, fit to be shown.
pub fn planned_lines(plan: &Plan, item: &Item) -> Vec<String> {
    planned(plan, item).iter().map(ToString::to_string).collect()
}

/// Returns what was done for `item` as far as it is confirmed: nothing when the outcome is not a success, and no
/// references and memberships when some of them could not be written.
pub(super) fn done<'a>(plan: &'a Plan, item: &'a Item, result: &ItemResult, holds: &[Hold]) -> Vec<Difference<'a>> {
    match &result.outcome {
        Outcome::Created
        | Outcome::Updated
        | Outcome::Disabled
        | Outcome::Moved
        | Outcome::Enabled
        | Outcome::Deleted => {
            let mut all = not_held(plan, item, holds);
            let is_sure = |about| !(result.incomplete && matches!(about, About::Deferred | About::Membership));
            all.retain(|difference| is_sure(difference.about));
            // Switched off, and not moved.
            let stayed = matches!(item.intent, Intent::Archive { .. }) && result.outcome == Outcome::Disabled;
            all.retain(|difference| !(stayed && difference.name == "place"));
            all
        }
        Outcome::Unchanged
        | Outcome::Reported
        | Outcome::Rejected(_)
        | Outcome::Failed(_)
        | Outcome::NotAttempted(_) => Vec::new(),
    }
}

/// Returns what the plan has for `item`, without what `holds` hold back of an existing account.
fn not_held<'a>(plan: &'a Plan, item: &'a Item, holds: &[Hold]) -> Vec<Difference<'a>> {
    let held = |class| holds.iter().any(|hold| hold.class == class);
    let mut all = Vec::new();
    match &item.intent {
        Intent::Nothing | Intent::Skip(_) | Intent::Report => {}
        Intent::Disable => all.push(switched("enabled", false)),
        Intent::Archive { place, enabled } => {
            all.extend(enabled.then(|| switched("enabled", false)));
            all.push(stepped("place", place));
        }
        Intent::Delete | Intent::Purge { .. } => {
            all.push(Difference { name: "account", old: vec!["present".into()], new: vec![], about: About::Attribute });
        }
        Intent::Create(create) => {
            let account = plan.account(item);
            for (name, values) in account.iter().flat_map(|account| account.attributes.iter()) {
                if !values.is_empty() {
                    all.push(fresh(name.as_str(), values.octets().map(|value| shown(name.as_str(), value)).collect()));
                }
            }
            all.extend(create.deferred.iter().map(deferred));
            let given = |name: &'a AttributeName| fresh(name.as_str(), vec!["(allocated when created)".to_owned()]);
            all.extend(create.allocates.iter().map(given));
            all.extend(create.memberships.iter().filter_map(|change| membership(change, held(HoldClass::Removals))));
            all.push(fresh("password", vec![source(create.password)]));
            all.push(fresh("change password next time", vec![create.must_change.to_string()]));
        }
        Intent::Update(update) => {
            let whole = [HoldClass::Updates, HoldClass::Moves, HoldClass::Takeovers];
            let held_whole = whole.into_iter().any(|class| held(class) && guard::count(item, class) > 0);
            if !held_whole {
                all.extend(of_update(update, &held));
            }
            // A letter that is owed is not held: without the new password nobody could log in.
            if !(held(HoldClass::Passwords) || held_whole) || update.letter_owed {
                all.extend(update.password.map(|password| fresh("password", vec![source(password)])));
                all.extend(update.must_change.map(|on| fresh("change password next time", vec![on.to_string()])));
            }
        }
    }
    all
}

/// Returns what an update has besides the password.
fn of_update<'a>(update: &'a UpdateIntent, held: &dyn Fn(HoldClass) -> bool) -> Vec<Difference<'a>> {
    let mut all = Vec::new();
    if let Some(Relocation { username, place }) = &update.relocation {
        all.extend(username.iter().map(|step| stepped("username", step)));
        all.extend(place.iter().map(|step| stepped("place", step)));
    }
    for change in update.changes.iter().filter(|change| !(change.clears() && held(HoldClass::Clears))) {
        let name = change.attribute.as_str();
        let values = |values: &[Box<[u8]>]| values.iter().map(|value| shown(name, value)).collect();
        all.push(Difference { name, old: values(&change.old), new: values(&change.new), about: About::Attribute });
    }
    let stays = |change: &&DeferredChange| !(change.clears() && held(HoldClass::Clears));
    all.extend(update.deferred.iter().filter(stays).map(deferred));
    all.extend(update.memberships.iter().filter_map(|change| membership(change, held(HoldClass::Removals))));
    all.extend(update.enabled.map(|on| switched("enabled", on)));
    all
}

fn deferred(change: &DeferredChange) -> Difference<'_> {
    let values = |values: &[DeferredValue]| values.iter().map(ToString::to_string).collect();
    let (old, new) = (values(&change.old), values(&change.new));
    Difference { name: change.attribute.as_str(), old, new, about: About::Deferred }
}

fn fresh(name: &str, new: Vec<String>) -> Difference<'_> {
    Difference { name, old: Vec::new(), new, about: About::Fresh }
}

fn switched(name: &str, on: bool) -> Difference<'_> {
    Difference { name, old: vec![(!on).to_string()], new: vec![on.to_string()], about: About::Attribute }
}

fn stepped<'a>(name: &'a str, step: &Step) -> Difference<'a> {
    let Step { from, to } = step;
    Difference { name, old: vec![from.to_string()], new: vec![to.to_string()], about: About::Attribute }
}

fn source(password: PasswordSource) -> String {
    match password {
        PasswordSource::Row => "(from the roster)".to_owned(),
        PasswordSource::Generated => "(generated)".to_owned(),
    }
}

fn membership(change: &MembershipChange, removals_held: bool) -> Option<Difference<'static>> {
    let name = match change.kind {
        GroupKind::Group => "groups",
        GroupKind::Role => "roles",
        GroupKind::Channel => "channels",
    };
    let stays = |group: &&GroupName| removals_held || !change.remove.contains(group);
    let before = change.before.iter();
    let after = before.clone().filter(stays).chain(change.add.iter().filter(|group| !change.before.contains(group)));
    let after: Vec<_> = after.map(ToString::to_string).collect();
    let before: Vec<_> = before.map(ToString::to_string).collect();
    (before != after).then_some(Difference { name, old: before, new: after, about: About::Membership })
}

/// Returns a value for people, unless the attribute holds a secret: a mapping can name any attribute.
fn shown(attribute: &str, octets: &[u8]) -> String {
    const SECRET: [&str; 7] = [
        "userPassword",
        "unicodePwd",
        "password",
        "authPassword",
        "sambaNTPassword",
        "sambaLMPassword",
        "krbPrincipalKey",
    ];
    let bare = attribute.split(';').next().unwrap_or_default();
    let secret = SECRET.iter().any(|name| name.eq_ignore_ascii_case(bare));
    if secret { "***".to_owned() } else { show_octets(octets) }
}

/// Shows `mail: a@x.org -> b@x.org`, and `groups: Staff | Sales` where there was nothing before.
impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, old, new, about } = self;
        match about {
            About::Fresh => write!(f, "{name}: {}", joined(new)),
            About::Deferred | About::Membership if old.is_empty() => write!(f, "{name}: {}", joined(new)),
            About::Attribute | About::Deferred | About::Membership => {
                write!(f, "{name}: {} -> {}", joined(old), joined(new))
            }
        }
    }
}

/// Returns values in one line.
pub(super) fn joined(values: &[String]) -> String {
    if values.is_empty() { "(none)".to_owned() } else { values.join(" | ") }
}

/// Returns differences in one line.
pub(super) fn in_one_line(differences: &[Difference<'_>]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
