//! What `rosterd check` tries on the built-in directory.

use rusqlite::TransactionBehavior;

use super::Local;
use super::fault;
use super::schema;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::roster::fault::Fault;
use crate::sqlite::DatabaseError;

impl Local {
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let file = self.settings.file.display();
        vec![
            Finding { subject: format!("read {file}"), verdict: self.readable().await },
            Finding { subject: format!("write {file}"), verdict: self.writable().await },
            Finding { subject: format!("permissions of {file}"), verdict: self.permissions() },
            Finding { subject: "hash a password".to_owned(), verdict: self.hashes().await },
        ]
    }

    async fn readable(&self) -> Verdict {
        let found = self
            .read(|connection| {
                let damage: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
                let n_accounts: i64 = connection.query_row("SELECT count(*) FROM accounts", [], |row| row.get(0))?;
                let n_groups: i64 = connection.query_row("SELECT count(*) FROM member_groups", [], |row| row.get(0))?;
                Ok((damage, n_accounts, n_groups))
            })
            .await;
        match found {
            Ok((damage, n_accounts, n_groups)) if damage == "ok" => {
                Verdict::Good(format!("{n_accounts} accounts; {n_groups} groups, roles and channels"))
            }
            Ok((damage, ..)) => {
                Verdict::Bad(format!("the file is damaged: {damage}"), "restore it from a backup".to_owned())
            }
            Err(fault) => bad(&fault, "see that the file is there and that rosterd's user may read it"),
        }
    }

    async fn writable(&self) -> Verdict {
        let tried: Result<(), DatabaseError> = self
            .database
            .call(|connection| {
                // Taking the lock shows that the file can be written; rolling back leaves it as it was.
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?.rollback()?;
                Ok(())
            })
            .await;
        match tried {
            Ok(()) => Verdict::Good("can be written".to_owned()),
            Err(error) => bad(
                &fault::of_database(&error),
                "see that rosterd's user may write the file and its folder, and that no other process holds it",
            ),
        }
    }

    fn permissions(&self) -> Verdict {
        match schema::too_open(&self.settings.file) {
            Ok(None) => Verdict::Good("only its owner can read it".to_owned()),
            Ok(Some(mode)) => Verdict::Warning(format!(
                "the mode is {mode:03o}, so others than its owner can use it, and it holds password hashes: \
                 chmod 600 the file and those beside it that end in -wal and -shm"
            )),
            Err(error) => Verdict::Bad(format!("it cannot be seen: {error}"), "see that the file is there".to_owned()),
        }
    }

    async fn hashes(&self) -> Verdict {
        match self.hasher.hash("a password to try".into()).await {
            Ok(_) => Verdict::Good(self.settings.argon2.to_string()),
            Err(fault) => bad(&fault, "set a lower `argon2.memory_kib`, or give the machine more memory"),
        }
    }
}

fn bad(fault: &Fault, hint: &str) -> Verdict {
    Verdict::Bad(fault.to_string(), hint.to_owned())
}
