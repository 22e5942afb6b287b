use std::time::Duration;
use std::time::Instant;

use super::*;

#[tokio::test]
async fn users_are_listed_with_what_they_belong_to() {
    let folder = folder();
    let local = open(&folder);
    let attributes = [("givenName", vec!["Ada"]), ("sn", vec!["Byron"]), ("mail", vec!["ada@x.org", "b@x.org"])];
    let ada = created(
        &local,
        Operation::Create(Create {
            username: "Ada".into(),
            locator: None,
            attributes: attributes.into_iter().collect(),
            password: Some("first Password 1".into()),
            must_change: true,
        }),
    )
    .await;
    let bob = created(&local, create("bob", None)).await;
    assert_eq!(
        ask(&local, Operation::Update(Update { enabled: Some(false), ..update(bob, "bob") })).await,
        Ok(Done::Changed)
    );
    for (kind, name) in [(GroupKind::Group, "staff"), (GroupKind::Group, "Admins"), (GroupKind::Channel, "news")] {
        assert_eq!(local.add_group(kind, &GroupName::new(name)).await, Ok(Done::Changed));
        let add = vec![Member { id: ada.clone(), username: "Ada".into() }];
        let change = Operation::ChangeMembers { kind, name: GroupName::new(name), add, remove: Vec::new() };
        assert_eq!(ask(&local, change).await, Ok(Done::Changed));
    }
    let users = local.users("*").await.expect("lists");
    assert_eq!(users.iter().map(|user| user.username.as_str()).collect::<Vec<_>>(), ["Ada", "bob"]);
    let expected = LocalUser {
        username: "Ada".to_owned(),
        first_name: "Ada".to_owned(),
        surname: "Byron".to_owned(),
        mail: "ada@x.org".to_owned(),
        enabled: true,
        has_password: true,
        must_change: true,
        created: "2026-11-22T02:15:00Z".to_owned(),
        changed: "2026-11-22T02:15:00Z".to_owned(),
        groups: vec![GroupName::new("Admins"), GroupName::new("staff")],
        roles: Vec::new(),
        channels: vec![GroupName::new("news")],
    };
    assert_eq!(users[0], expected);
    assert!(!users[1].enabled && !users[1].has_password);
    assert!(!format!("{users:?}").contains("$argon2"));
    assert_eq!(local.users("A?A").await.expect("lists").len(), 1);
    assert_eq!(local.users("d").await.expect("lists").len(), 0);

    let groups = local.all_groups().await.expect("lists");
    let shown: Vec<String> =
        groups.iter().map(|group| format!("{} {} {}", group.kind.word(), group.name, group.n_members)).collect();
    assert_eq!(shown, ["group Admins 1", "group staff 1", "channel news 1"]);
    assert!(local.add_group(GroupKind::Group, &GroupName::new(" ")).await.is_err());
}

#[tokio::test]
async fn verify_tells_the_state_only_to_who_knows_the_password() {
    let folder = folder();
    let local = open(&folder);
    let id = created(&local, create("Ada", Some("right Password 1"))).await;
    created(&local, create("bob", None)).await;
    let verify = async |username, password: &str| local.verify(username, &password.into()).await.expect("can be read");
    assert_eq!(verify("ADA", "right Password 1").await, Verified::Good);
    assert_eq!(verify("ada", "wrong").await, Verified::Wrong);
    assert_eq!(verify("bob", "").await, Verified::Wrong);
    assert_eq!(verify("eve", "right Password 1").await, Verified::Unknown);
    assert_eq!(verify("a*", "right Password 1").await, Verified::Unknown);
    let must = Update { must_change: Some(true), ..update(id.clone(), "ada") };
    assert_eq!(ask(&local, Operation::Update(must)).await, Ok(Done::Changed));
    assert_eq!(verify("ada", "right Password 1").await, Verified::MustChange);
    assert_eq!(verify("ada", "wrong").await, Verified::Wrong);
    let off = Update { enabled: Some(false), ..update(id, "ada") };
    assert_eq!(ask(&local, Operation::Update(off)).await, Ok(Done::Changed));
    assert_eq!(verify("ada", "right Password 1").await, Verified::Disabled);
    assert_eq!(verify("ada", "wrong").await, Verified::Wrong);
}

#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let folder = folder();
    let local = open(&folder);
    created(&local, create("ada", Some("right Password 1"))).await;
    created(&local, create("bob", None)).await;
    let password = "wrong".into();
    local.verify("ada", &password).await.expect("can be read");
    let mut quickest = [Duration::MAX; 3];
    for _ in 0..5 {
        for (username, quickest) in ["ada", "bob", "nobody"].into_iter().zip(&mut quickest) {
            let start = Instant::now();
            local.verify(username, &password).await.expect("can be read");
            *quickest = start.elapsed().min(*quickest);
        }
    }
    let [known, without, unknown] = quickest;
    // Without a hash it would be a hundred times quicker; anything finer would measure the machine's load.
    assert!(without * 8 > known && unknown * 8 > known, "{quickest:?}");
}
