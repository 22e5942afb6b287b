//! Other names and places for entries that are there (`ModifyDN`, RFC 4511 section 4.9), and what follows from them.
//!
//! A new name and new attributes are two requests. The name comes first: if it is refused, nothing is done. Groups that
//! list the entry by its old name follow next, where the server has not seen to that itself; then the attributes, by
//! the new name. Only who is switched off is switched off first: nobody is put away with a login that works. Whatever
//! is cut short is found by the entry's stable id and gone through once more; every step can be done twice.

mod follow;

use super::Dsa;
use super::connection::Connection;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::name::Dn;
use super::name::Rdn;
use super::profile::New;
use super::write::another;
use super::write::assertion;
use super::write::is_misled;
use super::write::protected;
use super::write::reject;
use crate::directory::Pace;
use crate::roster::attribute::AttributeName;
use crate::roster::change::Change;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Done;
use crate::roster::operation::Update;
use crate::roster::place::Home;
use crate::roster::place::Place;
use crate::roster::place::Relocation;
use crate::roster::place::Step;
use crate::roster::place::Wish;

/// The way of one entry from one name to another.
struct Way {
    from: Dn,
    to: Dn,
}

impl Dsa {
    /// Returns where an entry belongs, when that is another place than where it is.
    pub(super) fn relocated(&self, locator: &str, home: &Home<'_>) -> Result<Option<Place>, String> {
        let is_settled = |wish: &Wish<'_>| wish.locator.is_none() && wish.username.is_none() && wish.changes.is_empty();
        if matches!(home, Home::Feed(wish, _) if is_settled(wish)) {
            return Ok(None);
        }
        if let Home::New(account) = home {
            let there = self.place(&account.username, account.locator.as_deref(), &account.attributes)?;
            let step = Step { from: locator.into(), to: there.to_string().into() };
            return Ok(Some(Place { step, renames: false, moves: false, named_by: Vec::new() }));
        }
        let here = Dn::parse(locator).map_err(|e| e.to_string())?;
        let Some(parent) = here.parent() else { return Ok(None) };
        let (rdn, parent, named_by) = match home {
            Home::Feed(wish, may) => {
                let (new, named_by) = self.called(&here, wish)?;
                let wanted = wish.locator.map(|locator| self.inside(locator)).transpose()?;
                let rdn = wanted.as_ref().map_or(new, |wanted| wanted.rdn().clone());
                let below = wanted.and_then(|wanted| wanted.parent()).filter(|_| may.relocate).unwrap_or(parent);
                (if may.rename { rdn } else { here.rdn().clone() }, below, named_by)
            }
            Home::Back(wish, before) => {
                let (_, named_by) = self.called(&here, wish)?;
                let before = before.and_then(|before| Dn::parse(before).ok()).and_then(|before| before.parent());
                let wanted = wish.locator.map(|locator| self.inside(locator)).transpose()?;
                let below = wanted.and_then(|wanted| wanted.parent()).or(before);
                (here.rdn().clone(), below.unwrap_or_else(|| self.site.people_base.clone()), named_by)
            }
            Home::New(_) => return Ok(None),
            Home::Archive => {
                let archive = self.site.archive_base.clone().ok_or("the target has no `archive_base`")?;
                (here.rdn().clone(), archive, Vec::new())
            }
            Home::Aside(called) => {
                let is_called_so = here.rdn().value(&self.site.username_attribute).is_some();
                let first = || here.rdn().values().next().map(|(name, _)| name.to_owned());
                let attribute = if is_called_so { Some(self.site.username_attribute.clone()) } else { first() };
                let rdn = attribute.and_then(|name| here.rdn().with(&name, called));
                (rdn.ok_or("the entry has no name that could be another one for a while")?, parent, Vec::new())
            }
        };
        let there = parent.child(rdn);
        let renames = there.rdn().key() != here.rdn().key();
        if let Some(why) = self.overlong(&there).filter(|_| renames) {
            return Err(why);
        }
        let moves = there.parent().map(|dn| dn.key()) != here.parent().map(|dn| dn.key());
        Ok((renames || moves).then(|| Place {
            step: Step { from: here.to_string().into(), to: there.to_string().into() },
            renames,
            moves,
            named_by,
        }))
    }

    /// Returns what an entry is called when attributes change that are part of its name, and which these are.
    fn called(&self, here: &Dn, wish: &Wish<'_>) -> Result<(Rdn, Vec<AttributeName>), String> {
        let mut rdn = here.rdn().clone();
        let mut named_by = Vec::new();
        if let Some(username) = wish.username {
            rdn = rdn.with(&self.site.username_attribute, username).ok_or("the login name is empty")?;
        }
        for change in wish.changes {
            let Some(value) = here.rdn().value(change.attribute.as_str()) else { continue };
            if change.attribute.is(&self.site.username_attribute) || keeps(change, value) {
                continue;
            }
            let first = change.new.iter().find_map(|value| std::str::from_utf8(value).ok());
            let called = first.and_then(|value| rdn.with(change.attribute.as_str(), value));
            // A change that leaves nothing to be named by is refused when it is written.
            rdn = called.unwrap_or(rdn);
            named_by.push(change.attribute.clone());
        }
        Ok((rdn, named_by))
    }

    /// Gives the entry its new name and place, lets groups follow, and does the rest of the update.
    pub(super) async fn relocate(
        &self,
        connection: &Connection,
        pace: &Pace,
        update: &Update,
        relocation: &Relocation,
    ) -> Result<Done, Fault> {
        let way = match &relocation.place {
            Some(Step { from, to }) => {
                Some(Way { from: Dn::parse(from).map_err(|e| reject(&e))?, to: Dn::parse(to).map_err(|e| reject(&e))? })
            }
            None => None,
        };
        // Asked here, since a login name need not be a part of the entry's.
        if let Some(why) = relocation.username.as_ref().and_then(|step| self.guards_new_name(&step.to)) {
            return Err(reject(&why));
        }
        let rest = self.rest(update, relocation, way.as_ref());
        if update.enabled == Some(false) {
            let off = Update { id: update.id.clone(), ..rest };
            self.update(connection, &off).await?;
            pace.permit().await;
            return match self.rename(connection, update, way.as_ref()).await {
                Ok(()) => {
                    let left_behind =
                        self.follow(connection, pace, relocation, way.as_ref()).await.map_err(half_done)?;
                    Ok(left_behind.map_or(Done::Changed, Done::ChangedBut))
                }
                Err(Fault { next: Next::RejectRow, reason, .. }) => {
                    Ok(Done::ChangedBut(format!("it was switched off, but not moved: {reason}")))
                }
                Err(fault) => Err(half_done(fault)),
            };
        }
        self.rename(connection, update, way.as_ref()).await?;
        let left_behind = self.follow(connection, pace, relocation, way.as_ref()).await.map_err(half_done)?;
        pace.permit().await;
        let rest = self.without_what_is_done(connection, rest, relocation).await.map_err(half_done)?;
        let changed = self.update(connection, &rest).await;
        match (changed, left_behind) {
            (Ok(_), None) => Ok(Done::Changed),
            (Ok(_), Some(left_behind)) => Ok(Done::ChangedBut(left_behind)),
            (Err(fault), _) if fault.next == Next::RejectRow && way.is_some() => Err(Fault {
                reason: format!("it was renamed or moved, but the rest was refused: {}", fault.reason),
                ..fault
            }),
            (Err(fault), _) => Err(half_done(fault)),
        }
    }

    /// Returns what is left of an update when the entry has its new name: the request that gives it writes the
    /// attributes of the name too.
    fn rest(&self, update: &Update, relocation: &Relocation, way: Option<&Way>) -> Update {
        let mut rest = Update { relocation: None, id: update.id_after(), ..update.clone() };
        if let Some(Step { from, to }) = &relocation.username {
            rest.username = to.clone();
            let value = |text: &str| Box::from([Box::from(text.as_bytes())]);
            let attribute = AttributeName::new(&self.site.username_attribute);
            rest.changes.retain(|change| change.attribute != attribute);
            rest.changes.push(Change { attribute, old: value(from), new: value(to) });
            rest.changes.extend(self.made_of_name(from, to, &update.changes));
        }
        if let Some(Way { from, to }) = way {
            rest.changes = rest.changes.iter().filter_map(|change| after(change, from.rdn(), to.rdn())).collect();
        }
        rest
    }

    /// Returns the changes of what the server makes rosterd derive from a login name, such as a principal name, unless
    /// the row says it.
    fn made_of_name(&self, from: &str, to: &str, changes: &[Change]) -> Vec<Change> {
        let suffix = &self.site.upn_suffix;
        let of = |username| {
            let new = New { username, suffix, password: None, must_change: false };
            (self.site.profile.credentials.of_new)(&new).unwrap_or_default()
        };
        let made = of(from).into_iter().zip(of(to)).filter(|((name, old), (same, new))| name == same && old != new);
        let made = made.map(|((name, old), (_, new))| Change {
            attribute: AttributeName::new(name),
            old: [old.into()].into(),
            new: [new.into()].into(),
        });
        made.filter(|made| !changes.iter().any(|change| change.attribute == made.attribute)).collect()
    }

    /// Takes out of what is left what the entry has already, or never had: nobody has looked yet.
    async fn without_what_is_done(
        &self,
        connection: &Connection,
        mut rest: Update,
        relocation: &Relocation,
    ) -> Result<Update, Fault> {
        let Some(Step { from, to }) = &relocation.username else { return Ok(rest) };
        let same = self.same(&rest.id);
        let name = AttributeName::new(&self.site.username_attribute);
        if rest.changes.iter().any(|change| change.attribute == name) {
            let (old, new) = (Filter::eq(name.as_str(), from), Filter::eq(name.as_str(), to));
            let has_it = Filter::all([same.clone(), new, old.negated()]);
            if self.read_one(connection, &rest.id.locator, &has_it, &["1.1"]).await?.is_some() {
                rest.changes.retain(|change| change.attribute != name);
            }
        }
        for made in self.made_of_name(from, to, &[]) {
            let Some(at) = rest.changes.iter().position(|change| *change == made) else { continue };
            let old = made.old.first().map(|old| Filter::eq(made.attribute.as_str(), &String::from_utf8_lossy(old)));
            let has_old = Filter::all([same.clone()].into_iter().chain(old));
            // What somebody has chosen by hand is theirs.
            if self.read_one(connection, &rest.id.locator, &has_old, &["1.1"]).await?.is_none() {
                rest.changes.remove(at);
            }
        }
        Ok(rest)
    }

    /// Sends one `ModifyDN`, unless the entry has that name already.
    async fn rename(&self, connection: &Connection, update: &Update, way: Option<&Way>) -> Result<(), Fault> {
        let Some(Way { to, .. }) = way else { return Ok(()) };
        let here = Dn::parse(&update.id.locator).map_err(|e| reject(&e))?;
        if here.key() == to.key() {
            return Ok(());
        }
        let username = update.relocation.as_ref().and_then(|relocation| relocation.username.as_ref());
        let names = [(&here, &update.username), (to, username.map_or(&update.username, |step| &step.to))];
        for (dn, username) in names {
            if let Some(why) = self.guards(dn, username) {
                return Err(protected(&why));
            }
        }
        let same = self.same(&update.id);
        let has_assertion = connection.root.has_assertion();
        let guards = &self.site.profile.guards;
        if guards.needs_a_look || !has_assertion {
            let attributes = if guards.attributes.is_empty() { &["1.1"][..] } else { guards.attributes };
            let entry = self.read_one(connection, &update.id.locator, &same, attributes).await?;
            if let Some(why) = (guards.reason)(&entry.ok_or_else(another)?) {
                return Err(protected(why));
            }
        }
        let controls = if has_assertion { vec![assertion(&same)] } else { Vec::new() };
        let parent = to.parent().filter(|parent| here.parent().is_none_or(|now| now.key() != parent.key()));
        let (rdn, parent) = (to.rdn().to_string(), parent.map(|parent| parent.to_string()));
        let send = async |controls| {
            let sent = connection.rename(&update.id.locator, &rdn, parent.as_deref(), controls).await;
            sent.map_err(Trouble::of_write)
        };
        let mut answer = send(controls).await?;
        if is_misled(&answer) && self.read_one(connection, &update.id.locator, &same, &["1.1"]).await?.is_some() {
            answer = send(Vec::new()).await?;
        }
        match (answer.rc, parent) {
            (0, _) => Ok(()),
            // Either the entry is gone, or there is nothing where it is to go.
            (32, Some(parent)) if self.read_one(connection, &update.id.locator, &same, &["1.1"]).await?.is_some() => {
                Err(reject(&format!("the entry {parent}, which it is to be below, does not exist")).with_code(32))
            }
            _ => Err(refused(During::Rename, &answer, None)),
        }
    }
}

/// Returns whether the attribute has `value` after the change.
fn keeps(change: &Change, value: &str) -> bool {
    let key = MatchKey::new(value);
    change.new.iter().filter_map(|v| std::str::from_utf8(v).ok()).any(|v| MatchKey::new(v) == key)
}

/// Returns what is left of a change when the entry is called `new` rather than `old`; nothing if that was all.
fn after(change: &Change, old: &Rdn, new: &Rdn) -> Option<Change> {
    let name = change.attribute.as_str();
    let folded = |octets: &[u8]| std::str::from_utf8(octets).map(MatchKey::new).ok();
    let (gone, come) = (old.value(name), new.value(name));
    if gone.is_none() && come.is_none() {
        return Some(change.clone());
    }
    let is = |octets: &[u8], value: Option<&str>| value.is_some() && folded(octets) == value.map(MatchKey::new);
    let stays = |octets: &[u8]| is(octets, come) || !is(octets, gone);
    let mut now: Vec<Box<[u8]>> = change.old.iter().filter(|octets| stays(octets)).cloned().collect();
    if let Some(come) = come.filter(|come| !now.iter().any(|octets| is(octets, Some(come)))) {
        // As the change spells it, so that nothing is left to be done.
        let spelled = change.new.iter().find(|octets| is(octets, Some(come))).cloned();
        now.push(spelled.unwrap_or_else(|| come.as_bytes().into()));
    }
    let left = Change { attribute: change.attribute.clone(), old: now.into(), new: change.new.clone() };
    let differs = left.added().next().is_some() || left.removed().next().is_some();
    differs.then_some(left)
}

/// After the new name was given, nothing is "not done": it must be looked at.
fn half_done(fault: Fault) -> Fault {
    match fault.next {
        Next::RejectRow => fault,
        Next::StopRun => Fault { code: None, ..fault },
        Next::Retry | Next::LookAgain => Fault { next: Next::LookAgain, code: None, ..fault },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rdn(text: &str) -> Rdn {
        Dn::parse(&format!("{text},o=x")).expect(text).rdn().clone()
    }

    fn change(old: &[&str], new: &[&str]) -> Change {
        let octets = |values: &[&str]| values.iter().map(|value| value.as_bytes().into()).collect();
        Change { attribute: AttributeName::new("cn"), old: octets(old), new: octets(new) }
    }

    fn left(old: &[&str], new: &[&str], from: &str, to: &str) -> Option<String> {
        after(&change(old, new), &rdn(from), &rdn(to)).map(|change| change.to_string())
    }

    #[test]
    fn what_the_new_name_brings_is_not_written_twice() {
        assert_eq!(left(&["Ada Byron"], &["Ada King"], "cn=Ada Byron", "cn=Ada King"), None);
        assert_eq!(
            left(&["Ada Byron"], &["Ada King"], "uid=ada", "uid=aking"),
            Some("cn: Ada Byron -> Ada King".into())
        );
        let both = left(&["Ada Byron", "Countess"], &["Ada King"], "cn=Ada Byron", "cn=Ada King");
        assert_eq!(both, Some("cn: Countess | Ada King -> Ada King".into()));
        let kept = left(&["Ada Byron"], &["Ada King", "Ada Byron"], "cn=Ada Byron", "cn=Ada King");
        assert_eq!(kept, Some("cn: Ada King -> Ada King | Ada Byron".into()));
        assert_eq!(left(&["ADA"], &["Ada King"], "cn=ada", "cn=Ada  King"), None);
    }

    #[test]
    fn a_value_of_a_name_of_two_parts_is_replaced_alone() {
        let name = rdn("cn=Ada Byron+uid=ada");
        assert_eq!(name.with("uid", "aking").expect("a name").to_string(), "cn=Ada Byron+uid=aking");
        assert_eq!(name.with("sn", "King").expect("a name"), name);
        assert_eq!(name.with("cn", " "), None);
    }
}
