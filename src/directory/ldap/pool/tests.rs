use std::collections::HashMap;

use super::*;
use crate::directory::ldap::entry::Entry;
use crate::directory::ldap::settings::LdapSettings;

#[test]
fn servers_of_one_target_are_of_one_kind_and_context() {
    let dn = |text| Dn::parse(text).expect("valid");
    let pool = Pool::new(Vec::new(), dn("ou=people,dc=example,dc=org"), Duration::ZERO);
    let root = |class: &str, contexts: &[&str]| {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let text = HashMap::from([
            ("structuralObjectClass".to_owned(), owned(&[class])),
            ("namingContexts".to_owned(), owned(contexts)),
        ]);
        pool.known(&RootDse::of(&Entry::of(String::new(), text, HashMap::new())))
    };
    let first = root("OpenLDAProotDSE", &["dc=example,dc=org", "cn=accesslog"]);
    assert_eq!(first, root("OpenLDAProotDSE", &["DC=Example, dc=org"]), "what else it holds does not matter");
    assert_ne!(first, root("OpenLDAProotDSE", &["dc=example,dc=com"]));
    assert_ne!(first, root("other", &["dc=example,dc=org"]));
}

fn pool(urls: &[&str], wait: Duration) -> Pool {
    let url = |text: &&str| url::Url::parse(text).expect("a URL");
    let mut settings = LdapSettings::new(url(&urls[0]), "ou=people,o=x");
    settings.bind_dn = Some("cn=rosterd,o=x".to_owned());
    settings.bind_password = Some("secret".into());
    settings.further_urls = urls[1..].iter().map(url).collect();
    settings.replication_wait = wait;
    settings.pool().expect("good settings")
}

async fn connection() -> Connection {
    let (near, _far) = std::os::unix::net::UnixStream::pair().expect("a pair");
    let settings = ldap3::LdapConnSettings::new().set_std_stream(ldap3::StdStream::Unix(near));
    let pair = ldap3::LdapConnAsync::with_settings(settings, "ldapi://here").await.expect("a connection");
    Connection::start(pair, None, Duration::from_secs(1))
}

const TWO: [&str; 2] = ["ldaps://a.example.org", "ldaps://b.example.org"];
const WAIT: Duration = Duration::from_secs(1000);

/// Only sleeping moves this clock, however busy the machine is.
async fn settled(pool: &Pool, server: usize) -> Duration {
    let began = Instant::now();
    pool.settle(server, connection().await).await.expect("settled");
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_over_gets_the_time_to_catch_up_once() {
    let pool = pool(&TWO, WAIT);
    assert_eq!(pool.begin_with(), 0);
    assert_eq!(settled(&pool, 0).await, Duration::ZERO, "the first server is waited for by nobody");
    assert!(settled(&pool, 1).await >= WAIT);
    assert_eq!(settled(&pool, 1).await, Duration::ZERO);
    tokio::time::advance(FORGET * 2).await;
    assert_eq!(pool.begin_with(), 1, "it has what was written last");
}

#[tokio::test(start_paused = true)]
async fn the_server_that_was_written_to_before_is_asked_first_and_any_other_one_waited_for() {
    let told = |server: &str| {
        let pool = pool(&TWO, WAIT);
        pool.newest().remember(server);
        pool
    };
    let second = told("ldaps://b.example.org");
    assert_eq!(second.begin_with(), 1);
    assert_eq!(settled(&second, 1).await, Duration::ZERO);
    // It is not there: the first one may lack what was written to it.
    let first = told("ldaps://b.example.org");
    first.begin_with();
    assert!(settled(&first, 0).await >= WAIT);
    assert_eq!(first.newest().server().as_deref(), Some("ldaps://a.example.org"));
    // It is no longer among the servers.
    let other = told("ldaps://c.example.org");
    assert_eq!(other.begin_with(), 0);
    assert!(settled(&other, 0).await >= WAIT);
    let none = pool(&TWO, WAIT);
    assert_eq!((none.begin_with(), settled(&none, 0).await), (0, Duration::ZERO));
}
