//! What `rosterd check` says of real services, and a probe that goes through them and leaves nothing.

use std::num::NonZeroU32;

use rosterd::directory::Directory;
use rosterd::directory::Finding;
use rosterd::directory::Verdict;
use rosterd::directory::scim::Scim;
use rosterd::directory::scim::ScimSettings;
use rosterd::directory::scim::transport::Auth;
use rosterd::directory::scim::url::BaseUrl;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::forecast::Rate;
use rosterd::roster::secret::Secret;
use tokio_util::sync::CancellationToken;

use crate::server::scim::Kind;
use crate::server::scim::ScimServer;
use crate::server::scim::Tenant;

fn service(tenant: &Tenant, token: Secret) -> Scim {
    let base = BaseUrl::parse(tenant.base.as_str()).expect("a base");
    let mut settings = ScimSettings::new(base, Auth::Bearer(token));
    settings.max_rate = NonZeroU32::new(500).map(Rate::per_second);
    Scim::new(settings).expect("good settings")
}

fn of<'f>(findings: &'f [Finding], subject: &str) -> &'f Verdict {
    let found = findings.iter().find(|finding| finding.subject.starts_with(subject));
    &found.unwrap_or_else(|| panic!("{subject}: {findings:#?}")).verdict
}

fn is_bad(finding: &&Finding) -> bool {
    matches!(finding.verdict, Verdict::Bad(..))
}

fn said(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Good(text) | Verdict::Warning(text) | Verdict::Bad(text, _) => text,
    }
}

#[tokio::test]
async fn every_service_is_discovered_and_has_limits() {
    for kind in Kind::ALL {
        let tenant = ScimServer::shared(kind).tenant();
        let findings = service(&tenant, tenant.token()).check().await;
        assert_eq!(findings.iter().filter(is_bad).collect::<Vec<_>>(), Vec::<&Finding>::new(), "{kind:?}");
        for document in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"] {
            assert_eq!(said(of(&findings, document)), "read (as the service says)", "{kind:?}: {document}");
        }
        assert!(said(of(&findings, "limits in force")).starts_with("500/s requests, 4 at a time, "), "{kind:?}");
    }
}

/// What the services' documents say, read with curl.
#[tokio::test]
async fn what_a_service_says_of_itself_is_what_is_found() {
    let all = ["PATCH", "ETags", "passwords", "bulk requests"];
    let expected = [
        (Kind::Scim2, ["yes", "yes", "yes", "yes"]),
        (Kind::Limited, ["no", "no", "no", "yes"]),
        (Kind::DjangoScim2, ["yes", "no", "yes", "no"]),
        (Kind::DjangoScim2Server, ["yes", "no", "no", "no"]),
    ];
    for (kind, words) in expected {
        let tenant = ScimServer::shared(kind).tenant();
        let findings = service(&tenant, tenant.token()).check().await;
        for (subject, word) in all.into_iter().zip(words) {
            let found = findings.iter().find(|finding| finding.subject == subject).expect(subject);
            assert_eq!(said(&found.verdict), format!("{word} (as the service says)"), "{kind:?}: {subject}");
        }
    }
}

#[tokio::test]
async fn what_a_service_will_not_store_is_said() {
    let names = ["sn", "departmentNumber", "no-such-attribute"].map(AttributeName::new);
    let verdicts = async |kind: Kind| {
        let tenant = ScimServer::shared(kind).tenant();
        let findings = service(&tenant, tenant.token()).check_attributes(&names).await;
        let is_good = |finding: &Finding| matches!(finding.verdict, Verdict::Good(_));
        findings.iter().map(is_good).collect::<Vec<bool>>()
    };
    assert_eq!(verdicts(Kind::Scim2).await, [true, true, false]);
    assert_eq!(verdicts(Kind::WithoutEnterprise).await, [true, false, false]);
    assert_eq!(verdicts(Kind::DjangoScim2Server).await, [true, false, false]);
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_found_out() {
    for kind in Kind::ALL {
        let tenant = ScimServer::shared(kind).tenant();
        let findings = service(&tenant, Secret::from("not-the-token")).check().await;
        let verdict = of(&findings, "read accounts from");
        let Verdict::Bad(text, hint) = verdict else { panic!("{kind:?}: {verdict:?}") };
        assert!(text.contains("401") && hint.contains("`auth`"), "{kind:?}: {text}");
        assert!(!format!("{findings:?}").contains("not-the-token"), "{kind:?}");
    }
}

#[tokio::test]
async fn a_probe_goes_through_and_leaves_nobody() {
    for kind in [Kind::Scim2, Kind::Limited, Kind::WithoutEnterprise, Kind::Scimmy] {
        let tenant = ScimServer::shared(kind).tenant();
        let findings = service(&tenant, tenant.token()).probe(None, None, &CancellationToken::new()).await;
        assert_eq!(findings.iter().filter(is_bad).collect::<Vec<_>>(), Vec::<&Finding>::new(), "{kind:?}");
        let subjects =
            ["probe: create", "probe: find", "probe: change", "probe: disable", "probe: enable", "probe: delete"];
        for subject in subjects {
            of(&findings, subject);
        }
        assert_eq!(tenant.users().await.len(), 0, "{kind:?}");
    }
}

/// django-scim2-server answers a DELETE with 204 and keeps the account, switched off.
#[tokio::test]
async fn a_probe_says_what_is_left_of_it() {
    let tenant = ScimServer::shared(Kind::DjangoScim2Server).tenant();
    let findings = service(&tenant, tenant.token()).probe(None, None, &CancellationToken::new()).await;
    let verdict = of(&findings, "probe: delete");
    assert!(matches!(verdict, Verdict::Warning(_)), "{findings:#?}");
}
