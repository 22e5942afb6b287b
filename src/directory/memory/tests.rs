use futures_util::StreamExt;

use super::*;
use crate::roster::operation::Create;
use crate::roster::operation::Done;
use crate::roster::operation::Member;
use crate::roster::operation::Update;

fn create(username: &str) -> Operation {
    Operation::Create(Create {
        username: username.into(),
        locator: None,
        attributes: [("cn", vec![username])].into_iter().collect(),
        password: Some("hunter2".into()),
        must_change: true,
    })
}

async fn ask(memory: &Memory, operation: Operation) -> Result<Done, Fault> {
    memory.apply(&[operation], &Pace::unlimited()).await.remove(0).map(|receipt| receipt.done)
}

#[tokio::test]
async fn scripted_faults_come_in_turn_and_then_no_more() {
    let memory = Memory::new();
    memory.fail("ada", Fault::new(Next::Retry, "busy"));
    memory.fail("ADA", Fault::new(Next::StopRun, "gone"));
    let next = async || ask(&memory, create("ada")).await.map_err(|fault| fault.next);
    assert_eq!(next().await, Err(Next::Retry));
    assert_eq!(next().await, Err(Next::StopRun));
    assert!(memory.account("ada").is_none());
    assert!(next().await.is_ok());
    memory.fail_always("bob", Fault::new(Next::RejectRow, "no"));
    for _ in 0..3 {
        assert_eq!(ask(&memory, create("bob")).await.map_err(|fault| fault.next), Err(Next::RejectRow));
    }
    assert_eq!(memory.writes(), Writes { created: 1, passwords: 1, ..Writes::default() });
}

#[tokio::test]
async fn a_lost_answer_hides_what_was_done() {
    let memory = Memory::new();
    memory.answer_lost("ada");
    assert_eq!(ask(&memory, create("ada")).await.map_err(|fault| fault.next), Err(Next::LookAgain));
    let ada = memory.account("ada").expect("it was done");
    assert!(ada.has_password && ada.must_change && ada.enabled);
    assert_eq!(memory.writes().created, 1);
}

#[tokio::test]
async fn a_cut_stream_ends_with_a_fault_once() {
    let memory = Memory::new();
    for username in ["ada", "bob", "eve"] {
        memory.put(username, []);
    }
    memory.cut_existing_after(2);
    let lookup = || Lookup { which: Which::All, attributes: Schema::default() };
    let cut: Vec<_> = memory.existing(lookup()).collect().await;
    assert_eq!(cut.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
    let whole: Vec<_> = memory.existing(lookup()).collect().await;
    assert_eq!(whole.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_directory_takes_its_time() {
    let memory = Memory::new();
    memory.slow(Duration::from_secs(3));
    let start = tokio::time::Instant::now();
    memory.apply(&[create("ada"), create("bob")], &Pace::unlimited()).await;
    assert_eq!(start.elapsed(), Duration::from_secs(6));
}

#[tokio::test]
async fn the_log_tells_everything_but_passwords() {
    let memory = Memory::new();
    memory.add_group(GroupKind::Group, "staff");
    let Ok(Done::Created(id)) = ask(&memory, create("ada")).await else { panic!("not created") };
    let update = Update {
        id: id.clone(),
        username: "ada".into(),
        relocation: None,
        changes: Vec::new(),
        password: Some("hunter2".into()),
        must_change: Some(false),
        enabled: Some(false),
    };
    ask(&memory, Operation::Update(update)).await.expect("done");
    let staff = GroupName::new("staff");
    let add = vec![Member { id: id.clone(), username: "ada".into() }];
    let join = Operation::ChangeMembers { kind: GroupKind::Group, name: staff, add, remove: Vec::new() };
    ask(&memory, join).await.expect("done");
    assert_eq!(memory.members(GroupKind::Group, "STAFF"), Some(vec!["ada".into()]));
    assert_eq!(memory.account("ada").expect("there").member_of, [(GroupKind::Group, GroupName::new("staff"))]);
    ask(&memory, create("ada")).await.expect_err("there already");
    ask(&memory, Operation::Delete { id, username: "ada".into() }).await.expect("done");
    assert_eq!(
        memory.log(),
        [
            "create ada, password, must change",
            "update ada: password, need not change, disable",
            "group staff: +ada",
            "create ada, password, must change ! LookAgain",
            "delete ada",
        ]
    );
    assert!(!format!("{memory:?}").contains("hunter2"));
    let writes = Writes { created: 1, updated: 1, deleted: 1, passwords: 2, members_added: 1, ..Writes::default() };
    assert_eq!(memory.writes(), writes);
}
