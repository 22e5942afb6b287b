//! What a service does not store: by its schema, by refusal, or by saying that it has and not doing it.

use super::flat;
use super::path::AttributePath;
use super::provider::Provider;
use super::service::Capability;
use super::service::Mutability;
use super::wire::Resource;
use super::wire::urn;
use crate::roster::attribute::AttributeName;
use crate::roster::change::Change;
use crate::roster::remark::Remark;

impl Provider {
    /// Returns whether an attribute is not written any more.
    pub(super) fn is_left_out(&self, name: &AttributeName) -> bool {
        let Ok(path) = AttributePath::of(name) else { return false };
        flat::not_stored(&path, &self.service).is_some()
            || self.service.downgrades.refused_attribute(&path.to_string()).is_some()
    }

    /// Writes an attribute no more, and tells so once.
    pub(super) fn leave_out(&self, name: &AttributeName, why: &str) {
        let path = AttributePath::of(name).map_or_else(|_| name.to_string(), |path| path.to_string());
        if self.service.downgrades.refuse_attribute(&path, why.to_owned()) {
            self.remarks.tell(Remark::NotStored(name.to_string()));
        }
    }

    /// Returns whether new accounts get a password: where the service takes one, and nobody on the way can read it.
    /// `changePassword` (RFC 7643 section 5) is about later ones; the service's own schema may have the attribute anyway.
    pub(super) fn takes_passwords(&self) -> bool {
        let schema = &self.service.schema;
        let rule = schema.rule(urn::USER, "password", None).filter(|_| schema.is_of_service());
        let is_listed = rule.is_some_and(|rule| rule.mutability != Mutability::ReadOnly);
        (self.service.can(Capability::ChangePassword) || is_listed) && self.settings.is_private()
    }

    /// Returns whether accounts that are there get other passwords.
    pub(super) fn changes_passwords(&self) -> bool {
        self.service.can(Capability::ChangePassword) && self.settings.is_private()
    }

    /// Compares a resource that was read back with what was written. Returns the attributes that are as they were, though
    /// the service says that it has written them; what it spells in another way is not among them. `before` is as it was,
    /// nothing for a new one, of which such attributes are left out from now on.
    pub(super) fn prove<'c>(
        &self,
        after: &Resource,
        before: Option<&Resource>,
        changes: &'c [Change],
    ) -> Vec<&'c Change> {
        let differing = flat::unstored(after, changes, &self.service.schema);
        let differs = |change: &Change| differing.iter().any(|other| other.attribute == change.attribute);
        let good = changes.iter().filter(|change| !differs(change));
        self.tally.count(good.map(|change| change.attribute.as_str()));
        let is_as_before = |change: &&Change| {
            let Ok(path) = AttributePath::of(&change.attribute) else { return false };
            after.values(&path) == before.map(|before| before.values(&path)).unwrap_or_default()
        };
        let lost: Vec<&Change> = differing.iter().copied().filter(is_as_before).collect();
        for change in &lost {
            self.tally.forget(change.attribute.as_str());
            if before.is_none() {
                self.leave_out(&change.attribute, "it is not there when it is read back");
            }
        }
        lost
    }
}
