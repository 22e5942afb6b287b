//! What the reports beside a roster are called, and which files are ours.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;

use sha2::Digest;
use sha2::Sha256;

/// The files beside one roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportNames {
    /// `starters.preview.csv`
    pub preview_csv: PathBuf,
    /// `starters.preview.html`
    pub preview_html: PathBuf,
    /// `starters.result.csv`
    pub result_csv: PathBuf,
    /// `starters.result.json`
    pub result_json: PathBuf,
    /// `starters.report.html`
    pub report_html: PathBuf,
    /// `starters.errors.csv`
    pub errors_csv: PathBuf,
}

const ALWAYS_OURS: [&str; 5] = [".preview.csv", ".preview.html", ".result.csv", ".result.json", ".report.html"];
const ERRORS: &str = ".errors.csv";

/// The most bytes of a roster's name that go into the names of its reports: 255, which most file systems allow, less
/// the longest of our endings and less what a temporary name adds (a dot before, and a dot and six characters behind).
const LONGEST_STEM: usize = 255 - ".preview.html".len() - 8;

impl ReportNames {
    /// Names the reports beside `roster`, in its folder: `starters.csv` and `starters.xlsx` have a
    /// `starters.preview.csv` and so on.
    ///
    /// A name that would become too long is cut, and gets eight digits that tell it from others cut alike.
    pub fn beside(roster: &Path) -> Self {
        let stem = short_stem(roster);
        let named = |ending: &str| {
            let mut name = stem.clone();
            name.push(ending);
            roster.with_file_name(name)
        };
        Self {
            preview_csv: named(".preview.csv"),
            preview_html: named(".preview.html"),
            result_csv: named(".result.csv"),
            result_json: named(".result.json"),
            report_html: named(".report.html"),
            errors_csv: named(ERRORS),
        }
    }
}

/// The names for people, without a folder.
pub(super) struct ShownNames {
    pub(super) preview_csv: String,
    pub(super) result_csv: String,
}

/// Names the reports beside a roster of this name, for people.
pub(super) fn beside_name(roster: &str) -> ShownNames {
    let names = ReportNames::beside(Path::new(roster));
    ShownNames {
        preview_csv: names.preview_csv.to_string_lossy().into_owned(),
        result_csv: names.result_csv.to_string_lossy().into_owned(),
    }
}

fn short_stem(roster: &Path) -> OsString {
    let stem = roster.file_stem().unwrap_or_default();
    if stem.len() <= LONGEST_STEM {
        return stem.to_owned();
    }
    let digest = Sha256::digest(stem.as_encoded_bytes());
    let digits: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let room = LONGEST_STEM - 1 - digits.len();
    let shown = stem.to_string_lossy();
    let end = (0..=room.min(shown.len())).rev().find(|end| shown.is_char_boundary(*end)).unwrap_or_default();
    format!("{}~{digits}", &shown[..end]).into()
}

/// Whether a file in a drop folder was written by rosterd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnOutput {
    /// It may be a roster.
    No,
    /// It is a report, whatever it holds, and never a roster.
    Always,
    /// It is the rows in error of a roster. It becomes a roster itself as soon as its contents are no longer those that
    /// rosterd wrote (see [`super::place::Placed`]): somebody has corrected them.
    ErrorsFile,
}

/// Returns whether a file of this name is one of ours, without regard to ASCII case.
pub fn is_own_output(file_name: &OsStr) -> OwnOutput {
    let ends = |ending: &str| {
        let name = file_name.as_encoded_bytes();
        name.len().checked_sub(ending.len()).is_some_and(|at| name[at..].eq_ignore_ascii_case(ending.as_bytes()))
    };
    if ALWAYS_OURS.iter().any(|ending| ends(ending)) {
        OwnOutput::Always
    } else if ends(ERRORS) {
        OwnOutput::ErrorsFile
    } else {
        OwnOutput::No
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test ends where something unexpected begins")]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn all(names: &ReportNames) -> [&PathBuf; 6] {
        let ReportNames { preview_csv, preview_html, result_csv, result_json, report_html, errors_csv } = names;
        [preview_csv, preview_html, result_csv, result_json, report_html, errors_csv]
    }

    #[test]
    fn reports_stand_beside_their_roster() {
        let names = ReportNames::beside(Path::new("/srv/hr/starters.csv"));
        assert_eq!(names.preview_csv, Path::new("/srv/hr/starters.preview.csv"));
        assert_eq!(names.report_html, Path::new("/srv/hr/starters.report.html"));
        assert_eq!(ReportNames::beside(Path::new("/srv/hr/starters.xlsx")), names);
        let dotted = ReportNames::beside(Path::new("v1.2 (new).CSV"));
        assert_eq!(dotted.errors_csv, Path::new("v1.2 (new).errors.csv"));
    }

    #[test]
    fn a_corrected_errors_file_has_reports_of_its_own() {
        let names = ReportNames::beside(Path::new("starters.errors.csv"));
        assert_eq!(names.result_csv, Path::new("starters.errors.result.csv"));
        assert_eq!(names.errors_csv, Path::new("starters.errors.errors.csv"));
    }

    #[test]
    fn no_report_is_ever_taken_for_a_roster() {
        for roster in ["starters.csv", "a.errors.csv", "x", "ü.xlsx", "-rf.csv", "<b>.csv"] {
            let names = ReportNames::beside(Path::new(roster));
            for path in all(&names) {
                let own = is_own_output(path.file_name().unwrap());
                let wanted = if path == &names.errors_csv { OwnOutput::ErrorsFile } else { OwnOutput::Always };
                assert_eq!(own, wanted, "{}", path.display());
            }
        }
    }

    #[test]
    fn case_does_not_matter_and_the_ending_must_be_whole() {
        for (name, own) in [
            ("STARTERS.PREVIEW.CSV", OwnOutput::Always),
            ("Starters.Errors.csv", OwnOutput::ErrorsFile),
            ("starters.csv", OwnOutput::No),
            ("preview.csv", OwnOutput::No),
            ("errors.csv", OwnOutput::No),
            ("starters.report.csv", OwnOutput::No),
            ("", OwnOutput::No),
        ] {
            assert_eq!(is_own_output(OsStr::new(name)), own, "{name}");
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = |last: &str| ReportNames::beside(Path::new(&format!("{}{last}.csv", "ü".repeat(125))));
        let (one, other) = (long("1"), long("2"));
        for path in all(&one) {
            assert!(path.as_os_str().len() + 8 <= 255, "{}", path.display());
        }
        assert_ne!(one, other);
        let kept = format!("{}.csv", "a".repeat(LONGEST_STEM));
        assert_eq!(ReportNames::beside(Path::new(&kept)).errors_csv.as_os_str().len(), LONGEST_STEM + ERRORS.len());
    }

    #[test]
    fn a_name_that_is_not_text_keeps_its_bytes() {
        let names = ReportNames::beside(Path::new(OsStr::from_bytes(b"caf\xe9.csv")));
        assert_eq!(names.result_json.as_os_str().as_bytes(), b"caf\xe9.result.json");
    }
}
