//! Names and places that people take from each other in one run.

use insta::assert_snapshot;
use rosterd::roster::fault::Fault;
use rosterd::roster::fault::Next;

use super::*;

mod places;
mod values;

const FEED: &str = r#"
match = "employeeNumber"
[feed.map]
employeeNumber = "Number"
homeDirectory = "/home/{{ username }}"
dn = "uid={{ username }},ou={{ department }}"
[feed.defaults]
rename = true
move = true
[feed.limits]
moves = "none"
takeovers = "none"
"#;

const HEAD: &str = "Number,Username,First name,Surname,Email,Department";

/// Ada, Bob and Cyd, numbers 1 to 3, in IT.
fn three(feed: &str) -> World {
    let world = World::new().feed(feed).people("ada,Ada,King,ada@x.org\nbob,Bob,Ray,bob@x.org\ncyd,Cyd,Low,cyd@x.org");
    for (name, number) in [("ada", "1"), ("bob", "2"), ("cyd", "3")] {
        world.memory.edit(name, "employeeNumber", &[number]);
        world.memory.edit(name, "homeDirectory", &[&format!("/home/{name}")]);
        assert!(world.memory.move_to(name, &format!("uid={name},ou=IT")));
    }
    world
}

/// Rows for Ada, Bob and Cyd with these names, all in IT.
fn named(names: [&str; 3]) -> String {
    let [ada, bob, cyd] = names;
    format!("{HEAD}\n1,{ada},Ada,King,ada@x.org,IT\n2,{bob},Bob,Ray,bob@x.org,IT\n3,{cyd},Cyd,Low,cyd@x.org,IT\n")
}

/// Returns who is called what, by number, with the home directory and the place.
fn now(world: &World) -> Vec<String> {
    let all = world.memory.accounts();
    let mut told: Vec<String> = all
        .iter()
        .map(|seen| {
            let first = |name| seen.attributes.first_text(name).unwrap_or_default();
            format!("{} {} {} {}", first("employeeNumber"), seen.username, first("homeDirectory"), seen.id.locator)
        })
        .collect();
    told.sort();
    told
}

async fn second_night_has_nothing_to_do(world: &World, rows: &str) {
    let log = world.memory.log();
    world.apply(rows).await;
    assert_eq!(world.memory.log(), log, "the second night has nothing to do");
}

#[tokio::test]
async fn a_chain_of_three_is_done_in_one_run_from_its_end() {
    let world = three(FEED);
    let rows = named(["bob", "cyd", "dan"]);
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update bob: name ada -> bob; place uid=ada,ou=IT -> uid=bob,ou=IT; homeDirectory: /home/ada -> /home/bob; warning: gets its name or place when line 3 has left it
    3 Update cyd: name bob -> cyd; place uid=bob,ou=IT -> uid=cyd,ou=IT; homeDirectory: /home/bob -> /home/cyd; warning: gets its name or place when line 4 has left it
    4 Update dan: name cyd -> dan; place uid=cyd,ou=IT -> uid=dan,ou=IT; homeDirectory: /home/cyd -> /home/dan
    ");
    assert_snapshot!(world.apply(&rows).await, @r"
    bob updated
    cyd updated
    dan updated
    ");
    assert_snapshot!(now(&world).join("\n"), @r"
    1 bob /home/bob uid=bob,ou=IT
    2 cyd /home/cyd uid=cyd,ou=IT
    3 dan /home/dan uid=dan,ou=IT
    ");
    assert_eq!(world.memory.writes().relocated, 3);
    second_night_has_nothing_to_do(&world, &rows).await;
}

#[tokio::test]
async fn somebody_new_gets_a_name_that_is_left_in_the_same_run() {
    let world = three(FEED);
    let rows = named(["aking", "bob", "cyd"]) + "4,ada,Ada,Other,other@x.org,IT\n";
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update aking: name ada -> aking; place uid=ada,ou=IT -> uid=aking,ou=IT; homeDirectory: /home/ada -> /home/aking
    3 Update bob
    4 Update cyd
    5 New ada: create, generated password, to be changed; warning: gets its name or place when line 2 has left it
    ");
    assert_snapshot!(world.apply(&rows).await, @r"
    aking updated
    bob unchanged
    cyd unchanged
    ada created
    ");
    assert_snapshot!(now(&world).join("\n"), @r"
    1 aking /home/aking uid=aking,ou=IT
    2 bob /home/bob uid=bob,ou=IT
    3 cyd /home/cyd uid=cyd,ou=IT
    4 ada /home/ada uid=ada,ou=IT
    ");
    second_night_has_nothing_to_do(&world, &rows).await;
}

#[tokio::test]
async fn two_swap_their_names_over_a_temporary_one() {
    let world = three(FEED);
    let rows = named(["bob", "ada", "cyd"]);
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update bob: name ada -> bob; place uid=ada,ou=IT -> uid=bob,ou=IT; homeDirectory: /home/ada -> /home/bob; warning: gets its name or place when line 3 has left it; `rosterd-6b86b273ff` meanwhile, since that one waits too
    3 Update ada: name bob -> ada; place uid=bob,ou=IT -> uid=ada,ou=IT; homeDirectory: /home/bob -> /home/ada; warning: gets its name or place when line 2 has left it
    4 Update cyd
    ");
    assert_snapshot!(world.apply(&rows).await, @r"
    bob updated
    ada updated
    cyd unchanged
    ");
    assert_snapshot!(now(&world).join("\n"), @r"
    1 bob /home/bob uid=bob,ou=IT
    2 ada /home/ada uid=ada,ou=IT
    3 cyd /home/cyd uid=cyd,ou=IT
    ");
    assert_eq!(world.memory.writes().relocated, 3);
    second_night_has_nothing_to_do(&world, &rows).await;
}

#[tokio::test]
async fn three_go_round_with_moves_and_somebody_waits_for_them() {
    let world = three(FEED);
    world.memory.put("dan", [("employeeNumber", &["4"])]);
    let rows = named(["bob", "cyd", "ada"]).replace("2,cyd,Bob,Ray,bob@x.org,IT", "2,cyd,Bob,Ray,bob@x.org,Sales");
    let rows = rows + "5,dan,Dan,Other,dan@x.org,IT\n4,eve,Eve,Dale,eve@x.org,IT\n";
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update bob: name ada -> bob; place uid=ada,ou=IT -> uid=bob,ou=IT; homeDirectory: /home/ada -> /home/bob; warning: gets its name or place when line 3 has left it; `rosterd-6b86b273ff` meanwhile, since that one waits too
    3 Update cyd: name bob -> cyd; place uid=bob,ou=IT -> uid=cyd,ou=Sales; homeDirectory: /home/bob -> /home/cyd; warning: gets its name or place when line 4 has left it
    4 Update ada: name cyd -> ada; place uid=cyd,ou=IT -> uid=ada,ou=IT; homeDirectory: /home/cyd -> /home/ada; warning: gets its name or place when line 2 has left it
    5 New dan: create, generated password, to be changed; warning: gets its name or place when line 6 has left it
    6 Update eve: name dan -> eve; place entry-4 -> uid=eve,ou=IT; cn: (none) -> Eve Dale; displayName: (none) -> Eve Dale; givenName: (none) -> Eve; homeDirectory: (none) -> /home/eve; mail: (none) -> eve@x.org; sn: (none) -> Dale
    ");
    assert_snapshot!(world.apply(&rows).await, @r"
    bob updated
    cyd updated
    ada updated
    dan created
    eve updated
    ");
    assert_snapshot!(now(&world).join("\n"), @r"
    1 bob /home/bob uid=bob,ou=IT
    2 cyd /home/cyd uid=cyd,ou=Sales
    3 ada /home/ada uid=ada,ou=IT
    4 eve /home/eve uid=eve,ou=IT
    5 dan /home/dan uid=dan,ou=IT
    ");
    second_night_has_nothing_to_do(&world, &rows).await;
}

#[tokio::test]
async fn who_waits_for_somebody_who_stays_is_in_error() {
    let world = three(FEED);
    // Cyd keeps her name, since her row is in error.
    let rows = named(["bob", "cyd", "dan"]).replace("3,dan,Cyd,Low,cyd@x.org", "3,dan,Cyd,Low,cyd(at)x.org");
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Error bob: Username: `bob` already belongs to another account
    3 Error cyd: Username: `cyd` already belongs to another account
    4 Error dan: Email: `cyd(at)x.org` is not an e-mail address
    ");
}

#[tokio::test]
async fn a_link_that_is_held_holds_those_that_wait_for_it() {
    let feed = FEED.replace("takeovers = \"none\"", "takeovers = 0");
    let world = three(&feed);
    let rows = named(["bob", "cyd", "dan"]).replace("Bob,Ray", "Eve,Fox") + "4,ada,Ada,New,new@x.org,IT\n";
    assert_snapshot!(world.apply(&rows).await, @r"
    bob not attempted: it waits for what `bob` (line 3) has, who is not renamed or moved: held for approval (`limits.takeovers`)
    cyd not attempted: held for approval (`limits.takeovers`)
    dan updated
    ada not attempted: it waits for what `ada` (line 2) has, who is not renamed or moved: held for approval (`limits.takeovers`)
    waits for approval
    ");
    assert_snapshot!(now(&world).join("\n"), @r"
    1 ada /home/ada uid=ada,ou=IT
    2 bob /home/bob uid=bob,ou=IT
    3 dan /home/dan uid=dan,ou=IT
    ");
    world.approve().await;
    assert_snapshot!(now(&world).join("\n"), @r"
    1 bob /home/bob uid=bob,ou=IT
    2 cyd /home/cyd uid=cyd,ou=IT
    3 dan /home/dan uid=dan,ou=IT
    4 ada /home/ada uid=ada,ou=IT
    ");
}

#[tokio::test]
async fn a_circle_that_is_held_is_held_whole() {
    let feed = FEED.replace("takeovers = \"none\"", "takeovers = 0");
    let world = three(&feed);
    let rows = named(["bob", "ada", "cyd"]).replace("Bob,Ray", "Eve,Fox");
    assert_snapshot!(world.apply(&rows).await, @r"
    bob not attempted: it waits for what `bob` (line 3) has, who is not renamed or moved: held for approval (`limits.takeovers`)
    ada not attempted: held for approval (`limits.takeovers`)
    cyd unchanged
    waits for approval
    ");
    assert_eq!(world.memory.writes().relocated, 0);
    world.approve().await;
    assert_snapshot!(now(&world).join("\n"), @r"
    1 bob /home/bob uid=bob,ou=IT
    2 ada /home/ada uid=ada,ou=IT
    3 cyd /home/cyd uid=cyd,ou=IT
    ");
}

#[tokio::test]
async fn a_link_that_is_refused_stops_those_that_wait_for_it() {
    let world = three(FEED);
    world.memory.fail("bob", Fault::new(Next::RejectRow, "the server is unwilling"));
    let rows = named(["bob", "cyd", "dan"]);
    assert_snapshot!(world.apply(&rows).await, @r"
    bob not attempted: it waits for what `bob` (line 3) has, who is not renamed or moved: the server is unwilling
    cyd rejected: the server is unwilling
    dan updated
    ");
    assert_snapshot!(now(&world).join("\n"), @r"
    1 ada /home/ada uid=ada,ou=IT
    2 bob /home/bob uid=bob,ou=IT
    3 dan /home/dan uid=dan,ou=IT
    ");
}

#[tokio::test]
async fn a_circle_in_which_one_is_refused_goes_back_to_where_it_was() {
    for refused in ["ada", "bob", "cyd"] {
        let world = three(FEED);
        let before = now(&world);
        world.memory.fail(refused, Fault::new(Next::RejectRow, "the server is unwilling"));
        let rows = named(["bob", "cyd", "ada"]);
        let told = world.apply(&rows).await;
        assert_eq!(now(&world), before, "{told}");
        assert_eq!(told.matches("failed").count(), 3, "{told}");
        // Once the server does it, so does the next night.
        world.apply(&rows).await;
        let names: Vec<String> =
            now(&world).iter().map(|told| told.split(' ').nth(1).unwrap_or_default().into()).collect();
        assert_eq!(names, ["bob", "cyd", "ada"]);
    }
}

/// Ada's manager is Bob, and Cyd is not about to change but for that hers is Ada.
fn with_managers(feed: &str) -> World {
    let world = three(&feed.replace(
        "[feed.defaults]",
        "manager = { column = \"Manager\", reference = \"employeeNumber\" }\n[feed.defaults]",
    ));
    world.memory.edit("ada", "manager", &["uid=bob,ou=IT"]);
    world.memory.edit("cyd", "manager", &["uid=ada,ou=IT"]);
    world
}

const MANAGED: &str = "Number,Username,First name,Surname,Email,Department,Manager\n\
                       1,aking,Ada,King,ada@x.org,IT,2\n\
                       2,bob,Bob,Ray,bob@x.org,Sales,\n\
                       3,cyd,Cyd,Low,cyd@x.org,IT,1\n";

fn manager(world: &World, name: &str) -> String {
    let seen = world.memory.account(name).expect("there");
    seen.attributes.first_text("manager").unwrap_or_default().to_owned()
}

#[tokio::test]
async fn who_refers_to_somebody_renamed_or_moved_follows_in_the_same_run() {
    let world = with_managers(FEED);
    assert_snapshot!(world.plan(MANAGED).await, @r"
    2 Update aking: name ada -> aking; place uid=ada,ou=IT -> uid=aking,ou=IT; homeDirectory: /home/ada -> /home/aking; manager: uid=bob,ou=IT -> uid=bob,ou=Sales
    3 Update bob: place uid=bob,ou=IT -> uid=bob,ou=Sales
    4 Update cyd: manager: uid=ada,ou=IT -> uid=aking,ou=IT
    ");
    let told = world.apply(MANAGED).await;
    assert_eq!(told, "aking updated\nbob updated\ncyd updated");
    assert_eq!(manager(&world, "aking"), "uid=bob,ou=Sales");
    assert_eq!(manager(&world, "cyd"), "uid=aking,ou=IT");
    second_night_has_nothing_to_do(&world, MANAGED).await;
}

#[tokio::test]
async fn a_reference_that_the_server_has_rewritten_is_not_written_again() {
    let world = with_managers(FEED);
    let run = world.run(MANAGED.as_bytes());
    world.state.begin(run.clone()).await.expect("a run");
    let config = world.config();
    let directory = crate::provision::meddled::Meddled::new(&world.memory, |_, _| {}).after(|_, memory| {
        // As an overlay does that keeps references.
        for (old, new, name) in
            [("uid=ada,ou=IT", "uid=aking,ou=IT", "aking"), ("uid=bob,ou=IT", "uid=bob,ou=Sales", "bob")]
        {
            let is_there = memory.account(name).is_some_and(|seen| &*seen.id.locator == new);
            for seen in memory.accounts().iter().filter(|seen| seen.attributes.first_text("manager") == Some(old)) {
                if is_there {
                    memory.edit(&seen.username, "manager", &[new]);
                }
            }
        }
    });
    let carrier = Carrier {
        state: world.state.clone(),
        mailer: None,
        mail_paces: Mutex::default(),
        stop: CancellationToken::new(),
        now: world.now,
    };
    let results = Results::default();
    let feed = &config.feeds[0].feed;
    let errand = Errand { run, feed, directory: &directory, order: Order::AsTheFeedSays, audience: &results };
    let carried = carrier.carry(errand).await.expect("carried");
    assert!(matches!(carried, Carried::Done(rosterd::exit::Exit::Done)), "{carried:?}");
    assert_eq!((&*manager(&world, "aking"), &*manager(&world, "cyd")), ("uid=bob,ou=Sales", "uid=aking,ou=IT"));
    let log = world.memory.log();
    assert!(!log.iter().any(|line| line.contains("manager")), "{log:#?}");
}

#[tokio::test]
async fn a_reference_follows_nobody_who_stays() {
    let world = with_managers(&FEED.replace("moves = \"none\"", "moves = 0"));
    assert_snapshot!(world.apply(MANAGED).await, @r"
    aking not attempted: held for approval (`limits.moves`)
    bob not attempted: held for approval (`limits.moves`)
    cyd not attempted: manager follows when `aking` has been renamed or moved
    waits for approval
    ");
    assert_eq!(manager(&world, "cyd"), "uid=ada,ou=IT");
    world.approve().await;
    assert_eq!(manager(&world, "aking"), "uid=bob,ou=Sales");
    assert_eq!(manager(&world, "cyd"), "uid=aking,ou=IT");

    let world = with_managers(FEED);
    world.memory.fail("ada", Fault::new(Next::RejectRow, "the server is unwilling"));
    assert_snapshot!(world.apply(MANAGED).await, @r"
    aking rejected: the server is unwilling
    bob updated
    cyd not attempted: manager follows when `aking` has been renamed or moved
    ");
    assert_eq!(manager(&world, "cyd"), "uid=ada,ou=IT");
}

#[tokio::test]
async fn names_that_look_like_those_of_others_are_refused() {
    // Marks and case make no other name, whoever has it.
    for taken in ["bob", "BOB", "Bób", "B\u{200b}ob"] {
        let world = three(FEED);
        world.memory.put(taken, [("employeeNumber", &["9"])]);
        let world =
            World { feed: world.feed.clone() + "[feed.checks]\nusername = { characters = \"a-z ó\" }", ..world };
        world.memory.remove("bob");
        world.memory.put(taken, [("employeeNumber", &["9"])]);
        let rows = named(["bob", "eve", "cyd"]);
        let plan = world.plan(&rows).await;
        assert!(plan.starts_with("2 Error bob: Username: `bob` already belongs to another account"), "{taken}: {plan}");
    }
    // One that is left is free for one like it.
    let world = three(FEED);
    let rows = named(["bób", "eve", "cyd"]);
    let world = World { feed: world.feed.clone() + "[feed.checks]\nusername = { characters = \"a-z ó\" }", ..world };
    let told = world.apply(&rows).await;
    assert_eq!(told, "bób updated\neve updated\ncyd unchanged");
}
