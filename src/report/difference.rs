//! What is to change for one person, attribute by attribute, in the one shape that all reports share.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::slice;

use serde::Serialize;
use serde::Serializer;

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
#[derive(Clone, Debug, Serialize)]
pub(super) struct Difference<'a> {
    #[serde(rename = "attribute")]
    pub(super) name: &'a str,
    pub(super) old: Values<'a>,
    pub(super) new: Values<'a>,
    #[serde(skip)]
    pub(super) about: About,
}

/// The values of one side. Mostly it is one, which needs no list of its own.
#[derive(Clone, Debug)]
pub(super) enum Values<'a> {
    /// Just this one.
    One(Cow<'a, str>),
    /// However many there are.
    List(Vec<Cow<'a, str>>),
}

impl<'a> Deref for Values<'a> {
    type Target = [Cow<'a, str>];

    fn deref(&self) -> &Self::Target {
        match self {
            Self::One(value) => slice::from_ref(value),
            Self::List(values) => values,
        }
    }
}

impl<'a> FromIterator<Cow<'a, str>> for Values<'a> {
    fn from_iter<I: IntoIterator<Item = Cow<'a, str>>>(values: I) -> Self {
        let mut values = values.into_iter();
        let Some(first) = values.next() else { return Self::List(Vec::new()) };
        let Some(second) = values.next() else { return Self::One(first) };
        Self::List([first, second].into_iter().chain(values).collect())
    }
}

impl<'a> From<&'a str> for Values<'a> {
    fn from(value: &'a str) -> Self {
        Self::One(value.into())
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
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
            let (old, new) = ("present".into(), Values::List(Vec::new()));
            all.push(Difference { name: "account", old, new, about: About::Attribute });
        }
        Intent::Create(create) => {
            // What is mostly enough: growing step by step takes longer than all the rest.
            all.reserve(16);
            let account = plan.account(item);
            for (name, values) in account.iter().flat_map(|account| account.attributes.iter()) {
                if !values.is_empty() {
                    all.push(fresh(name.as_str(), shown(name.as_str(), values.octets())));
                }
            }
            all.extend(create.deferred.iter().map(deferred));
            let given = |name: &'a AttributeName| fresh(name.as_str(), "(allocated when created)".into());
            all.extend(create.allocates.iter().map(given));
            all.extend(create.memberships.iter().filter_map(|change| membership(change, held(HoldClass::Removals))));
            all.push(fresh("password", source(create.password).into()));
            all.push(fresh("change password next time", word(create.must_change).into()));
        }
        Intent::Update(update) => {
            let whole = [HoldClass::Updates, HoldClass::Moves, HoldClass::Takeovers];
            let held_whole = whole.into_iter().any(|class| held(class) && guard::count(item, class) > 0);
            if !held_whole {
                all.extend(of_update(update, &held));
            }
            // A letter that is owed is not held: without the new password nobody could log in.
            if !(held(HoldClass::Passwords) || held_whole) || update.letter_owed {
                all.extend(update.password.map(|password| fresh("password", source(password).into())));
                all.extend(update.must_change.map(|on| fresh("change password next time", word(on).into())));
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
        let values = |values: &'a [Box<[u8]>]| shown(name, values.iter().map(AsRef::as_ref));
        all.push(Difference { name, old: values(&change.old), new: values(&change.new), about: About::Attribute });
    }
    let stays = |change: &&DeferredChange| !(change.clears() && held(HoldClass::Clears));
    all.extend(update.deferred.iter().filter(stays).map(deferred));
    all.extend(update.memberships.iter().filter_map(|change| membership(change, held(HoldClass::Removals))));
    all.extend(update.enabled.map(|on| switched("enabled", on)));
    all
}

fn deferred(change: &DeferredChange) -> Difference<'_> {
    let values = |values: &[DeferredValue]| values.iter().map(|value| value.to_string().into()).collect();
    let (old, new) = (values(&change.old), values(&change.new));
    Difference { name: change.attribute.as_str(), old, new, about: About::Deferred }
}

fn fresh<'a>(name: &'a str, new: Values<'a>) -> Difference<'a> {
    Difference { name, old: Values::List(Vec::new()), new, about: About::Fresh }
}

fn switched(name: &str, on: bool) -> Difference<'_> {
    Difference { name, old: word(!on).into(), new: word(on).into(), about: About::Attribute }
}

fn stepped<'a>(name: &'a str, step: &'a Step) -> Difference<'a> {
    let Step { from, to } = step;
    Difference { name, old: (**from).into(), new: (**to).into(), about: About::Attribute }
}

fn word(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}

fn source(password: PasswordSource) -> &'static str {
    match password {
        PasswordSource::Row => "(from the roster)",
        PasswordSource::Generated => "(generated)",
    }
}

fn membership(change: &MembershipChange, removals_held: bool) -> Option<Difference<'_>> {
    let name = match change.kind {
        GroupKind::Group => "groups",
        GroupKind::Role => "roles",
        GroupKind::Channel => "channels",
    };
    let stays = |group: &&GroupName| removals_held || !change.remove.contains(group);
    let before = change.before.iter();
    let after = before.clone().filter(stays).chain(change.add.iter().filter(|group| !change.before.contains(group)));
    let old: Values<'_> = before.map(|group| group.as_str().into()).collect();
    let new: Values<'_> = after.map(|group| group.as_str().into()).collect();
    (*old != *new).then_some(Difference { name, old, new, about: About::Membership })
}

/// Returns values for people, unless the attribute holds a secret: a mapping can name any attribute.
fn shown<'a>(attribute: &str, values: impl Iterator<Item = &'a [u8]>) -> Values<'a> {
    const SECRET: [&str; 7] = [
        "userPassword",
        "unicodePwd",
        "password",
        "authPassword",
        "sambaNTPassword",
        "sambaLMPassword",
        "krbPrincipalKey",
    ];
    let bare = attribute.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    let secret = SECRET.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(bare));
    values.map(|octets| if secret { "***".into() } else { show_octets(octets) }).collect()
}

/// Shows `mail: a@x.org -> b@x.org`, and `groups: Staff | Sales` where there was nothing before.
impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl Difference<'_> {
    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let Self { name, old, new, about } = self;
        out.write_str(name)?;
        out.write_str(": ")?;
        let was_there = match about {
            About::Fresh => false,
            About::Deferred | About::Membership => !old.is_empty(),
            About::Attribute => true,
        };
        if was_there {
            write_values(old, out)?;
            out.write_str(" -> ")?;
        }
        write_values(new, out)
    }
}

fn write_values(values: &[Cow<'_, str>], out: &mut impl fmt::Write) -> fmt::Result {
    let Some((first, rest)) = values.split_first() else { return out.write_str("(none)") };
    out.write_str(first)?;
    for value in rest {
        out.write_str(" | ")?;
        out.write_str(value)?;
    }
    Ok(())
}

/// Returns differences in one line.
pub(super) fn in_one_line(differences: &[Difference<'_>]) -> String {
    // About as much as an attribute of a person takes.
    let mut line = String::with_capacity(32 * differences.len());
    for (index, difference) in differences.iter().enumerate() {
        if index > 0 {
            line.push_str("; ");
        }
        let _infallible = difference.write(&mut line);
    }
    line
}
