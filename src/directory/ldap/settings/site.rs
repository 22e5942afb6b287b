//! What is where on a server of a known kind.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;

use super::Access;
use super::GroupClass;
use super::GroupType;
use super::Identity;
use super::LdapSettings;
use super::PasswordStorage;
use super::SearchScope;
use super::SettingFault;
use super::dn;
use super::fault;
use crate::directory::ldap::filter::Filter;
use crate::directory::ldap::group::Class;
use crate::directory::ldap::name::Dn;
use crate::directory::ldap::name::is_attribute_description;
use crate::directory::ldap::posix::PosixSettings;
use crate::directory::ldap::profile::Profile;
use crate::directory::ldap::protected::Listed;
use crate::directory::ldap::protected::Protected;
use crate::directory::ldap::window::Width;
use crate::roster::account::GroupKind;

/// The most that are unanswered unless the configuration says a number. OpenLDAP cuts a connection off above 1,000.
const WINDOW: usize = 128;

/// What is where on a server of a known kind; names and filters are parsed.
#[derive(Debug)]
pub struct Site {
    pub profile: &'static Profile,
    pub people_base: Dn,
    /// Where those are who have left.
    pub archive_base: Option<Dn>,
    pub scope: SearchScope,
    pub people_filter: Filter,
    pub object_classes: Vec<String>,
    pub username_attribute: String,
    /// The attribute that new entries are named by.
    pub naming_attribute: String,
    pub bases: [(GroupKind, Option<Dn>); 3],
    /// The class of new groups.
    pub group_class: Class,
    /// The class of new roles.
    pub role_class: Class,
    pub group_type: GroupType,
    pub upn_suffix: String,
    pub gids: RangeInclusive<u32>,
    pub posix: Option<PosixSettings>,
    pub page_size: i32,
    pub in_flight: Width,
    pub transactions: Option<NonZeroUsize>,
    pub protected: Protected,
    pub password_storage: PasswordStorage,
}

impl LdapSettings {
    /// Proves the settings for one kind of server.
    pub(in super::super) fn site(&self, profile: &'static Profile, access: &Access) -> Result<Site, SettingFault> {
        let defaults = &profile.defaults;
        if let Some(why) = profile.cannot_store(self.password_storage) {
            let word = self.password_storage.word();
            let reason = format!("\"{word}\" cannot be used with {}: {why}", profile.title);
            return Err(fault("password_storage", reason));
        }
        let or = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
        let attribute = |key, name: String| match is_attribute_description(&name) {
            true => Ok(name),
            false => Err(fault(key, format!("`{name}` is not an attribute's name"))),
        };
        let username_attribute =
            attribute("username_attribute", or(&self.username_attribute, defaults.username_attribute))?;
        let naming = defaults.naming_attribute.unwrap_or(&username_attribute);
        let naming_attribute = attribute("naming_attribute", or(&self.naming_attribute, naming))?;
        let object_classes = self
            .object_classes
            .clone()
            .unwrap_or_else(|| defaults.object_classes.iter().map(|class| (*class).to_owned()).collect());
        if object_classes.is_empty() || !object_classes.iter().all(|c| is_attribute_description(c)) {
            return Err(fault("object_classes", "needs the names of one or more object classes"));
        }
        if self.group_gid_range.is_empty() {
            return Err(fault("group_gid_range", "the first number must not be greater than the second"));
        }
        if let Some(posix) = &self.posix {
            let proof = posix.prove(&object_classes, profile, &self.group_gid_range);
            proof.map_err(|reason| fault("posix", reason))?;
        }
        let class = |key, kind: GroupKind, name: &str| {
            profile.classes(kind).find(|class| class.name == name).copied().ok_or_else(|| {
                let known: Vec<&str> = profile.classes(kind).map(|class| class.name).collect();
                let reason =
                    format!("{} has no {}s of class {name}, only {}", profile.title, kind.word(), known.join(", "));
                fault(key, reason)
            })
        };
        let name = self.group_class.map_or(defaults.group_class, GroupClass::name);
        let group_class = class("group_class", GroupKind::Group, name)?;
        let role_class = match self.role_class {
            Some(name) => class("role_class", GroupKind::Role, name.name())?,
            None => group_class,
        };
        let listed = Listed { people: &self.protected, approvers: &self.approvers, groups: &self.protected_groups };
        let own = if let Identity::Simple(dn, _) = &access.identity { Some(dn) } else { None };
        let base = |key, text: &Option<String>| text.as_deref().map(|text| dn(key, text)).transpose();
        let filter = or(&self.people_filter, defaults.people_filter);
        let people_filter = Filter::parse(&filter)
            .ok_or_else(|| fault("people_filter", format!("`{filter}` is not an LDAP filter")))?;
        let people_base = dn("people_base", &self.people_base)?;
        Ok(Site {
            profile,
            upn_suffix: self.upn_suffix.clone().unwrap_or_else(|| people_base.domain()),
            people_base,
            archive_base: base("archive_base", &self.archive_base)?,
            scope: self.scope,
            people_filter,
            object_classes,
            username_attribute,
            naming_attribute,
            bases: [
                (GroupKind::Group, base("group_base", &self.group_base)?),
                (GroupKind::Role, base("role_base", &self.role_base)?),
                (GroupKind::Channel, base("channel_base", &self.channel_base)?),
            ],
            group_class,
            role_class,
            group_type: self.group_type,
            gids: self.group_gid_range.clone(),
            posix: self.posix.clone(),
            page_size: i32::try_from(self.page_size.get()).unwrap_or(i32::MAX),
            in_flight: self.in_flight.map_or(Width::UpTo(WINDOW), |n| Width::Fixed(n.get())),
            transactions: self.transactions,
            protected: Protected::new(listed, &profile.guards, own)?,
            password_storage: self.password_storage,
        })
    }
}

impl Site {
    /// Returns whether an entry is among those who have left.
    pub fn is_archived(&self, dn: &str) -> bool {
        let is_within = |archive: &Dn| Dn::parse(dn).is_ok_and(|dn| dn.is_within(archive));
        self.archive_base.as_ref().is_some_and(is_within)
    }

    /// Returns where accounts are, and how deep: the archive apart, unless it is read with the others.
    pub fn homes(&self) -> Vec<(&Dn, SearchScope)> {
        let is_inside = |archive: &&Dn| self.scope == SearchScope::Subtree && archive.is_within(&self.people_base);
        let archive = self.archive_base.as_ref().filter(|archive| !is_inside(archive));
        let archive = archive.map(|archive| (archive, SearchScope::Subtree));
        [(&self.people_base, self.scope)].into_iter().chain(archive).collect()
    }

    /// Returns where groups of a kind are.
    pub fn base(&self, kind: GroupKind) -> Option<&Dn> {
        self.bases.iter().find(|(k, _)| *k == kind).and_then(|(_, base)| base.as_ref())
    }
}
