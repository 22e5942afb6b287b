//! The directory in memory keeps the promises, so that tests which use it mean something.

use rosterd::directory::local::Verified;
use rosterd::directory::memory::Memory;

use super::LoginResult;
use super::Rig;
use super::Start;

struct MemoryRig(Memory);

impl Rig for MemoryRig {
    type Directory = Memory;

    async fn new(start: Start) -> Self {
        let memory = Memory::new();
        for (kind, name) in start.groups {
            memory.add_group(*kind, name);
        }
        for username in start.protected {
            memory.put(username, [("cn", &[*username]), ("sn", &["Protected"])]);
            assert!(memory.protect(username, "the test says so"));
        }
        Self(memory)
    }

    fn directory(&self) -> &Memory {
        &self.0
    }

    async fn login(&self, username: &str, password: &str) -> LoginResult {
        match self.0.login(username, &password.into()) {
            Verified::Good => LoginResult::Good,
            Verified::MustChange => LoginResult::MustChange,
            Verified::Wrong | Verified::Disabled | Verified::Unknown => LoginResult::Refused,
        }
    }

    async fn elsewhere(&self, username: &str) -> Option<String> {
        assert!(self.0.move_to(username, &format!("uid={username},ou=here")));
        Some(format!("uid={username},ou=elsewhere"))
    }

    fn refused_value(&self) -> (&'static str, Vec<u8>) {
        ("description", b"bell\x07".to_vec())
    }
}

contract!(MemoryRig);
