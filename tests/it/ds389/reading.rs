//! Reading is complete, or a fault.

use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::Verdict;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Operation;

use super::ldap;
use super::person;
use super::read;
use crate::server::ds389::Ds389;
use crate::server::ds389::LIMITED;
use crate::server::ds389::LOOKTHROUGH;

#[tokio::test]
async fn a_truncated_answer_is_a_fault_and_never_a_part() {
    let territory = Ds389::shared().territory().await;
    let ldap = ldap(&territory);
    let new = |n| Operation::Create(Create { password: None, must_change: false, ..person(&format!("p{n}")) });
    let batch: Vec<_> = (0..30).map(new).collect();
    assert!(ldap.apply(&batch, &Pace::unlimited()).await.iter().all(Result::is_ok));
    let mut settings = territory.settings();
    // The limit of size is one for each page.
    for (account, page, code) in [(LIMITED, 500, "4"), (LOOKTHROUGH, 7, "11"), (LOOKTHROUGH, 500, "11")] {
        settings.bind_dn = Some(account.to_owned());
        settings.page_size = page.try_into().expect("not zero");
        let limited = Ldap::new(settings.clone()).expect("good settings");
        let read = read(&limited, Which::All).await.map(|all| all.len());
        let cut = read.expect_err(&format!("{account}, pages of {page}: 30 accounts, 20 allowed"));
        assert_eq!((cut.next, cut.code.as_deref()), (Next::StopRun, Some(code)), "{account} {page}: {cut}");
        assert!(cut.reason.contains("incomplete") && cut.reason.contains("Limit: -1"), "{cut}");
        let findings = limited.check().await;
        let told = |hint: &str| hint.contains("nsSizeLimit") && hint.contains("nsLookThroughLimit");
        assert!(findings.iter().any(|f| matches!(&f.verdict, Verdict::Bad(_, hint) if told(hint))), "{findings:?}");
    }
    let mut settings = territory.settings();
    settings.page_size = 7.try_into().expect("not zero");
    let paged = Ldap::new(settings).expect("good settings");
    let (a, b) = tokio::join!(read(&paged, Which::All), read(&paged, Which::All));
    assert_eq!((a.expect("complete").len(), b.expect("complete").len()), (30, 30));
}

#[tokio::test]
async fn the_id_is_that_of_the_server_and_survives_a_new_name() {
    let territory = Ds389::shared().territory().await;
    let ldap = ldap(&territory);
    let ada = super::created(&ldap, "ada").await;
    assert_eq!(territory.values(&ada.id.locator, "nsUniqueId").await, [ada.id.stable.to_string()]);
    let mut admin = territory.server.admin().await;
    admin.modifydn(&ada.id.locator, "uid=king", true, None).await.expect("sent").success().expect("renamed");
    let found = read(&ldap, Which::Ids(vec![ada.id.clone()])).await.expect("readable");
    assert_eq!(found.len(), 1);
    assert_eq!((&*found[0].username, &found[0].id.stable), ("king", &ada.id.stable));
}
