//! There and back again.

use proptest::prelude::*;

use super::*;
use crate::roster::diff;
use crate::roster::diff::Policy;

/// Attributes of a feed with one value each, but for roles.
fn any_attributes() -> impl Strategy<Value = Vec<(&'static str, Vec<String>)>> {
    let names = ["givenName", "sn", "cn", "title", "mail", "mobile", "l", "street", "department", "manager", "roles"];
    let value = "[a-zA-Z0-9 @.\"\\\\äß]{1,10}";
    proptest::sample::subsequence(names.to_vec(), 0..names.len()).prop_flat_map(move |names| {
        names
            .into_iter()
            .map(|name| {
                let most = if name == "roles" { 4 } else { 2 };
                proptest::collection::hash_set(value, 0..most)
                    .prop_map(move |values| (name, values.into_iter().collect()))
            })
            .collect::<Vec<_>>()
    })
}

proptest! {
    /// What was sent is read back as it was wanted, and then there is nothing more to change.
    #[test]
    fn an_account_that_was_created_needs_no_change(pairs in any_attributes()) {
        let service = service();
        let wanted: Attributes = pairs.iter().cloned().collect();
        let body = resource_of(&new(&wanted), &service).map_err(|fault| TestCaseError::fail(fault.to_string()))?.sent;
        let names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
        let account = read(&shown(&body), &names, &service);
        prop_assert_eq!(diff::changes(&account.attributes, &wanted, |_| Policy::Force), []);
    }

    /// The operations lead from what is there to what is wanted, by PATCH, by whole attributes and by PUT.
    #[test]
    fn operations_lead_to_what_is_wanted(before in any_attributes(), after in any_attributes()) {
        let service = service();
        let (before, wanted): (Attributes, Attributes) = (before.into_iter().collect(), after.iter().cloned().collect());
        let body = resource_of(&new(&before), &service).map_err(|fault| TestCaseError::fail(fault.to_string()))?.sent;
        let existing = shown(&body);
        let names: Vec<&str> = after.iter().map(|(name, _)| *name).collect();
        let changes = diff::changes(&read(&existing, &names, &service).attributes, &wanted, |_| Policy::Force);
        let patch = operations(&changes, Some(&existing), &service);
        prop_assert_eq!(patch.len(), changes.len());
        let done = |body: Map<String, Value>| -> Resource { resource(&Value::Object(body)) };
        let mut by_parts = existing.clone();
        for operation in &patch {
            by_parts = done(applied(by_parts.attributes(), &[whole_of(operation, &by_parts)]));
        }
        let put = put_of(&existing, &patch, urn::USER, &service);
        for after in [done(applied(existing.attributes(), &patch)), by_parts, resource(&put)] {
            let left = diff::changes(&read(&after, &names, &service).attributes, &wanted, |_| Policy::Force);
            prop_assert_eq!(left, []);
            prop_assert_eq!(unstored(&after, &changes, &service.schema).len(), 0);
        }
    }
}
