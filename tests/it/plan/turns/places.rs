//! Places that are not named by the login name.

use super::*;

/// Ada, Bob and Cyd, whose entries are called by their first names.
fn named_by_first() -> World {
    let world = three(&FEED.replace("uid={{ username }}", "cn={{ first }}"));
    for (name, place) in [("ada", "cn=Ada,ou=IT"), ("bob", "cn=Bob,ou=IT"), ("cyd", "cn=Cyd,ou=IT")] {
        assert!(world.memory.move_to(name, place));
    }
    world
}

#[tokio::test]
async fn somebody_new_waits_for_a_place_that_is_left_in_the_same_run() {
    let world = named_by_first();
    let rows = named(["ada", "bob", "cyd"]).replace("1,ada,Ada", "1,ada,Eve") + "4,dan,Ada,Other,other@x.org,IT\n";
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update ada: place cn=Ada,ou=IT -> cn=Eve,ou=IT; cn: Ada King -> Eve King; displayName: Ada King -> Eve King; givenName: Ada -> Eve
    3 Update bob
    4 Update cyd
    5 New dan: create, generated password, to be changed; warning: gets its name or place when line 2 has left it
    ");
    world.memory.fail("ada", Fault::new(Next::RejectRow, "the server is unwilling"));
    assert_snapshot!(world.apply(&rows).await, @r"
    ada rejected: the server is unwilling
    bob unchanged
    cyd unchanged
    dan not attempted: it waits for what `ada` (line 2) has, who is not renamed or moved: the server is unwilling
    ");
    assert!(world.memory.account("dan").is_none());
    let told = world.apply(&rows).await;
    assert_eq!(told, "ada updated\nbob unchanged\ncyd unchanged\ndan created");
}

#[tokio::test]
async fn places_are_taken_from_each_other_like_names() {
    let world = named_by_first();
    let rows = named(["ada", "bob", "cyd"]);
    let rows = rows.replace("1,ada,Ada", "1,ada,Bob").replace("2,bob,Bob", "2,bob,Ada");
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update ada: place cn=Ada,ou=IT -> cn=Bob,ou=IT; cn: Ada King -> Bob King; displayName: Ada King -> Bob King; givenName: Ada -> Bob; warning: gets its name or place when line 3 has left it; `rosterd-6b86b273ff,ou=IT` meanwhile, since that one waits too
    3 Update bob: place cn=Bob,ou=IT -> cn=Ada,ou=IT; cn: Bob Ray -> Ada Ray; displayName: Bob Ray -> Ada Ray; givenName: Bob -> Ada; warning: gets its name or place when line 2 has left it
    4 Update cyd
    ");
    assert_snapshot!(world.apply(&rows).await, @r"
    ada updated
    bob updated
    cyd unchanged
    ");
    second_night_has_nothing_to_do(&world, &rows).await;
}
