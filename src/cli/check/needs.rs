//! What the feeds of a target need there.

use crate::config::FeedConfig;
use crate::directory::ldap::Needs;
use crate::roster::account::Action;
use crate::roster::account::GroupKind;
use crate::roster::planner::OldPolicy;

/// Adds up what feeds do.
pub fn of_feeds<'f>(feeds: impl Iterator<Item = &'f FeedConfig>) -> Needs {
    let mut needs = Needs::default();
    for feed in feeds {
        let feed = &feed.feed;
        let settings = feed.mapping.settings();
        let (choices, plan, may) = (settings.choices, &feed.plan, feed.matching.may);
        let auto = choices.action == Action::Auto;
        needs
            .mapped
            .extend(feed.mapped.iter().filter(|name| !needs.mapped.contains(name)).cloned().collect::<Vec<_>>());
        needs.creates |= auto && choices.add;
        needs.updates |= auto && choices.update;
        let passwords = plan.passwords;
        needs.resets |= passwords.generate_for_existing || passwords.from_file_for_existing;
        let leaves = !matches!(plan.old, OldPolicy::Keep | OldPolicy::Report);
        needs.switches |= choices.action == Action::Disable || leaves;
        let deletes_old = matches!(plan.old, OldPolicy::Delete { .. });
        needs.deletes |= choices.action == Action::Delete || settings.allow_delete || deletes_old;
        let archives = matches!(plan.old, OldPolicy::Move | OldPolicy::Delete { archives: true, .. });
        needs.relocates |= may.rename || may.relocate || archives;
        if auto {
            needs.members = vec![GroupKind::Group, GroupKind::Role, GroupKind::Channel];
        }
        for (kind, rules) in [(GroupKind::Group, &feed.groups), (GroupKind::Role, &feed.roles)] {
            if rules.create && !needs.groups.contains(&kind) {
                needs.groups.push(kind);
            }
        }
        if (auto && choices.add && passwords.generate_for_new) || passwords.generate_for_existing {
            let length = feed.passwords.length();
            needs.shortest_password = Some(needs.shortest_password.map_or(length, |shortest| shortest.min(length)));
        }
    }
    needs
}
