//! A run that ends at any step and goes on later comes to the same end as one that was never interrupted.

use std::collections::BTreeMap;

use rosterd::exit::Exit;
use rosterd::roster::account::GroupKind;
use rosterd::run::Carried;
use rosterd::run::Order;

use crate::world::World;
use crate::world::life;

mod approval;
mod choices;
pub mod fuse;
mod kill;
mod leavers;
pub mod mortal;
mod references;
mod relocations;
mod turns;
mod unfinished;

use fuse::Fuse;
use fuse::TABLES;
use mortal::Death;
use mortal::Mortal;

/// Everything at once: new people, changed ones, unchanged ones, people to switch off, people to let in again, groups to
/// make, to enter and to leave, passwords and letters for everybody, and a row in error.
const FEED: &str = r#"
batch_size = 2
[feed.map]
title = "Job title"
[feed.defaults]
sync_groups = true
[feed.passwords]
generate_for_existing = true
[feed.letters]
email_credentials = true
mails_per_minute = 6000
[feed.groups]
create = true
owned = ["Old*"]
[feed.roles]
create = true
[feed.old]
policy = "disable"
[feed.limits]
old = "none"
removals = "none"
clears = "none"
passwords = "none"
"#;

const ROSTER: &str = "\
Username,First name,Surname,Email,Groups,Roles,Job title,Action
ada,Ada,Byron,ada@example.org,Staff|Sales,,Countess,
bob,Bob,Ball,bob@example.org,Staff,Approver,Baker,
cyd,Cyd,Cole,cyd@example.org,Staff|Sales,,Cook,
dan,Dan,Dale,dan@example.org,,,Dancer,
eve,Eve,Earl,eve@example.org,Staff,,Editor,
fay,Fay,,not an address,Staff,,Fitter,
gil,Gil,Gray,gil@example.org,Staff,,Gardener,disable
";

/// Makes the world before the run.
fn world() -> World {
    world_with(FEED)
}

fn world_with(feed: &str) -> World {
    let world = World::new(feed, ROSTER);
    let memory = &world.memory;
    // Three letters' worth of what is there before: somebody who changes and moves, somebody who is only in a group,
    // somebody who is switched off by their row, two who are in the file no more.
    memory.put("cyd", [("givenName", &["Cyd"]), ("sn", &["Cole"]), ("mail", &["old@example.org"])]);
    memory.put("eve", [("sn", &["Earl"])]);
    memory.put("gil", [("sn", &["Gray"])]);
    memory.put("yan", [("sn", &["Young"])]);
    memory.put("zoe", [("sn", &["Zorn"])]);
    memory.add_group(GroupKind::Group, "Staff");
    memory.add_group(GroupKind::Group, "Old hands");
    assert!(memory.add_member(GroupKind::Group, "Old hands", "cyd"));
    assert!(memory.add_member(GroupKind::Group, "Staff", "eve"));
    world
}

const ADDRESSES: [&str; 5] =
    ["ada@example.org", "bob@example.org", "cyd@example.org", "dan@example.org", "eve@example.org"];

/// How a run that nothing interrupts ends.
#[derive(Clone)]
struct Baseline {
    end_state: Vec<String>,
    outcomes: Vec<String>,
    writes: rosterd::directory::memory::Writes,
    n_letters: usize,
}

impl Baseline {
    fn new() -> Self {
        let world = world();
        let carried = world.import();
        assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
        Self::of(&world)
    }

    fn of(world: &World) -> Self {
        Self {
            end_state: world.end_state(),
            outcomes: world.outcomes(),
            writes: world.memory.writes(),
            n_letters: world.mail.kept().len(),
        }
    }
}

/// Goes on until the run is over, and proves that it came to the baseline's end.
fn goes_on_to_the_end(world: &World, baseline: &Baseline, story: &str) {
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{story}: {carried:?}\n{}", world.told());
    assert_eq!(world.open_runs(), [], "{story}");
    let is = Baseline::of(world);
    assert_eq!(is.end_state, baseline.end_state, "{story}\n{}", world.told());
    assert_eq!(is.outcomes, baseline.outcomes, "{story}\n{}", world.told());
    assert_eq!(is.writes.created, baseline.writes.created, "{story}: accounts created\n{}", world.told());
    assert_eq!(is.writes.members_added, baseline.writes.members_added, "{story}\n{}", world.told());
    assert_eq!(is.writes.members_removed, baseline.writes.members_removed, "{story}\n{}", world.told());
    assert_eq!(is.writes.groups_created, baseline.writes.groups_created, "{story}\n{}", world.told());
    // The letter that was being handed over may have been, and nobody can know.
    assert!((baseline.n_letters..=baseline.n_letters + 1).contains(&is.n_letters), "{story}: {} letters", is.n_letters);
    for address in ADDRESSES {
        let passwords = world.mailed(address);
        let username = address.split_once('@').expect("an address").0;
        let last = passwords.last().unwrap_or_else(|| panic!("{story}: no letter to {address}"));
        assert_eq!(world.memory.login(username, last), rosterd::directory::local::Verified::MustChange, "{story}");
    }
    let disabled = life(async { world.state().disabled_by_us("memory").await.expect("the journal is read") });
    // Gil was switched off by a row, which is not for rosterd to take back.
    assert_eq!(disabled.len(), 2, "{story}: rosterd knows which Old people it has switched off");
    assert!(!world.file("data/spool").read_dir().expect("the spool").any(|_| true), "{story}: the copy is removed");
}

#[test]
fn the_baseline_is_as_it_should_be() {
    let baseline = Baseline::new();
    assert_eq!(
        baseline.outcomes,
        [
            "ada created, letter sent",
            "bob created, letter sent",
            "cyd updated, letter sent",
            "dan created, letter sent",
            "eve updated, letter sent",
            "fay rejected",
            "gil disabled",
            "yan disabled",
            "zoe disabled",
        ]
    );
    assert_eq!(baseline.writes.created, 3);
    assert_eq!(baseline.writes.passwords, 5);
    assert_eq!(baseline.writes.groups_created, 2);
    assert_eq!(baseline.writes.members_added, 6);
    assert_eq!(baseline.writes.members_removed, 1);
    assert_eq!(baseline.n_letters, 5);
}

#[test]
fn a_death_at_any_step_of_the_directory_changes_nothing_in_the_end() {
    let baseline = Baseline::new();
    for moment in [Death::Before, Death::After] {
        let mut n = 0;
        loop {
            n += 1;
            let world = world();
            let directory = Mortal::new(&world.memory, n, moment);
            let carried = life(directory.survives(world.carry(&directory, Order::AsTheFeedSays)));
            if let Some(carried) = carried {
                assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
                break;
            }
            goes_on_to_the_end(&world, &baseline, &format!("death {moment:?} step {n}: {}", directory.last_words()));
        }
        assert!(n > 20, "only {n} steps");
    }
}

#[test]
fn a_second_death_at_any_step_changes_nothing_either() {
    let baseline = Baseline::new();
    let mut n_worlds = 0;
    for first in [6, 8, 11, 14, 17, 20] {
        for second in 1.. {
            let world = world();
            let directory = Mortal::new(&world.memory, first, Death::After);
            assert!(life(directory.survives(world.carry(&directory, Order::AsTheFeedSays))).is_none());
            let again = Mortal::new(&world.memory, second, Death::After);
            if life(again.survives(world.carry(&again, Order::AsTheFeedSays))).is_some() {
                break;
            }
            n_worlds += 1;
            let mut slack = baseline.clone();
            slack.n_letters += usize::from(world.mail.kept().len() > baseline.n_letters);
            goes_on_to_the_end(&world, &slack, &format!("deaths after steps {first} and {second}"));
        }
    }
    assert!(n_worlds > 30, "only {n_worlds} worlds");
}

#[test]
fn a_journal_that_fails_at_any_write_stops_the_run_and_loses_nothing() {
    let baseline = Baseline::new();
    let mut by_table: BTreeMap<&str, usize> = BTreeMap::new();
    for table in TABLES {
        for n in 1.. {
            let world = world();
            drop(world.state());
            let fuse = Fuse::light(&world.journal(), table, n);
            let carried = world.import();
            if !fuse.is_blown(&carried) {
                assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
                break;
            }
            *by_table.entry(table).or_default() += 1;
            fuse.remove();
            goes_on_to_the_end(&world, &baseline, &format!("write {n} to {table} failed"));
        }
    }
    for table in ["run", "row", "letter", "disabled", "done_file", "target_size", "placed_file"] {
        assert!(by_table.contains_key(table), "no write to `{table}` was ever refused: {by_table:?}");
    }
}

#[test]
fn nothing_is_sent_that_the_journal_does_not_know_of() {
    for table in TABLES {
        for n in 1.. {
            let world = world();
            drop(world.state());
            let fuse = Fuse::light(&world.journal(), table, n);
            let carried = world.import();
            if !fuse.is_blown(&carried) {
                break;
            }
            fuse.remove();
            let n_known = life(async {
                let state = world.state();
                match state.open_runs().await.expect("the journal is read").first() {
                    Some(run) => state.journaled(&run.id).await.expect("the journal is read").len(),
                    None => 0,
                }
            });
            let log = world.memory.log();
            let is_about_a_group =
                |line: &&String| ["group", "role"].iter().any(|kind| line.contains(&format!("{kind} ")));
            let n_sent = log.iter().filter(|line| !is_about_a_group(line)).count();
            assert!(n_sent <= n_known, "write {n} to {table}: {n_sent} people were written, {n_known} are known");
        }
    }
}

#[test]
fn a_letter_of_an_earlier_password_does_not_pass_for_that_of_a_later_one() {
    use rosterd::roster::account::LineNo;
    use rosterd::state::journal::JournalKey;
    use rosterd::state::journal::Kind;
    use rosterd::state::journal::LetterState;
    use rosterd::state::journal::Started;

    let world = world();
    life(async {
        assert!(world.carry(&Mortal::new(&world.memory, 1000, Death::After), Order::AsTheFeedSays).await.is_ok());
        let state = world.state();
        let run = state.latest_runs(1).await.expect("read").remove(0).id;
        let line = LineNo(2);
        let started = Started {
            key: JournalKey::Line(line),
            kind: Kind::Update,
            password: true,
            letter: true,
            before: rosterd::roster::place::Before::default(),
        };
        for generation in 1..=2 {
            let generations = state.started(&run, vec![started.clone()]).await.expect("kept");
            assert_eq!(generations[&line], generation);
        }
        state.letter_ended(&run, line, 1, None).await.expect("kept");
        assert_eq!(state.letters(&run).await.expect("read")[&line].state, LetterState::Owed);
        state.letter_ended(&run, line, 2, None).await.expect("kept");
        assert_eq!(state.letters(&run).await.expect("read")[&line].state, LetterState::Sent);
    });
}
