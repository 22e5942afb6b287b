//! Options, octets and files.

use insta::assert_snapshot;

use super::HEADER;
use super::World;

const OLD: &str = "[feed.old]\npolicy = \"keep\"\n";

fn world(map: &str, more: &str) -> World {
    let feed = format!("[feed.map]\n{map}\n{OLD}{more}");
    World::new().feed(&feed).people("ada,Ada,Byron,ada@x.org\nbob,Bob,Ray,bob@x.org")
}

#[tokio::test]
async fn an_attribute_with_options_is_another_one() {
    let world = world("\"description;lang-de\" = \"German\"\ndescription = \"English\"", "");
    assert!(world.memory.edit("ada", "description", &["Countess"]));
    assert!(world.memory.edit("ada", "description;lang-de", &["Gräfin"]));
    assert!(world.memory.edit("bob", "DESCRIPTION;LANG-DE", &["Bäcker"]));
    let rows =
        format!("{HEADER},English,German\nada,Ada,Byron,ada@x.org,Countess,Dame\nbob,Bob,Ray,bob@x.org,Baker,Bäcker\n");
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update ada: description;lang-de: Gräfin -> Dame
    3 Update bob: description: (none) -> Baker
    ");
}

#[tokio::test]
async fn octets_are_compared_as_octets_and_shown_by_digest() {
    let map = "\"userCertificate;binary\" = { column = \"Certificate\", encoding = \"base64\", multi = true }\n\
               \"x-token\" = { column = \"Token\", encoding = \"hex\" }";
    let world = world(map, "");
    assert!(world.memory.edit("bob", "x-token", &["\u{1}\u{2}"]));
    // //8= is ff ff, AAE= is 00 01, and aaE= another one.
    let rows = format!(
        "{HEADER},Certificate,Token\nada,Ada,Byron,ada@x.org,//8=|AAE=|aaE=|AAE=,00ff\nbob,Bob,Ray,bob@x.org,,01:02\n"
    );
    let plan = world.plan(&rows).await;
    assert_snapshot!(plan, @r"
    2 Update ada: userCertificate;binary: (none) -> 2 octets (sha256 ca2fd00f…) | 2 octets (sha256 b413f47d…) | 2 octets (sha256 7e1ea249…); x-token: (none) -> 2 octets (sha256 06eb7d6a…)
    3 Update bob
    ");
}

#[tokio::test]
async fn octets_that_are_not_well_formed_are_errors() {
    let map = "\"userCertificate;binary\" = { column = \"Certificate\", encoding = \"base64\" }\n\
               \"x-token\" = { column = \"Token\", encoding = \"hex\" }";
    let rows = format!("{HEADER},Certificate,Token\nada,Ada,Byron,ada@x.org,no base64!,\nbob,Bob,Ray,bob@x.org,,123\n");
    assert_snapshot!(world(map, "").plan(&rows).await, @r"
    2 Error ada: Certificate: `no base64!` is not a base64 text
    3 Error bob: Token: `123` is not a list of hexadecimal digits in pairs
    ");
}

const PHOTO: &str = "jpegPhoto = { column = \"Photo\", file = true, max_size = 20 }";

fn photos(world: &World) {
    std::fs::create_dir_all(world.path("photos")).expect("a folder");
    let put = |name: &str, octets: &[u8]| std::fs::write(world.path(name), octets).expect("a photo");
    put("ada.jpg", b"\xff\xd8\xff ada");
    put("photos/bob.jpg", b"\xff\xd8\xff bob");
    put("large.jpg", b"\xff\xd8\xff and eighteen more");
    put("text.jpg", b"no photo");
    std::os::unix::fs::symlink("/etc/passwd", world.path("link.jpg")).expect("a link");
}

fn roster(rows: &str) -> String {
    format!("{HEADER},Photo\n{rows}")
}

#[tokio::test]
async fn a_file_is_compared_by_its_octets() {
    let world = world(PHOTO, "");
    photos(&world);
    let rows = roster(
        "ada,Ada,Byron,ada@x.org,ada.jpg\nbob,Bob,Ray,bob@x.org,photos/bob.jpg\neve,Eve,Earl,eve@x.org,ada.jpg\n",
    );
    let plan = world.plan(&rows).await;
    assert_snapshot!(plan, @r"
    2 Update ada: jpegPhoto: (none) -> 7 octets (sha256 842db999…)
    3 Update bob: jpegPhoto: (none) -> 7 octets (sha256 e4514946…)
    4 New eve: create, generated password, to be changed; jpegPhoto: (none) -> 7 octets (sha256 842db999…)
    ");
    assert_snapshot!(world.apply(&rows).await, @r"
    ada updated
    bob updated
    eve created
    ");
    let octets = |name: &str| world.memory.account(name).expect(name).attributes.get("jpegPhoto").expect(name).to_vec();
    assert_eq!(octets("ada"), [b"\xff\xd8\xff ada"]);
    assert_eq!(octets("bob"), [b"\xff\xd8\xff bob"]);
    assert_eq!(octets("eve"), [b"\xff\xd8\xff ada"]);
    let n_writes = world.memory.log().len();
    assert_snapshot!(world.apply(&rows).await, @r"
    ada unchanged
    bob unchanged
    eve unchanged
    ");
    assert_eq!(world.memory.log().len(), n_writes);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_told_and_changes_nothing() {
    let rows = roster(
        "ada,Ada,Byron,ada@x.org,nobody.jpg\nbob,Bob,Ray,bob@x.org,large.jpg\neve,Eve,Earl,eve@x.org,text.jpg\n\
         fay,Fay,Fox,fay@x.org,link.jpg\ngil,Gil,Gray,gil@x.org,../roster.csv\nhal,Hal,Hill,hal@x.org,/etc/passwd\n\
         ida,Ida,Iles,ida@x.org,photos\n",
    );
    let warned = world(PHOTO, "");
    photos(&warned);
    assert!(warned.memory.edit("ada", "jpegPhoto", &["as it was"]));
    assert_snapshot!(warned.plan(&rows).await, @r"
    2 Update ada: warning: Photo: `nobody.jpg` is not used: there is no such file beside the roster
    3 Update bob: warning: Photo: `large.jpg` is not used: the file has more than 20 octets, which is the limit
    4 New eve: create, generated password, to be changed; warning: Photo: `text.jpg` is not used: the file is no JPEG picture
    5 New fay: create, generated password, to be changed; warning: Photo: `link.jpg` is not used: it is no regular file, or reached through a link
    6 Error gil: Photo: `../roster.csv` is not the name of a file beside the roster, or in a folder there (`photos/ada.jpg`)
    7 Error hal: Photo: `/etc/passwd` is not the name of a file beside the roster, or in a folder there (`photos/ada.jpg`)
    8 New ida: create, generated password, to be changed; warning: Photo: `photos` is not used: it is no regular file, or reached through a link
    ");
    let refused = world(PHOTO, "[feed.checks]\nfiles = \"error\"\n");
    photos(&refused);
    let rows = roster("ada,Ada,Byron,ada@x.org,nobody.jpg\nbob,Bob,Ray,bob@x.org,photos/bob.jpg\n");
    assert!(refused.plan(&rows).await.starts_with("2 Error ada: Photo: `nobody.jpg` is not used"));
}

#[tokio::test]
async fn a_photo_is_cleared_by_an_empty_cell_where_these_clear() {
    let world = world(PHOTO, "[feed.csv]\nempty = \"clear\"\n");
    assert!(world.memory.edit("ada", "jpegPhoto", &["as it was"]));
    let plan = world.plan(&roster("ada,Ada,Byron,ada@x.org,\nbob,Bob,Ray,bob@x.org,\n")).await;
    assert_snapshot!(plan, @r"
    2 Update ada: jpegPhoto: 9 octets (sha256 369b74f2…) -> (none)
    3 Update bob
    ");
}
