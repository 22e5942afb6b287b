//! How many connections it takes.

use url::Url;

use super::*;
use crate::server::door::Door;
use crate::server::ds389::Ds389;

#[tokio::test]
async fn batches_under_way_at_once_go_over_the_same_connections() {
    let territory = Ds389::shared().territory().await;
    let door = Door::before(territory.server.port());
    let mut settings = territory.settings();
    settings.url = Url::parse(&format!("ldap://localhost:{}", door.port)).expect("a URL");
    let ldap = Ldap::new(settings).expect("good settings");
    let batch = |first: usize| -> Vec<Operation> {
        (first..first + 64).map(|n| Operation::Create(person(&format!("over-{n}")))).collect()
    };
    let (one, two, three) = (batch(0), batch(64), batch(128));
    let pace = Pace::unlimited();
    let (one, two, three) = tokio::join!(ldap.apply(&one, &pace), ldap.apply(&two, &pace), ldap.apply(&three, &pace));
    assert!(one.iter().chain(&two).chain(&three).all(Result::is_ok), "{one:?}");
    // Four to write over, and one to read meanwhile who is an administrator.
    assert!((4..=5).contains(&door.came()), "{}", door.came());
}
