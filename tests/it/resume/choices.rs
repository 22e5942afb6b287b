//! Choices that an operator makes in the preview, and a preview that is none any more.

use std::fs;

use super::*;
use rosterd::run::choices;

const FEED: &str = "
mode = \"review\"
[feed.defaults]
update = false
[feed.groups]
create = true
owned = [\"Old*\"]
[feed.limits]
removals = \"none\"
";

const ROSTER: &str = "\
Username,First name,Surname,Email,Groups
ada,Ada,Byron,ada@example.org,Staff
bob,Bob,Ball,bob@example.org,Staff
cyd,Cyd,Cole,cyd@example.org,Staff
dan,Dan,Dale,not an address,Staff
eve,Eve,Earl,eve@example.org,
";

fn waiting() -> World {
    let world = World::new(FEED, ROSTER);
    world.memory.put("cyd", [("sn", &["Cook"])]);
    world.memory.put("eve", [("sn", &["Eliot"])]);
    world.memory.put("zoe", [("sn", &["Zorn"])]);
    world.memory.add_group(GroupKind::Group, "Old hands");
    world.memory.add_group(GroupKind::Channel, "News");
    assert!(world.memory.add_member(GroupKind::Group, "Old hands", "cyd"));
    assert!(matches!(world.import(), Ok(Carried::Waiting)));
    world
}

/// Edits the preview as a spreadsheet would: the line of this person, with these five choices.
fn edit(world: &World, username: &str, choices: &str) {
    let path = world.file("people.preview.csv");
    let text = fs::read_to_string(&path).expect("a preview");
    let line = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        if cells.get(7) != Some(&username) {
            return line.to_owned();
        }
        format!("{},{choices},{}", cells[..2].join(","), cells[7..].join(","))
    };
    let edited: Vec<String> = text.split("\r\n").map(line).collect();
    fs::write(&path, edited.join("\r\n")).expect("edited");
}

/// Does what `rosterd approve` does.
fn approve(world: &World) -> Result<Carried, rosterd::exit::Failure> {
    let edited = life(async {
        let run = world.open_runs_now().await.remove(0);
        let edited = choices::edited(&run, world.feed()).await.map_err(|fault| fault.failure())?;
        let bits = edited.into_iter().map(|(line, bits)| (line, bits.0)).collect();
        world.state().keep_choices(&run.id, bits).await.expect("kept");
        Ok(())
    });
    edited.and_then(|()| world.approve())
}

#[test]
fn without_an_edit_the_plan_is_applied_as_shown() {
    let world = waiting();
    let carried = approve(&world);
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(
        world.outcomes(),
        ["ada created", "bob created", "cyd not_attempted", "dan rejected", "eve not_attempted", "zoe old"]
            .map(|line| line.replace("zoe old", "zoe reported"))
    );
}

#[test]
fn choices_narrow_and_widen_what_is_done_for_a_row() {
    let world = waiting();
    let before = life(async { world.open_runs_now().await.remove(0).plan });
    edit(&world, "ada", "no,no,no,no,no");
    edit(&world, "bob", "yes,no,no,no,yes");
    edit(&world, "cyd", "YES,1,x,no,no");
    let carried = approve(&world);
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}\n{}", world.told());
    assert!(before.is_some());
    assert!(world.memory.account("ada").is_none(), "add was taken away");
    assert_eq!(world.memory.members(GroupKind::Channel, "News"), Some(vec!["bob".into()]), "subscribed");
    assert_eq!(world.memory.account("cyd").expect("there").attributes.first_text("sn"), Some("Cole"), "updated");
    assert_eq!(world.memory.members(GroupKind::Group, "Old hands"), Some(vec![]), "synchronised");
    assert_eq!(world.memory.account("eve").expect("there").attributes.first_text("sn"), Some("Eliot"), "not touched");
    let preview = fs::read_to_string(world.file("people.preview.csv")).expect("a preview");
    assert!(preview.contains("2,New,no,no,no,no,no,ada"), "the preview shows what was approved:\n{preview}");
}

#[test]
fn choices_survive_an_interruption() {
    for n in [3, 5, 7, 9] {
        let world = waiting();
        edit(&world, "ada", "no,no,no,no,no");
        edit(&world, "cyd", "no,yes,yes,no,yes");
        let run = world.open_runs().remove(0);
        let bits = life(choices::edited(&run, world.feed())).expect("a preview");
        assert_eq!(bits.iter().map(|(line, _)| line.0).collect::<Vec<_>>(), [2, 4]);
        let bits = bits.into_iter().map(|(line, bits)| (line, bits.0)).collect();
        life(async { world.state().keep_choices(&run.id, bits).await.expect("kept") });
        let directory = Mortal::new(&world.memory, n, Death::After);
        let order = Order::Approved(run.plan.clone().expect("a plan"));
        let carried = life(directory.survives(world.carry(&directory, order)));
        let carried = match carried {
            Some(carried) => carried,
            None if world.open_runs()[0].phase == rosterd::state::run::Phase::Waiting => world.approve(),
            None => world.import(),
        };
        assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "step {n}: {carried:?}");
        assert!(world.memory.account("ada").is_none(), "step {n}");
        assert_eq!(world.person("cyd")["outcome"], "updated", "step {n}\n{}", world.told());
        assert_eq!(world.memory.members(GroupKind::Channel, "News"), Some(vec!["cyd".into()]), "step {n}");
    }
}

#[test]
fn a_preview_that_is_none_any_more_approves_nothing() {
    type Damage<'d> = (&'d str, &'d dyn Fn(&str) -> String);
    let damages: [Damage<'_>; 9] = [
        ("a row less", &|text| {
            text.split_inclusive("\r\n").enumerate().filter(|(n, _)| *n != 2).map(|(_, l)| l).collect()
        }),
        ("cut off", &|text| text[..text.len() - 40].to_owned()),
        ("cut behind a line", &|text| text.split_inclusive("\r\n").take(3).collect()),
        ("no column of lines", &|text| text.replacen("line,", "row,", 1)),
        ("no column of choices", &|text| text.replacen("sync roles", "roles in sync", 1)),
        ("a word that is no choice", &|text| text.replacen("2,New,yes", "2,New,maybe", 1)),
        ("no choice at all", &|text| text.replacen("2,New,yes", "2,New,", 1)),
        ("a line twice", &|text| text.replacen("\r\n3,", "\r\n2,", 1)),
        ("empty", &|_| String::new()),
    ];
    for (what, damage) in damages {
        let world = waiting();
        let path = world.file("people.preview.csv");
        let text = fs::read_to_string(&path).expect("a preview");
        let damaged = damage(&text);
        assert_ne!(text, damaged, "{what}");
        fs::write(&path, damaged).expect("damaged");
        let failure = approve(&world).expect_err(what);
        assert_eq!(failure.exit, Exit::Refused, "{what}");
        assert!(failure.to_string().contains("hint:"), "{what}: {failure}");
        assert_eq!(world.memory.log().len(), 0, "{what}");

        fs::write(&path, text).expect("restored");
        assert!(matches!(approve(&world), Ok(Carried::Done(_))), "{what}");
    }
}

#[test]
fn everything_but_the_choices_is_passed_over() {
    let world = waiting();
    let path = world.file("people.preview.csv");
    let text = fs::read_to_string(&path).expect("a preview");
    // Saved by a spreadsheet of another country, without byte order mark, sorted the other way round, with names edited.
    let mut rows: Vec<csv::StringRecord> = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.trim_start_matches('\u{feff}').replace("Byron", "Lovelace").as_bytes())
        .records()
        .collect::<Result<_, _>>()
        .expect("CSV");
    rows[1..].reverse();
    let mut saved = csv::WriterBuilder::new().delimiter(b';').from_path(&path).expect("a file");
    rows.iter().for_each(|row| saved.write_record(row).expect("saved"));
    saved.flush().expect("saved");
    let carried = approve(&world);
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.memory.account("ada").expect("there").attributes.first_text("sn"), Some("Byron"));
}

#[test]
fn a_link_in_place_of_the_preview_is_not_followed_and_no_preview_is_no_edit() {
    let world = waiting();
    let path = world.file("people.preview.csv");
    fs::rename(&path, world.file("elsewhere")).expect("moved");
    std::os::unix::fs::symlink(world.file("elsewhere"), &path).expect("linked");
    assert_eq!(approve(&world).expect_err("a link").exit, Exit::Refused);
    fs::remove_file(&path).expect("removed");
    let carried = approve(&world);
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
}
