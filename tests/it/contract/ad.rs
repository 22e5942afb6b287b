//! Active Directory keeps the promises.

use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::operation::Operation;

use super::LoginResult;
use super::Rig;
use super::Start;
use super::person;
use crate::server::samba::Login;
use crate::server::samba::Territory;
use crate::server::samba::unit_dn;

struct AdRig {
    ldap: Ldap,
    territory: Territory,
}

impl Rig for AdRig {
    type Directory = Ldap;

    const MANY: usize = 250;
    // Active Directory has no attribute options but its own `;range` and `;binary`.
    const HAS_OPTIONS: bool = false;

    async fn new(start: Start) -> Self {
        let territory = Territory::new().await;
        for (kind, name) in start.groups {
            // Two groups of a domain cannot have the same sAMAccountName, whatever their kind.
            let account = format!("{} {}", kind.word(), name.replace(',', ""));
            let dn = format!("CN={},{}", name.replace(',', "\\,"), unit_dn(&format!("{}s", kind.word())));
            territory.add(&dn, &[("objectClass", &["group"]), ("sAMAccountName", &[&account])]).await;
        }
        let mut settings = territory.settings();
        settings.page_size = 100.try_into().expect("not zero");
        let ldap = Ldap::new(settings.clone()).expect("good settings");
        let batch: Vec<_> = start.protected.iter().map(|name| Operation::Create(person(name, &[]))).collect();
        assert!(ldap.apply(&batch, &Pace::unlimited()).await.iter().all(Result::is_ok));
        settings.protected = start.protected.iter().map(|name| territory.person(name)).collect();
        Self { ldap: Ldap::new(settings).expect("good settings"), territory }
    }

    fn directory(&self) -> &Ldap {
        &self.ldap
    }

    async fn login(&self, username: &str, password: &str) -> LoginResult {
        match self.territory.login(username, password).await {
            Login::Welcome => LoginResult::Good,
            Login::MustChange => LoginResult::MustChange,
            Login::Disabled | Login::Refused => LoginResult::Refused,
        }
    }

    async fn elsewhere(&self, username: &str) -> Option<String> {
        let parent = format!("OU=elsewhere,{}", unit_dn("people"));
        self.territory.add(&parent, &[("objectClass", &["organizationalUnit"])]).await;
        Some(format!("CN={username},{parent}"))
    }

    fn refused_value(&self) -> (&'static str, Vec<u8>) {
        ("givenName", vec![b'x'; 65])
    }
}

contract!(AdRig);
