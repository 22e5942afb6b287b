//! Promises about values that are no text, and attributes that have options.

use futures_util::TryStreamExt;
use rosterd::directory::Directory;
use rosterd::directory::Lookup;
use rosterd::directory::Which;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Schema;
use rosterd::roster::change::Change;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;

use super::Rig;
use super::Sets;
use super::Start;
use super::ask;
use super::change;
use super::created;
use super::done;
use super::person;
use super::sets;
use super::update;

async fn read(directory: &impl Directory, account: &ExistingAccount, names: &[&str]) -> Sets {
    let attributes = Schema::new(names.iter().map(|name| AttributeName::new(name)));
    let lookup = Lookup { which: Which::Ids(vec![account.id.clone()]), attributes };
    let found: Vec<ExistingAccount> =
        directory.existing(lookup).try_collect().await.expect("the directory can be read");
    sets(&found[0].attributes)
}

fn one(name: &str, value: &[u8]) -> (String, std::collections::BTreeSet<Vec<u8>>) {
    (name.to_owned(), [value.to_vec()].into())
}

pub async fn options_make_another_attribute<R: Rig>() {
    let rig = R::new(Start::default()).await;
    if !R::HAS_OPTIONS {
        // Where they do not exist, none is taken for the attribute without.
        let ada = created(rig.directory(), person("ada", &[("description", &["Countess"])])).await;
        let mut update = update(&ada);
        update.changes.push(change("description;lang-de", &[], &["Gräfin"]));
        ask(rig.directory(), Operation::Update(update)).await.expect_err("there are no options");
        assert_eq!(read(rig.directory(), &ada, &["description"]).await, [one("description", b"Countess")].into());
        return;
    }
    let names = ["description", "description;lang-de", "description;lang-en"];
    let more: &[(&str, &[&str])] = &[("description", &["Countess"]), ("description;lang-de", &["Gräfin"])];
    let ada = created(rig.directory(), person("ada", more)).await;
    let expected = [one("description", b"Countess"), one("description;lang-de", "Gräfin".as_bytes())];
    assert_eq!(read(rig.directory(), &ada, &names).await, expected.into());
    // Each is read, changed and cleared by itself.
    assert_eq!(read(rig.directory(), &ada, &names[..1]).await, [one("description", b"Countess")].into());
    let mut first = update(&ada);
    first.changes = vec![
        change("description", &["Countess"], &["Lady"]),
        change("DESCRIPTION;Lang-DE", &["Gräfin"], &["Dame"]),
        change("description;lang-en", &[], &["Peeress"]),
    ];
    assert_eq!(done(rig.directory(), Operation::Update(first)).await, Done::Changed);
    let expected =
        [one("description", b"Lady"), one("description;lang-de", b"Dame"), one("description;lang-en", b"Peeress")];
    assert_eq!(read(rig.directory(), &ada, &names).await, expected.into());
    let mut second = update(&ada);
    second.changes = vec![change("description", &["Lady"], &[]), change("description;lang-de", &["Dame"], &[])];
    assert_eq!(done(rig.directory(), Operation::Update(second)).await, Done::Changed);
    assert_eq!(read(rig.directory(), &ada, &names).await, [one("description;lang-en", b"Peeress")].into());
}

pub async fn octets_are_read_back_and_change<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), person("ada", &[])).await;
    // Every octet, behind what begins a JPEG; and one that is valid text.
    let photo: Vec<u8> = [0xff, 0xd8, 0xff, 0xe0].into_iter().chain(0..=255).collect();
    let other: Vec<u8> = [0xff, 0xd8, 0xff, 0xe1].into_iter().chain(b"text\r\n".iter().copied()).collect();
    let (photo, other) = (photo.as_slice(), other.as_slice());
    let held: [&[&[u8]]; 5] = [&[], &[photo], &[photo, other], &[other], &[]];
    for step in held.windows(2) {
        let (old, new) = (step[0], step[1]);
        let octets = |values: &[&[u8]]| values.iter().map(|value| Box::from(*value)).collect();
        let mut update = update(&ada);
        let attribute = AttributeName::new("jpegPhoto");
        update.changes = vec![Change { attribute, old: octets(old), new: octets(new) }];
        assert_eq!(done(rig.directory(), Operation::Update(update)).await, Done::Changed);
        let held = read(rig.directory(), &ada, &["jpegPhoto"]).await;
        let wanted = new.iter().map(|value| value.to_vec()).collect();
        assert_eq!(held.get("jpegphoto").cloned().unwrap_or_default(), wanted);
    }
}
