//! Security identifiers (MS-DTYP section 2.4.2): what tells built-in accounts and groups, whatever they are called. Other
//! languages have other names for them, and anybody with the rights can rename them.

use crate::directory::ldap::entry::Entry;
use crate::directory::ldap::filter::Filter;
use crate::directory::ldap::profile::Administrators;

/// Numbers below this are the domain's own (MS-DTYP section 2.4.2.4).
const FIRST_OF_OTHERS: u32 = 1000;
/// Administrators' groups of a domain: Domain Admins, Domain Controllers, Schema Admins, Enterprise Admins, Group Policy
/// Creator Owners, Read-only Domain Controllers, Key Admins, Enterprise Key Admins.
const OF_DOMAIN: [u32; 8] = [DOMAIN_ADMINS, 516, 518, 519, 520, 521, 526, 527];
/// Those that every controller has: Administrators; Account, Server, Print and Backup Operators; Replicator.
const BUILT_IN: [u32; 6] = [ADMINISTRATORS, 548, 549, 550, 551, 552];
const DOMAIN_ADMINS: u32 = 512;
const ADMINISTRATORS: u32 = 544;
/// S-1-5-32.
const OF_BUILT_IN: Sid<'static> = Sid(&[1, 1, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0]);
/// Identifier authorities have six octets, after one for the revision and one for how many numbers follow.
const HEAD: usize = 8;

/// Administrators' groups are those that the domain protects (MS-ADTS section 3.1.1.6.1.2), as far as they are groups,
/// and those that it has protected since (`adminCount`).
pub const ADMINISTRATORS_GROUPS: Administrators = Administrators {
    groups: administrators,
    are_there: |found| {
        let has = |is_it: &dyn Fn(Sid<'_>) -> bool| found.iter().filter_map(Sid::of).any(is_it);
        let is_builtin = |sid: Sid<'_>, number| OF_BUILT_IN.with(number).is_some_and(|octets| octets == sid.0);
        has(&|sid| is_builtin(sid, ADMINISTRATORS)) && has(&|sid| sid.last_number() == Some(DOMAIN_ADMINS))
    },
    primary: "primaryGroupID",
    // That of a group of the same domain.
    number: |group| {
        let sid = Sid::of(group).filter(|sid| !sid.0.starts_with(&[1, 2]))?;
        Some(sid.last_number()?.to_string())
    },
};

/// A security identifier in its binary form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sid<'e>(&'e [u8]);

impl<'e> Sid<'e> {
    /// Returns that of an entry, if it is whole.
    fn of(entry: &'e Entry) -> Option<Self> {
        let octets = entry.values("objectSid").next()?;
        let numbers = octets.get(HEAD..)?;
        (usize::from(*octets.get(1)?) * 4 == numbers.len()).then_some(Self(octets))
    }

    fn last_number(self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.0.get(HEAD..)?.last_chunk()?))
    }

    /// Returns the octets of the one with a further number.
    fn with(self, number: u32) -> Option<Vec<u8>> {
        let mut octets = [self.0, &number.to_le_bytes()].concat();
        *octets.get_mut(1)? = self.0.get(1)?.checked_add(1)?;
        Some(octets)
    }
}

/// Returns why an account or a group is never written.
pub fn guarded(entry: &Entry) -> Option<&'static str> {
    if entry.text("adminCount").is_some_and(|count| count != "0") {
        return Some("it has, or had, the rights of an administrator (adminCount)");
    }
    if entry.has_text("isCriticalSystemObject", "TRUE") {
        return Some("the domain needs it (isCriticalSystemObject)");
    }
    let number = Sid::of(entry).and_then(Sid::last_number);
    number.is_some_and(|number| number < FIRST_OF_OTHERS).then_some("it is built into the domain (objectSid)")
}

fn administrators(domain: &Entry) -> Option<Filter> {
    let domain = Sid::of(domain)?;
    let of_domain = OF_DOMAIN.iter().filter_map(|number| domain.with(*number));
    let built_in = BUILT_IN.iter().filter_map(|number| OF_BUILT_IN.with(*number));
    let by_sid = of_domain.chain(built_in).map(|octets| Filter::octets("objectSid", &octets));
    let any = Filter::any(by_sid.chain([Filter::eq("adminCount", "1")]));
    Some(Filter::all([Filter::eq("objectClass", "group"), any]))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn with_sid(octets: &[u8]) -> Entry {
        let sid = HashMap::from([("objectSid".to_owned(), vec![octets.to_vec()])]);
        Entry::of("CN=x".to_owned(), HashMap::new(), sid)
    }

    fn with_text(name: &str, value: &str) -> Entry {
        let text = HashMap::from([(name.to_owned(), vec![value.to_owned()])]);
        Entry::of("CN=x".to_owned(), text, HashMap::new())
    }

    /// S-1-5-21-1-2-3 and a number.
    fn of_domain(number: Option<u32>) -> Entry {
        let n_numbers = if number.is_some() { 5 } else { 4 };
        let numbers = [21, 1, 2, 3].into_iter().chain(number);
        with_sid(&[vec![1, n_numbers, 0, 0, 0, 0, 0, 5], numbers.flat_map(u32::to_le_bytes).collect()].concat())
    }

    fn built_in(number: u32) -> Entry {
        with_sid(&OF_BUILT_IN.with(number).expect("a number more"))
    }

    #[test]
    fn what_belongs_to_the_domain_is_guarded() {
        for number in [500, 501, 502, 512, 513, 516, 518, 519, 520, 521, 999] {
            assert!(guarded(&of_domain(Some(number))).is_some(), "{number}");
        }
        for number in [544, 545, 548, 549, 550, 551] {
            assert!(guarded(&built_in(number)).is_some(), "{number}");
        }
        assert_eq!(guarded(&of_domain(Some(1000))), None);
        assert!(guarded(&with_text("adminCount", "1")).is_some());
        assert_eq!(guarded(&with_text("adminCount", "0")), None);
        assert!(guarded(&with_text("isCriticalSystemObject", "TRUE")).is_some());
        assert_eq!(guarded(&with_text("isCriticalSystemObject", "FALSE")), None);
        assert_eq!(guarded(&with_sid(&[1, 2, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0])), None, "cut off");
    }

    #[test]
    fn administrators_groups_are_sought_by_what_cannot_be_changed() {
        let filter = administrators(&of_domain(None)).expect("the domain has a SID");
        let filter = filter.as_str();
        for sid in [
            r"\01\05\00\00\00\00\00\05\15\00\00\00\01\00\00\00\02\00\00\00\03\00\00\00\00\02\00\00",
            r"\01\02\00\00\00\00\00\05\20\00\00\00\20\02\00\00",
        ] {
            assert!(filter.contains(&format!("(objectSid={sid})")), "{sid}: {filter}");
        }
        assert!(filter.contains("(adminCount=1)"), "{filter}");
        assert_eq!(administrators(&with_text("cn", "x")), None);
    }

    #[test]
    fn nobody_is_told_from_a_part_of_the_groups() {
        let are_there = ADMINISTRATORS_GROUPS.are_there;
        let both = [built_in(ADMINISTRATORS), of_domain(Some(DOMAIN_ADMINS))];
        assert!(are_there(&both));
        assert!(!are_there(&both[..1]) && !are_there(&both[1..]) && !are_there(&[]));
        assert!(!are_there(&[of_domain(Some(ADMINISTRATORS)), of_domain(Some(DOMAIN_ADMINS))]));
    }

    #[test]
    fn a_primary_group_is_one_of_the_domain() {
        let number = ADMINISTRATORS_GROUPS.number;
        assert_eq!(number(&of_domain(Some(1107))).as_deref(), Some("1107"));
        assert_eq!(number(&built_in(544)), None);
        assert_eq!(number(&with_text("cn", "x")), None);
    }
}
