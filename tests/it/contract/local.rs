//! The built-in directory keeps the promises.

use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::local::Argon2Settings;
use rosterd::directory::local::Local;
use rosterd::directory::local::LocalSettings;
use rosterd::directory::local::Verified;
use rosterd::roster::account::GroupName;
use rosterd::roster::operation::Operation;
use tempfile::TempDir;

use super::LoginResult;
use super::Rig;
use super::Start;
use super::person;

struct LocalRig {
    local: Local,
    _folder: TempDir,
}

impl Rig for LocalRig {
    type Directory = Local;

    async fn new(start: Start) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let mut settings = LocalSettings {
            file: folder.path().join("directory.sqlite"),
            argon2: Argon2Settings::default(),
            protected: Vec::new(),
        };
        let local = Local::open(settings.clone(), jiff::Timestamp::now).expect("opens");
        for (kind, name) in start.groups {
            local.add_group(*kind, &GroupName::new(name)).await.expect("adds the group");
        }
        // An account is protected from rosterd, so it has to be there before.
        let accounts: Vec<_> = start.protected.iter().map(|name| Operation::Create(person(name, &[]))).collect();
        assert!(local.apply(&accounts, &Pace::unlimited()).await.iter().all(Result::is_ok));
        drop(local);
        settings.protected = start.protected.iter().map(ToString::to_string).collect();
        Self { local: Local::open(settings, jiff::Timestamp::now).expect("opens again"), _folder: folder }
    }

    fn directory(&self) -> &Local {
        &self.local
    }

    async fn login(&self, username: &str, password: &str) -> LoginResult {
        match self.local.verify(username, &password.into()).await.expect("can be read") {
            Verified::Good => LoginResult::Good,
            Verified::MustChange => LoginResult::MustChange,
            Verified::Wrong | Verified::Disabled | Verified::Unknown => LoginResult::Refused,
        }
    }

    fn refused_value(&self) -> (&'static str, Vec<u8>) {
        ("description", b"bell\x07".to_vec())
    }
}

contract!(LocalRig);
