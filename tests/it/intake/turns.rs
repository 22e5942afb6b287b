//! Which file is carried when, and what the daemon remembers.

use super::*;

#[tokio::test]
async fn files_of_one_target_are_carried_one_by_one_the_oldest_first() {
    let world = World::with_targets(&["staff", "staff", "guests"]);
    let start = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    // The later the name, the older the file, in turns between the two feeds.
    for at in 0..8_u64 {
        let feed = (at % 2) as usize;
        let path = world.folders[feed].path().join(format!("{at}.csv"));
        fs::write(&path, "x").expect("dropped");
        let file = File::options().write(true).open(&path).expect("open");
        file.set_modified(start - Duration::from_secs(at)).expect("set");
    }
    world.drop_whole(2, "guest.csv", "x");
    let mut daemon = world.start().await;
    // Both targets are at work at the same time, each on one file only.
    let (mut one, mut other) = (daemon.next().await, daemon.next().await);
    if one.feed == 2 {
        std::mem::swap(&mut one, &mut other);
    }
    assert_eq!((other.feed, other.claim.name.as_str()), (2, "guest.csv"));
    let mut order = HashMap::from([(0, Vec::new()), (1, Vec::new())]);
    for _ in 0..7 {
        assert!(daemon.begun.try_recv().is_err(), "another file was begun beside {}", one.claim.name);
        order.get_mut(&one.feed).expect("feed").push(one.claim.name.clone());
        one.end(Carried::Done);
        one = daemon.next().await;
    }
    order.get_mut(&one.feed).expect("feed").push(one.claim.name.clone());
    one.end(Carried::Done);
    assert_eq!(order[&0], ["6.csv", "4.csv", "2.csv", "0.csv"]);
    assert_eq!(order[&1], ["7.csv", "5.csv", "3.csv", "1.csv"]);
    other.end(Carried::Done);
    daemon.stop().await;
}

#[tokio::test]
async fn a_file_that_is_tried_again_holds_up_its_own_feed_only() {
    let world = World::with_targets(&["staff", "staff"]);
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    let begun = daemon.next().await;
    let spool = begun.claim.spool.clone();
    world.drop_whole(0, "later.csv", "two");
    world.drop_whole(1, "other.csv", "three");
    fs::remove_file(world.at("a.csv")).expect("removed");
    begun.end(Carried::TryAgain(Duration::from_secs(3)));
    daemon.carries("other.csv", "three").await;
    let begun = daemon.next().await;
    assert_eq!(begun.claim.spool, spool, "the same copy, though the original is gone");
    begun.end(Carried::Done);
    daemon.carries("later.csv", "two").await;
    daemon.stop().await;
    assert_eq!(world.in_spool(), 0);
}

#[tokio::test]
async fn stopping_waits_for_what_is_in_flight_and_begins_nothing_else() {
    let world = World::with_targets(&["staff", "guests"]);
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    let begun = daemon.next().await;
    world.drop_whole(0, "b.csv", "two");
    daemon.stop.cancel();
    daemon.notice(&Notice::Stopping).await;
    daemon.notice(&Notice::Status("stopping 2 folders, 1 file in flight".to_owned())).await;
    assert!(!daemon.ended.is_finished());
    assert!(Exclusive::take(world.data.path()).is_err(), "the data folder is still in use");
    begun.end(Carried::Done);
    daemon.stop().await;
    Exclusive::take(world.data.path()).expect("given back");
    assert_eq!(world.in_spool(), 0);
}

#[tokio::test]
async fn a_folder_that_is_missing_is_tried_again_and_stops_no_other_feed() {
    let mut world = World::with_targets(&["staff", "staff"]);
    world.feeds[0].rescan = Duration::from_millis(300);
    let folder = world.at("later");
    world.feeds[0].folder.clone_from(&folder);
    let mut daemon = world.start().await;
    world.drop_whole(1, "a.csv", "one");
    daemon.carries("a.csv", "one").await;
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("b.csv"), "two").expect("dropped");
    daemon.carries("b.csv", "two").await;
    // The folder is replaced by another one, as when something is mounted.
    fs::rename(&folder, world.at("old")).expect("renamed");
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("c.csv"), "three").expect("dropped");
    daemon.carries("c.csv", "three").await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_was_interrupted_is_known_before_ready_and_carried_before_anything_else() {
    let world = World::new();
    world.drop_whole(0, "a.csv", "interrupted");
    world.drop_whole(0, "b.csv", "new");
    let claim = world.spool().claim_one("feed0", &world.at("a.csv")).expect("claimed");
    world.memory.notes(|notes| notes.due.insert(0, vec![claim.clone()]));
    let mut daemon = world.start().await;
    assert!(world.memory.notes(|notes| notes.due_asked) >= 1);
    let begun = daemon.next().await;
    assert_eq!(begun.claim, claim);
    world.memory.notes(|notes| notes.due.clear());
    begun.end(Carried::Done);
    // The file it came from still lies there, and is not new.
    daemon.carries("b.csv", "new").await;
    world.drop_whole(0, "c.csv", "newer");
    daemon.carries("c.csv", "newer").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_held_file_is_carried_when_it_is_approved_even_if_it_was_removed() {
    let world = World::new();
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    let begun = daemon.next().await;
    let claim = begun.claim.clone();
    begun.answer.send(Carried::Held).expect("the daemon waits");
    fs::remove_file(world.at("a.csv")).expect("removed");
    world.memory.notes(|notes| notes.due.insert(0, vec![claim.clone()]));
    let begun = daemon.next().await;
    assert_eq!((&begun.claim, begun.content.as_str()), (&claim, "one"));
    world.memory.notes(|notes| notes.due.clear());
    begun.end(Carried::Done);
    daemon.stop().await;
}

#[tokio::test]
async fn files_that_the_memory_knows_are_not_taken_and_none_is_while_it_does_not_answer() {
    let mut world = World::new();
    world.feeds[0].rescan = Duration::from_millis(300);
    world.drop_whole(0, "a.csv", "one");
    let seen = world.spool().claim_one("feed0", &world.at("a.csv")).expect("claimed");
    seen.close().expect("closed");
    world.memory.notes(|notes| {
        notes.done.insert((0, "a.csv".to_owned(), seen.identity));
        notes.out_of_order = true;
    });
    let mut world_of_others = World::new();
    world_of_others.feeds[0].rescan = NEVER;
    let mut daemon = world.start().await;
    world.drop_whole(0, "b.csv", "two");
    // Another daemon finds its file in the meantime.
    let mut other = world_of_others.start().await;
    world_of_others.drop_whole(0, "x.csv", "x");
    other.carries("x.csv", "x").await;
    other.stop().await;
    assert!(daemon.begun.try_recv().is_err(), "taken without knowing");
    world.memory.notes(|notes| notes.out_of_order = false);
    daemon.carries("b.csv", "two").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_memory_that_does_not_answer_at_the_start_is_a_fault() {
    struct Broken;
    impl Memory for Broken {
        async fn is_done(&self, _: FeedIndex, _: &str, _: &Identity) -> Result<bool, MemoryFault> {
            Err("gone".into())
        }
        async fn due(&self, _: FeedIndex) -> Result<Vec<Claim>, MemoryFault> {
            Err("gone".into())
        }
        async fn last_run(&self, _: FeedIndex) -> Result<Option<Timestamp>, MemoryFault> {
            Err("gone".into())
        }
        async fn ran(&self, _: FeedIndex, _: Timestamp) -> Result<(), MemoryFault> {
            Err("gone".into())
        }
    }
    let world = World::new();
    let daemon = Daemon {
        feeds: world.feeds.clone(),
        spool: world.spool(),
        lock: Exclusive::take(world.data.path()).expect("nobody else"),
        is_own_output: |_| false,
        memory: Broken,
        carry: |_, _| async { Carried::Failed },
        clock: Arc::new(Timestamp::now),
        tell: Arc::new(|notice| panic!("{notice:?}")),
        watchdog: None,
    };
    let ended = within("the end", daemon.run(CancellationToken::new())).await;
    assert!(matches!(ended, Err(DaemonFault::Memory { feed, .. }) if feed == "feed0"));
}

#[tokio::test]
async fn scheduled_files_wait_for_their_time_and_it_is_remembered() {
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    let set = |world: &World, text: &str| *world.now.lock().expect("not poisoned") = at(text);
    let mut world = World::with_targets(&["staff", "staff"]);
    set(&world, "2026-01-10T01:00:00Z");
    let now = at("2026-01-10T01:00:00Z");
    world.feeds[0].schedule = Some(Schedule::new("0 2 * * *", Some("UTC"), now).expect("schedule"));
    world.feeds[0].rescan = Duration::from_millis(200);
    world.drop_whole(0, "a.csv", "one");
    let mut daemon = world.start().await;
    // The other feed has no schedule, and its file takes as long to settle.
    world.drop_whole(1, "other.csv", "x");
    daemon.carries("other.csv", "x").await;
    set(&world, "2026-01-10T02:00:00Z");
    let begun = daemon.next().await;
    assert_eq!(begun.content, "one");
    world.drop_whole(0, "late.csv", "two");
    begun.end(Carried::Done);
    world.drop_whole(1, "another.csv", "x");
    daemon.carries("another.csv", "x").await;
    let ran = async {
        while world.memory.notes(|notes| notes.ran.is_empty()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("the run is remembered", ran).await;
    assert_eq!(world.memory.notes(|notes| notes.ran.clone()), [at("2026-01-10T02:00:00Z")]);
    daemon.stop().await;

    // The daemon was down at the next time; it makes up for it at the start.
    world.memory.notes(|notes| notes.last_run = notes.ran.last().copied());
    let seen = world.spool().claim_one("feed0", &world.at("a.csv")).expect("claimed");
    seen.close().expect("closed");
    world.memory.notes(|notes| notes.done.insert((0, "a.csv".to_owned(), seen.identity)));
    let other = &world.folders[1];
    for name in ["other.csv", "another.csv"] {
        fs::remove_file(other.path().join(name)).expect("removed");
    }
    set(&world, "2026-01-11T09:00:00Z");
    let mut daemon = world.start().await;
    daemon.carries("late.csv", "two").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_defect_while_carrying_one_file_leaves_the_others_unharmed() {
    let world = World::new();
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    drop(daemon.next().await);
    world.drop_whole(0, "b.csv", "two");
    daemon.carries("b.csv", "two").await;
    daemon.stop().await;
}

#[tokio::test]
async fn the_watchdog_is_fed_while_a_file_is_being_carried() {
    let mut world = World::new();
    world.watchdog = Some(Duration::from_millis(300));
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    let begun = daemon.next().await;
    daemon.notice(&Notice::Status("watching 1 folder, 1 file in flight".to_owned())).await;
    for _ in 0..5 {
        daemon.notice(&Notice::Watchdog).await;
    }
    begun.end(Carried::Done);
    daemon.stop().await;
}

#[tokio::test]
async fn a_thousand_files_at_once_are_all_found() {
    let world = World::new();
    let mut daemon = world.start().await;
    for at in 0..1000 {
        fs::write(world.at(&format!("{at}.csv")), "x").expect("dropped");
    }
    let mut found = HashSet::new();
    for _ in 0..1000 {
        let begun = daemon.next().await;
        assert!(found.insert(begun.claim.name.clone()), "{} twice", begun.claim.name);
        begun.end(Carried::Done);
    }
    daemon.stop().await;
}
