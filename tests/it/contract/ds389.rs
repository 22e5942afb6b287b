//! 389 Directory Server keeps the promises, with roles of its own kind.

use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::ldap::GroupClass;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::account::GroupName;
use rosterd::roster::operation::Operation;

use super::LoginResult;
use super::Rig;
use super::Start;
use super::person;
use crate::server::ds389::Ds389;
use crate::server::ds389::Login;
use crate::server::ds389::Territory;

struct Ds389Rig {
    ldap: Ldap,
    territory: Territory<'static>,
}

impl Rig for Ds389Rig {
    type Directory = Ldap;

    // The pages have 500 accounts.
    const MANY: usize = 1010;

    async fn new(start: Start) -> Self {
        let territory = Ds389::shared().territory().await;
        let mut settings = territory.settings();
        settings.role_class = Some(GroupClass::ManagedRole);
        let ldap = Ldap::new(settings.clone()).expect("good settings");
        let groups = start.groups.iter().map(|(kind, name)| Operation::CreateGroup {
            kind: *kind,
            name: GroupName::new(name),
            members: Vec::new(),
        });
        let accounts = start.protected.iter().map(|name| Operation::Create(person(name, &[])));
        let batch: Vec<_> = groups.chain(accounts).collect();
        for answer in ldap.apply(&batch, &Pace::unlimited()).await {
            answer.expect("made");
        }
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
            Login::Locked | Login::LockedForNow | Login::Refused => LoginResult::Refused,
        }
    }

    fn refused_value(&self) -> (&'static str, Vec<u8>) {
        // The 7-bit check looks at `uid` and `mail`.
        ("mail", "m\u{fc}ller@example.org".into())
    }
}

contract!(Ds389Rig);
