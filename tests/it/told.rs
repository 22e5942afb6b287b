//! What is true of a run as a whole is told with its preview and its result, once, whatever interrupts it.

use rosterd::roster::remark::Remark;
use rosterd::run::Carried;
use rosterd::run::Order;
use rosterd::state::run::Phase;
use serde_json::Value;

use crate::resume::fuse::Fuse;
use crate::resume::mortal::Death;
use crate::resume::mortal::Mortal;
use crate::world::World;
use crate::world::life;

const ROSTER: &str = "Username,First name,Surname,Email\nada,Ada,Byron,ada@x.org\nbob,Bob,Ball,bob@x.org\n\
                      cyd,Cyd,Cole,cyd@x.org\n";

fn world() -> World {
    World::new("batch_size = 1\n", ROSTER)
}

/// The kinds of the remarks in the result.
pub fn kinds(result: &Value) -> Vec<String> {
    let remarks = result["remarks"].as_array().expect("remarks");
    remarks.iter().map(|remark| remark["kind"].as_str().expect("a kind").to_owned()).collect()
}

#[test]
fn answers_that_did_not_come_are_told_once_and_in_every_report() {
    let world = world();
    world.memory.answer_lost("ada");
    world.memory.answer_lost("cyd");
    world.import_cleanly();
    let result = world.result();
    let text = Remark::LookedUp.to_string();
    let told = serde_json::json!(
        [{"kind": "looked_up", "detail": "", "text": text, "hint": Remark::LookedUp.hint()}]
    );
    assert_eq!((&result["remarks"], &result["notes"]), (&told, &serde_json::json!([text])));
    let page = std::fs::read_to_string(world.file("people.report.html")).expect("a report");
    assert_eq!(page.matches(&text).count(), 1, "{page}");
    let preview = std::fs::read_to_string(world.file("people.preview.html")).expect("a preview");
    assert!(!preview.contains(&text), "nothing of the kind had happened by then");
}

#[test]
fn a_quiet_run_has_nothing_to_tell() {
    let world = world();
    world.import_cleanly();
    assert_eq!(world.result()["remarks"], serde_json::json!([]));
}

#[test]
fn what_was_told_before_an_interruption_is_in_the_result() {
    let mut n_interrupted = 0;
    for n in 1.. {
        let world = world();
        world.memory.answer_lost("ada");
        let directory = Mortal::new(&world.memory, n, Death::After);
        let carried = life(directory.survives(world.carry(&directory, Order::AsTheFeedSays)));
        if carried.is_some() {
            break;
        }
        let run = world.open_runs().remove(0);
        let is_begun =
            run.phase == Phase::Applying && !life(world.state().journaled(&run.id)).expect("read").is_empty();
        let is_written = life(world.state().remarks(&run.id)).expect("read").contains(&Remark::LookedUp);
        world.import_cleanly();
        let kinds = kinds(&world.result());
        let count = |kind: &str| kinds.iter().filter(|known| *known == kind).count();
        assert_eq!(count("went_on"), usize::from(is_begun), "step {n}: {kinds:?}");
        // Ada's answer is lost at one step only; from there on it is known.
        assert!(count("looked_up") >= usize::from(is_written) && count("looked_up") <= 1, "step {n}: {kinds:?}");
        n_interrupted += usize::from(is_written);
    }
    assert!(n_interrupted >= 3, "only {n_interrupted} were interrupted after that");
}

#[test]
fn a_note_that_cannot_be_written_down_stops_nothing_half_way() {
    let world = world();
    world.memory.answer_lost("ada");
    drop(world.state());
    let fuse = Fuse::light(&world.journal(), "remark", 1);
    let carried = world.import();
    assert!(fuse.is_blown(&carried), "{carried:?}");
    assert_eq!(world.memory.accounts().len(), 3, "all operations were carried out before it was told");
    fuse.remove();
    world.import_cleanly();
    assert_eq!(world.memory.writes().created, 3);
}

#[test]
fn an_emptied_directory_is_waited_for_and_believed_when_somebody_says_so() {
    for mode in ["", "mode = \"review\"\n"] {
        let world = World::new(&format!("{mode}[feed.old]\npolicy = \"report\"\n"), ROSTER);
        life(world.state().keep_size("memory", 7)).expect("kept");
        let carried = world.import();
        assert!(matches!(&carried, Ok(Carried::Doubted(failure)) if failure.exit.code() == 3), "{carried:?}");
        let run = world.open_runs().remove(0);
        assert_eq!((run.phase, &run.plan), (Phase::Waiting, &None));
        assert!(run.reason.as_deref().expect("a reason").contains("it had 7 when it was last read"));
        assert!(matches!(world.import(), Ok(Carried::Doubted(_))), "and it stays so");
        assert!(world.memory.accounts().is_empty());

        life(world.state().believe_empty(&run.id)).expect("kept");
        assert_eq!(world.open_runs()[0].phase, Phase::Approved, "the daemon takes it from here");
        let carried = world.import();
        if !mode.is_empty() {
            assert!(matches!(carried, Ok(Carried::Waiting)), "a plan is to be approved like any other: {carried:?}");
            assert!(world.memory.accounts().is_empty());
            let carried = world.approve();
            assert!(matches!(carried, Ok(Carried::Done(_))), "{carried:?}");
        }
        assert_eq!(world.memory.accounts().len(), 3);
        assert_eq!(kinds(&world.result()), ["believed_empty"]);
        assert_eq!(world.result()["counts"]["created"], 3);
    }
}

#[test]
fn a_directory_that_is_itself_again_needs_no_belief() {
    let world = World::new("[feed.old]\npolicy = \"report\"\n", ROSTER);
    life(world.state().keep_size("memory", 1)).expect("kept");
    assert!(matches!(world.import(), Ok(Carried::Doubted(_))));
    world.memory.put("ada", [("sn", &["Byron"])]);
    world.import_cleanly();
    assert_eq!(kinds(&world.result()), Vec::<String>::new());
}

#[test]
fn a_run_that_waits_knows_since_when_and_for_what() {
    let world = World::new("[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = 0\n", ROSTER);
    world.memory.put("zoe", [("sn", &["Zorn"])]);
    assert!(matches!(world.import(), Ok(Carried::Waiting)));
    let run = world.open_runs().remove(0);
    let waiting = life(world.state().waiting(&run.id)).expect("read").expect("it waits");
    let counts = waiting.counts;
    assert_eq!((counts.new, counts.unchanged, counts.old, counts.error), (3, 0, 1, 0), "as in the preview");
    assert_eq!(waiting.since, (world.now)());
    world.approve().expect("carried");
    assert_eq!(life(world.state().waiting(&run.id)).expect("read"), None, "nothing of it stays");
}
