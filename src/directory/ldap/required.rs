//! What new accounts must have, by the server's schema as far as that is known.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use super::Dsa;
use super::server::Schema;

/// The schema that was read last, and what follows from it.
#[derive(Debug, Default)]
pub struct KnownSchema(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    schema: Option<Arc<Schema>>,
    /// Found out once: it is asked for each new account.
    required: Option<Arc<BTreeSet<String>>>,
}

impl Dsa {
    /// Returns the schema, if it was read.
    pub(super) fn known_schema(&self) -> Option<Arc<Schema>> {
        self.schema.0.read().unwrap_or_else(PoisonError::into_inner).schema.clone()
    }

    /// Keeps the schema that was read.
    pub(super) fn keep_schema(&self, schema: &Arc<Schema>) {
        let known = Known { schema: Some(Arc::clone(schema)), required: None };
        *self.schema.0.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// Returns the attributes that a new account must have: by the schema if it is known by now, else by RFC 4519.
    pub(super) fn required_attributes(&self) -> Arc<BTreeSet<String>> {
        let known = self.schema.0.read().unwrap_or_else(PoisonError::into_inner).required.clone();
        known.unwrap_or_else(|| {
            let mut known = self.schema.0.write().unwrap_or_else(PoisonError::into_inner);
            let required = Arc::new(self.required_by(known.schema.as_deref()));
            Arc::clone(known.required.insert(required))
        })
    }

    fn required_by(&self, schema: Option<&Schema>) -> BTreeSet<String> {
        let classes = &self.site.object_classes;
        let required: BTreeSet<String> = match schema.filter(|schema| !schema.is_empty()) {
            Some(schema) => schema.required(classes).into_iter().collect(),
            None => {
                let persons = ["person", "organizationalPerson", "inetOrgPerson"];
                let is_person = classes.iter().any(|class| persons.iter().any(|p| p.eq_ignore_ascii_case(class)));
                if is_person { ["sn", "cn"].map(str::to_owned).into() } else { BTreeSet::new() }
            }
        };
        let made_up = self.site.profile.peculiar.made_up;
        let given = self.allocates();
        let is_made_up = |name: &String| {
            made_up.contains(&name.as_str()) || given.iter().any(|given| given.eq_ignore_ascii_case(name))
        };
        required.into_iter().filter(|name| name != "objectclass" && !is_made_up(name)).collect()
    }
}
