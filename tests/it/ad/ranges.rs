//! Members that come a part at a time, as Windows sends them. Samba never does, so the server is made up.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use rosterd::directory::Directory;
use rosterd::directory::Wanted;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::LdapSettings;
use rosterd::directory::ldap::StartTls;
use rosterd::roster::account::ExistingGroup;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::Members;
use rosterd::roster::fault::Fault;
use rosterd::roster::fault::Next;
use rosterd::roster::name_key::MatchKey;
use rosterd::roster::secret::Secret;
use url::Url;

use crate::server::scripted;
use crate::server::scripted::Found;
use crate::server::scripted::Question;

const GROUPS: &str = "ou=groups,dc=x";
const STAFF: &str = "cn=staff,ou=groups,dc=x";
const PART: usize = 1500;

/// Where the values of the next part are said to begin, when they are asked for from a place on.
type Begin = fn(usize) -> usize;

fn answer(question: &Question, n_members: usize, begin: Begin) -> Option<Vec<Found>> {
    let entry = |dn: &str, attributes: Vec<(&str, Vec<String>)>| -> Option<Vec<Found>> {
        let attributes = attributes.into_iter().map(|(name, values)| (name.to_owned(), values)).collect();
        Some(vec![(dn.to_owned(), attributes)])
    };
    let part = |first: usize| {
        let end = n_members.min(first + PART);
        let last = if end == n_members { "*".to_owned() } else { (end - 1).to_string() };
        let members: Vec<String> = (first..end).map(|n| format!("CN=m{n},OU=people,DC=x")).collect();
        (format!("member;range={}-{last}", begin(first)), members)
    };
    let asked = question.attributes.iter().find_map(|name| name.strip_prefix("member;range="));
    match (&*question.base, question.scope, asked) {
        ("", ..) => {
            let capabilities = vec!["1.2.840.113556.1.4.800".to_owned()];
            entry("", vec![("supportedCapabilities", capabilities), ("namingContexts", vec!["dc=x".to_owned()])])
        }
        // The domain, S-1-5-21-1-2-3, and the two groups of administrators that every domain has.
        ("dc=x", 0, None) => entry("dc=x", vec![("objectSid", vec![sid(&[21, 1, 2, 3])])]),
        ("dc=x", 2, None) => {
            let groups = [("admins", sid(&[21, 1, 2, 3, 512])), ("administrators", sid(&[32, 544]))];
            let as_found = |(name, sid): (&str, String)| {
                let class = ("objectClass".to_owned(), vec!["top".to_owned(), "group".to_owned()]);
                (format!("cn={name},dc=x"), vec![class, ("objectSid".to_owned(), vec![sid])])
            };
            Some(groups.map(as_found).to_vec())
        }
        (GROUPS, 0, None) => entry(GROUPS, vec![]),
        (GROUPS, 2, None) => {
            let (name, members) = part(0);
            let class = vec!["top".to_owned(), "group".to_owned()];
            let attributes = vec![("objectClass", class), ("cn", vec!["staff".to_owned()]), ("member", vec![])];
            entry(STAFF, attributes.into_iter().chain([(name.as_str(), members)]).collect())
        }
        (STAFF, 0, Some(range)) => {
            let first = range.strip_suffix("-*").and_then(|first| first.parse().ok()).expect("a range to the end");
            let (name, members) = part(first);
            entry(STAFF, vec![(name.as_str(), members)])
        }
        _ => None,
    }
}

/// A SID of small numbers, whose octets are characters.
fn sid(numbers: &[u32]) -> String {
    let n = u8::try_from(numbers.len()).expect("a few");
    let octets = [1, n, 0, 0, 0, 0, 0, 5].into_iter().chain(numbers.iter().flat_map(|number| number.to_le_bytes()));
    String::from_utf8(octets.collect()).expect("octets below 128")
}

async fn staff(n_members: usize, begin: Begin) -> (Result<Vec<ExistingGroup>, Fault>, usize) {
    let n_asked = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&n_asked);
    let port = scripted::listen(move |question| {
        *counted.lock().expect("lock") += usize::from(question.base == STAFF);
        answer(question, n_members, begin)
    })
    .await;
    let url = Url::parse(&format!("ldap://127.0.0.1:{port}")).expect("a URL");
    let mut settings = LdapSettings::new(url, "OU=people,DC=x");
    settings.tls = StartTls::Off;
    settings.allow_cleartext = true;
    settings.bind_dn = Some("CN=rosterd,DC=x".to_owned());
    settings.bind_password = Some(Secret::from("secret"));
    settings.group_base = Some("OU=groups,DC=x".to_owned());
    settings.timeout = Duration::from_secs(5);
    let ldap = Ldap::new(settings).expect("good settings");
    let read = ldap.groups(GroupKind::Group, Wanted::All).await;
    let n_asked = *n_asked.lock().expect("lock");
    (read, n_asked)
}

#[tokio::test]
async fn all_parts_of_a_big_group_are_read() {
    for (n_members, n_parts) in [(3, 0), (1500, 0), (1501, 1), (3000, 1), (4200, 2)] {
        let (read, n_asked) = staff(n_members, |first| first).await;
        let read = read.expect("readable");
        let [group] = read.as_slice() else { panic!("{read:?}") };
        let Members::ByEntry(members) = &group.members else { panic!("{group:?}") };
        assert_eq!((members.len(), n_asked), (n_members, n_parts));
        for n in [0, n_members / 2, n_members - 1] {
            assert!(members.contains(&MatchKey::new(&format!("cn=m{n},ou=people,dc=x"))), "{n} of {n_members}");
        }
    }
}

#[tokio::test]
async fn a_part_that_does_not_go_on_where_the_last_one_ended_is_a_fault() {
    let (read, _) = staff(4200, |_| 0).await;
    let fault = read.expect_err("members are missing");
    assert_eq!(fault.next, Next::Retry, "{fault}");
    assert!(fault.reason.contains("from 1500 on"), "{fault}");
}
