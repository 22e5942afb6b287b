//! OpenLDAP keeps the promises.

use std::num::NonZeroUsize;

use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::LdapSettings;
use rosterd::directory::ldap::PasswordStorage;
use rosterd::roster::account::GroupName;
use rosterd::roster::operation::Operation;

use super::LoginResult;
use super::Rig;
use super::Start;
use super::person;
use crate::server::slapd::Login;
use crate::server::slapd::Slapd;
use crate::server::slapd::Territory;

pub struct LdapRig {
    ldap: Ldap,
    territory: Territory<'static>,
}

impl LdapRig {
    pub async fn on(server: &'static Slapd, start: Start, transactions: Option<NonZeroUsize>) -> Self {
        Self::with(server, start, |settings| settings.transactions = transactions).await
    }

    pub async fn storing(server: &'static Slapd, start: Start, storage: PasswordStorage) -> Self {
        Self::with(server, start, |settings| settings.password_storage = storage).await
    }

    async fn with(server: &'static Slapd, start: Start, set: impl FnOnce(&mut LdapSettings)) -> Self {
        let territory = server.territory().await;
        let mut settings = territory.settings();
        let ldap = Ldap::new(settings.clone()).expect("good settings");
        let groups = start.groups.iter().map(|(kind, name)| Operation::CreateGroup {
            kind: *kind,
            name: GroupName::new(name),
            members: Vec::new(),
        });
        let accounts = start.protected.iter().map(|name| Operation::Create(person(name, &[])));
        let batch: Vec<_> = groups.chain(accounts).collect();
        assert!(ldap.apply(&batch, &Pace::unlimited()).await.iter().all(Result::is_ok));
        settings.protected = start.protected.iter().map(|name| territory.person(name)).collect();
        set(&mut settings);
        Self { ldap: Ldap::new(settings).expect("good settings"), territory }
    }
}

impl Rig for LdapRig {
    type Directory = Ldap;

    async fn new(start: Start) -> Self {
        Self::on(Slapd::shared(), start, None).await
    }

    fn directory(&self) -> &Ldap {
        &self.ldap
    }

    async fn login(&self, username: &str, password: &str) -> LoginResult {
        match self.territory.login(username, password).await {
            Login::Welcome => LoginResult::Good,
            Login::MustChange => LoginResult::MustChange,
            Login::Locked | Login::Refused => LoginResult::Refused,
        }
    }

    async fn elsewhere(&self, username: &str) -> Option<String> {
        let parent = format!("ou=elsewhere,ou=people,{}", self.territory.base);
        self.territory.add(&parent, &[("objectClass", &["organizationalUnit"]), ("ou", &["elsewhere"])]).await;
        Some(format!("uid={username},{parent}"))
    }

    fn refused_value(&self) -> (&'static str, Vec<u8>) {
        ("mail", "m\u{fc}ller@example.org".into())
    }
}

contract!(LdapRig);
