//! Mail addresses that must be one person's, in a directory that sees to it.

use super::*;

const UNIQUE: &str = "[feed.checks]\nunique = [\"mail\"]\n";

/// Ada, Bob and Cyd, whose addresses follow from their login names.
fn by_name() -> World {
    let world = three(&(FEED.replace("[feed.defaults]", "mail = \"{{ username }}@x.org\"\n[feed.defaults]") + UNIQUE));
    world.memory.keep_unique("mail");
    world
}

/// Ada, Bob and Cyd, whose addresses are the roster's.
fn by_row(feed: &str) -> World {
    let world = three(&(feed.to_owned() + UNIQUE));
    world.memory.keep_unique("mail");
    world
}

/// Rows for Ada, Bob and Cyd with these addresses.
fn addressed(addresses: [&str; 3]) -> String {
    let [ada, bob, cyd] = addresses;
    format!("{HEAD}\n1,ada,Ada,King,{ada},IT\n2,bob,Bob,Ray,{bob},IT\n3,cyd,Cyd,Low,{cyd},IT\n")
}

fn addresses(world: &World) -> Vec<String> {
    let mail = |seen: &rosterd::directory::memory::Seen| {
        format!("{} {}", seen.username, seen.attributes.first_text("mail").unwrap_or("none"))
    };
    world.memory.accounts().iter().map(mail).collect()
}

#[tokio::test]
async fn those_that_follow_from_names_follow_them_along_a_chain() {
    let world = by_name();
    let rows = named(["bob", "cyd", "dan"]) + "4,ada,Ada,Other,other@x.org,IT\n";
    assert_snapshot!(world.apply(&rows).await, @r"
    bob updated
    cyd updated
    dan updated
    ada created
    ");
    assert_eq!(addresses(&world), ["bob bob@x.org", "cyd cyd@x.org", "dan dan@x.org", "ada ada@x.org"]);
    second_night_has_nothing_to_do(&world, &rows).await;
}

#[tokio::test]
async fn those_that_follow_from_names_follow_them_round_a_circle() {
    let world = by_name();
    let rows = named(["bob", "cyd", "ada"]);
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update bob: name ada -> bob; place uid=ada,ou=IT -> uid=bob,ou=IT; homeDirectory: /home/ada -> /home/bob; mail: ada@x.org -> bob@x.org; warning: gets its name or place when line 3 has left it; `rosterd-6b86b273ff` and without `ada@x.org` meanwhile, since that one waits too
    3 Update cyd: name bob -> cyd; place uid=bob,ou=IT -> uid=cyd,ou=IT; homeDirectory: /home/bob -> /home/cyd; mail: bob@x.org -> cyd@x.org; warning: gets its name or place when line 4 has left it
    4 Update ada: name cyd -> ada; place uid=cyd,ou=IT -> uid=ada,ou=IT; homeDirectory: /home/cyd -> /home/ada; mail: cyd@x.org -> ada@x.org; warning: gets its name or place when line 2 has left it
    ");
    assert_eq!(world.apply(&rows).await, "bob updated\ncyd updated\nada updated");
    assert_eq!(addresses(&world), ["bob bob@x.org", "cyd cyd@x.org", "ada ada@x.org"]);
    second_night_has_nothing_to_do(&world, &rows).await;
}

#[tokio::test]
async fn an_address_that_is_given_up_is_free_in_the_same_run() {
    let world = by_row(FEED);
    let rows = addressed(["bob@x.org", "bray@x.org", "cyd@x.org"]) + "4,dan,Ada,Other,ada@x.org,IT\n";
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update ada: mail: ada@x.org -> bob@x.org; warning: gets `bob@x.org` when line 3 has left it
    3 Update bob: mail: bob@x.org -> bray@x.org
    4 Update cyd
    5 New dan: create, generated password, to be changed; warning: gets `ada@x.org` when line 2 has left it
    ");
    assert_eq!(world.apply(&rows).await, "ada updated\nbob updated\ncyd unchanged\ndan created");
    assert_eq!(addresses(&world), ["ada bob@x.org", "bob bray@x.org", "cyd cyd@x.org", "dan ada@x.org"]);
    second_night_has_nothing_to_do(&world, &rows).await;
}

#[tokio::test]
async fn two_swap_their_addresses_one_is_without_meanwhile() {
    let world = by_row(FEED);
    let rows = addressed(["bob@x.org", "ada@x.org", "cyd@x.org"]);
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update ada: mail: ada@x.org -> bob@x.org; warning: gets `bob@x.org` when line 3 has left it; without `ada@x.org` meanwhile, since that one waits too
    3 Update bob: mail: bob@x.org -> ada@x.org; warning: gets `ada@x.org` when line 2 has left it
    4 Update cyd
    ");
    assert_eq!(world.apply(&rows).await, "ada updated\nbob updated\ncyd unchanged");
    assert_eq!(addresses(&world), ["ada bob@x.org", "bob ada@x.org", "cyd cyd@x.org"]);
    second_night_has_nothing_to_do(&world, &rows).await;
}

#[tokio::test]
async fn an_address_of_somebody_who_keeps_it_is_an_error() {
    let world = by_row(FEED);
    // Bob's row is in error, so his address stays, and Ada cannot have it, nor Cyd hers.
    let rows = addressed(["bob@x.org", "bray(at)x.org", "ada@x.org"]);
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Error ada: Email: `bob@x.org` already belongs to another account
    3 Error bob: Email: `bray(at)x.org` is not an e-mail address
    4 Error cyd: Email: `ada@x.org` already belongs to another account
    ");
    world.memory.put("eve", [("mail", &["eve@x.org"])]);
    let rows = addressed(["eve@x.org", "bob@x.org", "cyd@x.org"]);
    assert!(world.plan(&rows).await.starts_with("2 Error ada: Email: `eve@x.org` already belongs to another account"));
}

#[tokio::test]
async fn who_cannot_get_another_address_gets_the_old_one_back() {
    let rows = addressed(["bob@x.org", "ada@x.org", "cyd@x.org"]);
    let unwilling = || Fault::new(Next::RejectRow, "the server is unwilling");
    let world = by_row(FEED);
    world.memory.fail("bob", unwilling());
    assert_snapshot!(world.apply(&rows).await, @r"
    ada not attempted: it waits for what `bob` (line 3) has, who keeps it: the server is unwilling
    bob rejected: the server is unwilling
    cyd unchanged
    ");
    assert_eq!(addresses(&world), ["ada ada@x.org", "bob bob@x.org", "cyd cyd@x.org"]);
    let world = by_row(FEED);
    world.memory.fail("ada", unwilling());
    assert_snapshot!(world.apply(&rows).await, @r"
    ada failed: it could not give up what others wait for: the server is unwilling
    bob not attempted: it waits for what `ada` (line 2) has, who keeps it: it could not give up what others wait for: the server is unwilling
    cyd unchanged
    ");
    assert_eq!(addresses(&world), ["ada ada@x.org", "bob bob@x.org", "cyd cyd@x.org"]);
    assert_eq!(world.apply(&rows).await, "ada updated\nbob updated\ncyd unchanged", "the next night");
}

#[tokio::test]
async fn an_address_whose_loss_is_held_is_kept_from_who_waits_for_it() {
    let feed = FEED.replace("moves = \"none\"", "clears = 0\nmoves = \"none\"") + "[feed.csv]\nempty = \"clear\"\n";
    let world = by_row(&feed);
    let rows = addressed(["", "ada@x.org", "cyd@x.org"]);
    assert_snapshot!(world.apply(&rows).await, @r"
    ada not attempted: emptying mail: held for approval (`limits.clears`) (emptying mail: held for approval (`limits.clears`))
    bob not attempted: it waits for what `ada` (line 2) has, who keeps it: emptying mail: held for approval (`limits.clears`)
    cyd unchanged
    waits for approval
    ");
    assert_eq!(addresses(&world), ["ada ada@x.org", "bob bob@x.org", "cyd cyd@x.org"]);
    world.approve().await;
    assert_eq!(addresses(&world), ["ada none", "bob ada@x.org", "cyd cyd@x.org"]);
}
