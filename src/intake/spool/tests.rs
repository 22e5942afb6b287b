use std::os::unix::fs::symlink;

use super::*;
use crate::intake::scan::Patterns;
use crate::intake::scan::Wanted;
use crate::intake::scan::scan;

struct World {
    drop: tempfile::TempDir,
    data: tempfile::TempDir,
    spool: Spool,
}

impl World {
    fn new() -> Self {
        let (drop, data) = (tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder"));
        let spool = Spool::open(&data.path().join("spool"), 1 << 20).expect("spool");
        Self { drop, data, spool }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.drop.path().join(name)
    }

    fn dropped(&self, name: &str, content: impl AsRef<[u8]>) -> Candidate {
        fs::write(self.at(name), content).expect("dropped");
        self.seen(name)
    }

    fn seen(&self, name: &str) -> Candidate {
        let wanted = Wanted {
            patterns: Patterns::new(&["*"]).expect("pattern"),
            is_own_output: |_| false,
            max_size: self.spool.max_size(),
        };
        let listing = scan(self.drop.path(), &wanted).expect("readable");
        listing.candidates.into_iter().find(|c| c.name == name).expect("listed")
    }

    fn claim(&self, candidate: &Candidate) -> Result<Claim, NotClaimed> {
        self.spool.claim("hr", self.drop.path(), candidate)
    }

    /// Claims while `meddle` is called once, after the first piece was read.
    fn claim_while(&self, candidate: &Candidate, meddle: impl FnOnce()) -> Result<Claim, NotClaimed> {
        let mut meddle = Some(meddle);
        let folder = Folder::open(self.drop.path()).expect("folder");
        self.spool.copy("hr", &folder, &candidate.name, Some(candidate.identity), &mut |_| {
            if let Some(meddle) = meddle.take() {
                meddle();
            }
        })
    }

    fn in_spool(&self) -> usize {
        fs::read_dir(self.data.path().join("spool")).expect("spool").count()
    }
}

#[test]
fn the_copy_is_private_whole_and_known_by_its_content() {
    let world = World::new();
    let candidate = world.dropped("a.csv", "abc");
    fs::set_permissions(world.at("a.csv"), Permissions::from_mode(0o640)).expect("chmod");
    let candidate = Candidate { identity: world.seen("a.csv").identity, ..candidate };
    let claim = world.claim(&candidate).expect("claimed");
    // SHA-256 of "abc", FIPS 180-2 appendix B.1.
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(claim.fingerprint.to_string(), expected);
    assert_eq!((claim.name.as_str(), claim.feed.as_str(), claim.mode), ("a.csv", "hr", 0o640));
    assert_eq!(claim.path, world.at("a.csv"));
    assert_eq!(fs::read(&claim.spool).expect("copy"), b"abc");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&claim.spool), 0o600);
    assert_eq!(mode(claim.spool.parent().expect("folder")), 0o700);
    assert_eq!(world.seen("a.csv"), candidate, "the input is as it was");
    let leftover = Leftover { spool: claim.spool.clone(), fingerprint: claim.fingerprint };
    assert_eq!(world.spool.leftovers().expect("listed"), std::slice::from_ref(&leftover));
    assert!(leftover.is_whole().expect("read"));
    fs::write(&claim.spool, "abd").expect("damaged");
    assert!(!leftover.is_whole().expect("read"));
    claim.close().expect("closed");
    claim.close().expect("closed twice");
    assert_eq!(world.in_spool(), 0);
    assert_eq!(fs::read(world.at("a.csv")).expect("input"), b"abc");
}

#[test]
fn a_file_that_changes_while_it_is_copied_is_never_taken() {
    // Larger than a piece, so that the change falls between two reads.
    let long = |byte: u8| vec![byte; 600 * 1024];
    let append = |path: &Path| {
        OpenOptions::new().append(true).open(path).expect("open").write_all(b"more").expect("appended");
    };
    let truncate = |path: &Path| {
        OpenOptions::new().write(true).open(path).expect("open").set_len(300 * 1024).expect("cut");
    };
    let rewrite = |path: &Path| {
        OpenOptions::new().write(true).open(path).expect("open").write_all(&vec![b'b'; 600 * 1024]).expect("rewritten");
    };
    let replace = |path: &Path| {
        let other = path.with_extension("tmp");
        fs::write(&other, vec![b'b'; 600 * 1024]).expect("written");
        fs::rename(other, path).expect("renamed over");
    };
    let remove = |path: &Path| fs::remove_file(path).expect("removed");
    let link = |path: &Path| fs::hard_link(path, path.with_extension("link")).expect("linked");
    let rewrite_and_set_the_time_back = |path: &Path| {
        let before = fs::metadata(path).expect("there").modified().expect("time");
        rewrite(path);
        File::options().write(true).open(path).expect("open").set_modified(before).expect("set");
    };
    type Meddler<'a> = (&'a str, &'a dyn Fn(&Path));
    let meddlers: [Meddler; 7] = [
        ("append", &append),
        ("truncate", &truncate),
        ("rewrite", &rewrite),
        ("replace", &replace),
        ("remove", &remove),
        ("link", &link),
        ("rewrite, time set back", &rewrite_and_set_the_time_back),
    ];
    for (what, meddle) in meddlers {
        let world = World::new();
        let candidate = world.dropped("a.csv", long(b'a'));
        let claimed = world.claim_while(&candidate, || meddle(&world.at("a.csv")));
        assert!(matches!(claimed, Err(NotClaimed::Changed)), "{what}: {claimed:?}");
        assert_eq!(world.in_spool(), 0, "{what}");
    }
}

#[test]
fn a_file_that_changed_since_it_was_seen_is_not_taken() {
    let world = World::new();
    let candidate = world.dropped("a.csv", "one");
    fs::write(world.at("a.csv"), "two!").expect("changed");
    assert!(matches!(world.claim(&candidate), Err(NotClaimed::Changed)));
    fs::remove_file(world.at("a.csv")).expect("removed");
    assert!(matches!(world.claim(&candidate), Err(NotClaimed::Gone)));
    assert_eq!(world.in_spool(), 0);
}

#[test]
fn a_file_swapped_for_something_else_after_it_was_seen_is_not_followed() {
    let secret = tempfile::NamedTempFile::new().expect("file");
    fs::write(secret.path(), "secret").expect("written");
    let world = World::new();
    let candidate = world.dropped("a.csv", "one");
    fs::remove_file(world.at("a.csv")).expect("removed");
    symlink(secret.path(), world.at("a.csv")).expect("linked");
    assert!(matches!(world.claim(&candidate), Err(NotClaimed::Unfit(Unfit::Symlink))));
    // The descriptor is refused too, not only the look before it.
    let folder = Folder::open(world.drop.path()).expect("folder");
    assert_eq!(folder.open_file(OsStr::new("a.csv")).expect_err("a link"), Errno::LOOP);
    assert_eq!(folder.open_file(OsStr::new("../a.csv")).expect_err("outside"), Errno::INVAL);

    fs::remove_file(world.at("a.csv")).expect("removed");
    rustix::fs::mknodat(rustix::fs::CWD, world.at("a.csv"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .expect("pipe");
    assert!(matches!(world.claim(&candidate), Err(NotClaimed::Unfit(Unfit::Fifo))));
    folder.open_file(OsStr::new("a.csv")).expect("opened without waiting for a writer");

    fs::remove_file(world.at("a.csv")).expect("removed");
    fs::write(world.at("b.txt"), "one").expect("written");
    fs::hard_link(world.at("b.txt"), world.at("a.csv")).expect("linked");
    assert!(matches!(world.claim(&candidate), Err(NotClaimed::Unfit(Unfit::HardLinked(2)))));
    assert_eq!(world.in_spool(), 0);
}

#[test]
fn a_file_that_a_program_has_locked_waits() {
    let world = World::new();
    let candidate = world.dropped("a.csv", "one");
    let writer = File::open(world.at("a.csv")).expect("open");
    writer.lock().expect("locked");
    assert!(matches!(world.claim(&candidate), Err(NotClaimed::InUse)));
    writer.unlock().expect("unlocked");
    let claim = world.claim(&candidate).expect("claimed");
    writer.try_lock().expect("rosterd keeps no lock");
    claim.close().expect("closed");
}

#[test]
fn a_file_over_the_limit_is_not_read() {
    let world = World::new();
    fs::write(world.at("a.csv"), vec![b'x'; (1 << 20) + 1]).expect("dropped");
    let claimed = world.spool.claim_one("hr", &world.at("a.csv"));
    assert!(matches!(claimed, Err(NotClaimed::Unfit(Unfit::TooLarge { size: 1_048_577, limit: 1_048_576 }))));
}

#[test]
fn a_single_file_is_claimed_wherever_it_lies_and_by_the_same_rules() {
    let world = World::new();
    world.dropped("a.csv", "abc");
    let claim = world.spool.claim_one("hr", &world.at("a.csv")).expect("claimed");
    assert_eq!(claim.path, world.at("a.csv"));
    assert_eq!(fs::read(&claim.spool).expect("copy"), b"abc");
    symlink(world.at("a.csv"), world.at("b.csv")).expect("linked");
    let refused = |name: &str| world.spool.claim_one("hr", &world.at(name)).expect_err("refused");
    assert!(matches!(refused("b.csv"), NotClaimed::Unfit(Unfit::Symlink)));
    assert!(matches!(refused("c.csv"), NotClaimed::Gone));
    assert!(matches!(refused("."), NotClaimed::Unfit(Unfit::Folder)));
    assert!(matches!(refused("gone/c.csv"), NotClaimed::Folder(_)));
}

#[test]
fn the_same_content_twice_makes_two_claims() {
    let world = World::new();
    let (a, b) = (world.dropped("a.csv", "abc"), world.dropped("b.csv", "abc"));
    let (a, b) = (world.claim(&a).expect("claimed"), world.claim(&b).expect("claimed"));
    assert_eq!(a.fingerprint, b.fingerprint);
    assert_ne!(a.spool, b.spool);
}

#[test]
fn a_spool_that_cannot_be_written_says_so_and_the_input_stays() {
    let world = World::new();
    let candidate = world.dropped("a.csv", "abc");
    fs::remove_dir(world.data.path().join("spool")).expect("removed");
    let fault = world.claim(&candidate).expect_err("no spool");
    assert!(matches!(&fault, NotClaimed::Spool { path, .. } if path.ends_with("spool")), "{fault:?}");
    assert!(fault.hint().is_some());
    assert_eq!(world.seen("a.csv"), candidate);
}

#[test]
fn unfinished_copies_are_swept_and_finished_ones_listed() {
    let world = World::new();
    let claim = world.claim(&world.dropped("a.csv", "abc")).expect("claimed");
    fs::write(world.data.path().join("spool/0123.part"), "ab").expect("written");
    fs::write(world.data.path().join("spool/unrelated"), "x").expect("written");
    let held = Exclusive::take(world.data.path()).expect("free");
    world.spool.sweep(&held).expect("swept");
    assert_eq!(world.in_spool(), 2);
    let found: Vec<_> = world.spool.leftovers().expect("listed").into_iter().map(|l| l.spool).collect();
    assert_eq!(found, [claim.spool]);
}

#[test]
fn a_spool_that_others_can_read_is_closed_to_them() {
    let data = tempfile::tempdir().expect("folder");
    let folder = data.path().join("spool");
    fs::create_dir(&folder).expect("made");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("chmod");
    Spool::open(&folder, 1).expect("opened");
    assert_eq!(fs::metadata(&folder).expect("there").permissions().mode() & 0o777, 0o700);
}
