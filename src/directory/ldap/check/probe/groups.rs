//! Groups: the probe makes one of its own in each base, since nobody may get into a real one.

use super::super::super::group::base_key;
use super::super::bad;
use super::super::finding;
use super::Probe;
use crate::directory::Verdict;
use crate::directory::Wanted;
use crate::roster::account::EntryId;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Member;
use crate::roster::operation::Operation;

impl Probe<'_> {
    /// Joins and leaves a group that is there for nothing else.
    pub(super) async fn group(&mut self, kind: GroupKind, id: &EntryId) {
        let name = GroupName::new(&format!("{}-{}", self.username, kind.word()));
        let word = kind.word();
        let subject = format!("probe: create the {word} {name}");
        let made = self.apply(Operation::CreateGroup { kind, name: name.clone(), members: Vec::new() }).await;
        match &made {
            Ok(_) => self.good(subject, "created"),
            Err(fault) if fault.next == Next::LookAgain => self.findings.push(bad(subject, fault, "")),
            Err(fault) => {
                let text = format!("{fault}; right only if no feed creates {word}s; members were not tried");
                return self.findings.push(finding(subject, Verdict::Warning(text)));
            }
        }
        if made.is_ok() {
            let member = Member { id: id.clone(), username: self.username.clone() };
            let hint = format!("give the bind DN the right to write members below `{}`", base_key(kind));
            let joins =
                Operation::ChangeMembers { kind, name: name.clone(), add: vec![member.clone()], remove: vec![] };
            if self.attempt(format!("probe: join the {word}"), joins, &hint).await {
                self.member(kind, &name).await;
                let leaves = Operation::ChangeMembers { kind, name: name.clone(), add: vec![], remove: vec![member] };
                self.attempt(format!("probe: leave the {word}"), leaves, &hint).await;
            }
        }
        self.remove_group(kind, &name).await;
    }

    /// Membership is read as imports read it.
    async fn member(&mut self, kind: GroupKind, name: &GroupName) {
        let subject = format!("probe: see who is in the {}", kind.word());
        let read = async {
            let account = self.read().await?;
            let groups = self.dsa.read_groups(kind, &Wanted::Named(vec![name.clone()])).await?;
            Ok::<_, Fault>(account.is_some_and(|account| groups.iter().any(|group| group.has(&account))))
        };
        let found = match read.await {
            Ok(true) => finding(subject, Verdict::Good("the account is there".to_owned())),
            Ok(false) => {
                let hint = "let the bind DN read groups and their members".to_owned();
                finding(subject, Verdict::Bad("the account is not there though it was put in".to_owned(), hint))
            }
            Err(fault) => bad(subject, &fault, "let the bind DN read groups and their members"),
        };
        self.findings.push(found);
    }

    /// Imports never delete groups, so there is no operation for it.
    async fn remove_group(&mut self, kind: GroupKind, name: &GroupName) {
        let subject = format!("probe: delete the {} {name}", kind.word());
        let removed = async {
            let dn = {
                let lease = self.dsa.pool.lease().await?;
                self.dsa.find_group(&lease, kind, name).await?.dn
            };
            self.erase(&dn).await?;
            self.is_there(&dn).await
        };
        let why = match removed.await {
            Ok(false) => return self.good(subject, "gone"),
            Ok(true) => "it is still there".to_owned(),
            Err(fault) => fault.to_string(),
        };
        // A bind DN that may delete all groups has more rights than imports need.
        let base = self.dsa.site.base(kind).map(ToString::to_string).unwrap_or_default();
        let word = kind.word();
        let text = format!(
            "it is left over, without members; delete cn={name},{base} by hand, and let the bind DN delete groups that \
             are named rosterd-probe-* (imports never delete a {word}): {why}"
        );
        self.findings.push(finding(subject, Verdict::Warning(text)));
    }
}
