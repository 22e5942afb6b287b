//! Properties that hold for every row.

use proptest::prelude::*;

use super::*;
use crate::roster::columns::normalized;

proptest! {
    #[test]
    fn becomes_an_account_or_problems(
        fields in proptest::collection::vec("[a-zäß@.,+=\\\\|;\"{}% \\x00-\\x1f\u{202e}\u{200b}]{0,12}", 0..9),
    ) {
        let rules = [
            ("username", "{{ username|ascii|slug }}"),
            ("dn", "uid={{ username }},ou={{ dept }},dc=x"),
            ("title", "{{ row['Dept']|title|replace('a', 'b')|initials|default(first) }}"),
        ];
        let header = "username,firstname,surname,email,dept,password,add,groups";
        let mapper = mapper(settings(&rules), header);
        match mapper.account(LineNo(2), &fields, Vec::new()) {
            Mapped::Account { account, .. } => {
                prop_assert!(!account.username.is_empty());
                let dn = account.locator.expect("the feed has a DN");
                prop_assert_eq!(ldapdn::parse::dn_from_str(&dn).count(), 3);
                for (_, values) in account.attributes.iter() {
                    prop_assert!(values.text().all(|v| !v.is_empty() && v.trim() == v));
                }
            }
            Mapped::Rejected(rejected) => prop_assert!(!rejected.problems.is_empty()),
        }
    }

    #[test]
    fn is_mapped_the_same_after_a_rename_to_and_fro(row in "[A-Za-zäö]{1,8},[A-Za-zäö]{1,8},[A-Z+&]{1,3}") {
        let rules = [
            ("username", "{{ first|ascii|lower }}"),
            ("mail", "{{ username }}@example.org"),
            ("dn", "uid={{ username }},ou={{ dept }},dc=x"),
        ];
        let mapper = mapper(counting(&rules), "number,firstname,surname,dept");
        let (mut account, late) = account_with_late(&mapper, &format!("7,{row}"));
        let before = account.clone();
        prop_assert_eq!(mapper.rename(&mut account, &late, "other"), vec![]);
        prop_assert_ne!(&account.locator, &before.locator);
        prop_assert_eq!(mapper.rename(&mut account, &late, &before.username), vec![]);
        prop_assert_eq!(account.attributes, before.attributes);
        prop_assert_eq!(account.locator, before.locator);
        prop_assert_eq!(account.person, before.person);
    }

    #[test]
    fn header_names_are_normalized_once(name in "\\PC{0,10}") {
        let once = normalized(&name);
        prop_assert_eq!(normalized(&once), once.clone());
    }
}
