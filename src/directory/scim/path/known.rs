//! The names of attributes that rosters and LDAP directories use, and where SCIM keeps the same.

/// Names (RFC 2798, RFC 4519, RFC 4524, and a few plain words), each with its path (RFC 7643 sections 4.1 and 4.3).
///
/// Two names never share a path, so that what the one asks for is never undone by the other.
const KNOWN: &[(&str, &str)] = &[
    ("uid", "userName"),
    ("givenName", "name.givenName"),
    ("middleName", "name.middleName"),
    ("sn", "name.familyName"),
    ("cn", "name.formatted"),
    ("mail", r#"emails[type eq "work"].value"#),
    ("telephoneNumber", r#"phoneNumbers[type eq "work"].value"#),
    ("mobile", r#"phoneNumbers[type eq "mobile"].value"#),
    ("homePhone", r#"phoneNumbers[type eq "home"].value"#),
    ("facsimileTelephoneNumber", r#"phoneNumbers[type eq "fax"].value"#),
    ("pager", r#"phoneNumbers[type eq "pager"].value"#),
    ("street", r#"addresses[type eq "work"].streetAddress"#),
    ("l", r#"addresses[type eq "work"].locality"#),
    ("st", r#"addresses[type eq "work"].region"#),
    ("postalCode", r#"addresses[type eq "work"].postalCode"#),
    ("c", r#"addresses[type eq "work"].country"#),
    ("labeledURI", "profileUrl"),
    ("employeeType", "userType"),
    ("employeeNumber", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"),
    ("departmentNumber", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"),
    ("costCenter", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter"),
    ("division", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division"),
    ("o", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization"),
    ("manager", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"),
];

/// Names that say the same as another one of [`KNOWN`].
const SAME: &[(&str, &str)] = &[
    ("department", "departmentNumber"),
    ("organization", "o"),
    ("company", "o"),
    ("streetAddress", "street"),
    ("fax", "facsimileTelephoneNumber"),
    ("surname", "sn"),
];

/// Returns the path of a name that is none itself.
pub(super) fn path_of(name: &str) -> Option<&'static str> {
    let find = |name: &str| KNOWN.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, path)| *path);
    find(name).or_else(|| SAME.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).and_then(|(_, same)| find(same)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::directory::scim::path::AttributePath;

    #[test]
    fn every_known_name_has_a_path_of_its_own() {
        let paths: HashSet<AttributePath> =
            KNOWN.iter().map(|(_, path)| AttributePath::parse(path).expect("a path")).collect();
        assert_eq!(paths.len(), KNOWN.len());
        let names: HashSet<String> = KNOWN.iter().chain(SAME).map(|(name, _)| name.to_ascii_lowercase()).collect();
        assert_eq!(names.len(), KNOWN.len() + SAME.len());
        assert!(SAME.iter().all(|(name, _)| path_of(name).is_some()));
    }
}
