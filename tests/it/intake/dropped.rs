//! When a dropped file is taken, and what of it.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::symlink;

use super::*;

#[tokio::test]
async fn a_dropped_file_is_carried_once_and_stays_as_it_is() {
    let world = World::new();
    let mut daemon = world.start().await;
    fs::write(world.at("a.csv"), "one").expect("dropped");
    let begun = daemon.next().await;
    assert_eq!(begun.claim.path, world.at("a.csv"));
    assert_eq!((begun.feed, begun.claim.feed.as_str(), begun.content.as_str()), (0, "feed0", "one"));
    begun.end(Carried::Done);
    // The folder is read again because of b.csv, and a.csv is not taken for a new file.
    world.drop_whole(0, "b.csv", "two");
    daemon.carries("b.csv", "two").await;
    daemon.stop().await;
    assert_eq!(fs::read_to_string(world.at("a.csv")).expect("there"), "one");
    assert_eq!(world.in_spool(), 0);
}

#[tokio::test]
async fn refused_held_and_failed_files_are_not_taken_again_while_they_stay_as_they_are() {
    let world = World::new();
    let mut daemon = world.start().await;
    for (at, carried) in [Carried::Refused, Carried::Held, Carried::Failed].into_iter().enumerate() {
        world.drop_whole(0, &format!("{at}.csv"), "x");
        let begun = daemon.next().await;
        assert_eq!(begun.claim.name, format!("{at}.csv"));
        begun.end(carried);
    }
    world.drop_whole(0, "z.csv", "x");
    daemon.carries("z.csv", "x").await;
    daemon.stop().await;
}

#[tokio::test]
async fn without_events_the_timer_finds_everything() {
    let mut world = World::new();
    world.feeds[0].watch = Mode::Poll;
    world.feeds[0].rescan = Duration::from_millis(300);
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    daemon.carries("a.csv", "one").await;
    world.drop_whole(0, "b.csv", "two");
    daemon.carries("b.csv", "two").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_slow_upload_is_not_taken_before_it_ends() {
    for mode in [Mode::Native, Mode::Poll] {
        let mut world = World::new();
        world.feeds[0].watch = mode;
        world.feeds[0].rescan = Duration::from_millis(100);
        world.feeds[0].settle = Duration::from_secs(2);
        let mut daemon = world.start().await;
        let path = world.at("a.csv");
        let writer = std::thread::spawn(move || {
            let mut file = File::create(path).expect("created");
            for line in 0..20 {
                writeln!(file, "line {line}").expect("written");
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let begun = daemon.next().await;
        assert!(writer.is_finished(), "{mode:?}: the writer is still at work");
        assert_eq!(begun.content.lines().count(), 20, "{mode:?}");
        begun.end(Carried::Done);
        daemon.stop().await;
    }
}

#[tokio::test]
async fn an_upload_that_stalls_is_not_taken_while_its_writer_has_it_open() {
    let world = World::new();
    let mut daemon = world.start().await;
    // Events come from the first look on.
    world.drop_whole(0, "0.csv", "x");
    daemon.carries("0.csv", "x").await;
    let mut upload = File::create(world.at("a.csv")).expect("created");
    upload.write_all(b"first half, ").expect("written");
    // Dropped and settled later, and taken earlier.
    for name in ["b.csv", "c.csv"] {
        world.drop_whole(0, name, "x");
        daemon.carries(name, "x").await;
    }
    upload.write_all(b"second half").expect("written");
    drop(upload);
    daemon.carries("a.csv", "first half, second half").await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_changes_while_it_is_carried_is_taken_again_afterwards() {
    let world = World::new();
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    let begun = daemon.next().await;
    OpenOptions::new().append(true).open(world.at("a.csv")).expect("open").write_all(b"+").expect("appended");
    assert_eq!(fs::read_to_string(&begun.claim.spool).expect("copy"), "one", "the claim is what it was");
    begun.end(Carried::Done);
    let begun = daemon.next().await;
    assert_eq!(begun.content, "one+");
    // Dropped anew, with the same content and the same name.
    fs::remove_file(world.at("a.csv")).expect("removed");
    world.drop_whole(0, "a.csv", "one+");
    begun.end(Carried::Done);
    daemon.carries("a.csv", "one+").await;
    daemon.stop().await;
}

#[tokio::test]
async fn only_rosters_are_taken() {
    let world = World::new();
    let secret = world.data.path().join("secret");
    fs::write(&secret, "secret").expect("written");
    symlink(&secret, world.at("link.csv")).expect("linked");
    symlink("/proc/self/fd/0", world.at("magic.csv")).expect("linked");
    fs::hard_link(&secret, world.at("hard.csv")).expect("linked");
    fs::create_dir(world.at("folder.csv")).expect("made");
    fs::write(world.at("folder.csv/inner.csv"), "x").expect("written");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, world.at("pipe.csv"), fifo, rustix::fs::Mode::RUSR, 0).expect("pipe");
    for name in ["a.result.csv", ".hidden.csv", "b.csv.part", "c.csv.tmp", "~$d.csv", "e.txt"] {
        fs::write(world.at(name), "x").expect("written");
    }
    let mut daemon = world.start().await;
    world.drop_whole(0, "Roster.CSV", "one");
    daemon.carries("Roster.CSV", "one").await;
    world.drop_whole(0, "z.csv", "two");
    daemon.carries("z.csv", "two").await;
    daemon.stop().await;
}

#[tokio::test]
async fn of_two_daemons_on_one_folder_one_takes_the_rosters_and_the_other_takes_over() {
    let (first, mut second) = (World::new(), World::new());
    second.feeds[0].folder = first.feeds[0].folder.clone();
    second.feeds[0].rescan = Duration::from_millis(100);
    let mut owner = first.start().await;
    first.drop_whole(0, "a.csv", "one");
    owner.carries("a.csv", "one").await;
    let mut standby = second.start().await;
    first.drop_whole(0, "b.csv", "two");
    owner.carries("b.csv", "two").await;
    tokio::time::sleep(4 * (SETTLE + second.feeds[0].rescan)).await;
    assert!(standby.begun.try_recv().is_err(), "the second one has seen it long since, and has left it alone");
    // What is done is in the first one's memory; a shared one would know it.
    for name in ["a.csv", "b.csv"] {
        fs::remove_file(first.at(name)).expect("removed");
    }
    owner.stop().await;
    first.drop_whole(0, "c.csv", "three");
    standby.carries("c.csv", "three").await;
    standby.stop().await;
}
