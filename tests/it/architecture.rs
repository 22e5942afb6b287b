//! The shape of the house, held by tests.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folder is readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).expect("source is readable");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

#[test]
fn the_core_knows_only_itself_and_does_no_io() {
    let forbidden = [
        "tokio",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "std::time::SystemTime",
        "std::time::Instant",
        "jiff",
        "ldap3",
        "rusqlite",
        "lettre",
        "tracing",
        "reqwest",
        "notify",
        "rand::rng",
        "async fn",
    ];
    let mut all = sources("src/roster");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/roster.rs");
    all.push((own.clone(), fs::read_to_string(own).expect("roster.rs is readable")));
    for (path, text) in all {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in forbidden {
                assert!(!code.contains(word), "{}:{}: the core must not use `{word}`", path.display(), number + 1);
            }
            let outward = code.contains("crate::") && !code.contains("crate::roster");
            assert!(!outward, "{}:{}: the core must not use other modules", path.display(), number + 1);
        }
    }
}

#[test]
fn every_test_file_is_in_the_binary() {
    let main = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/main.rs")).expect("main.rs");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for entry in fs::read_dir(folder).expect("tests/it").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(module) = name.strip_suffix(".rs").filter(|m| *m != "main") else { continue };
        assert!(main.contains(&format!("mod {module};")), "tests/it/{name} is not part of the test binary");
    }
}
