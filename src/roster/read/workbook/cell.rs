//! The text of a cell.

use calamine::DataRef;
use calamine::ExcelDateTime;

use crate::roster::problem::ProblemKind;

/// Excel keeps this many digits of a number; beyond them it has written zeros.
const EXACT: f64 = 1e15;

/// The day after 9999-12-31, the last one that Excel knows.
const DAYS: f64 = 2_958_466.0;

/// Returns a cell's value as a CSV file would have it, and what is wrong with it.
///
/// Numbers have no trailing `.0`, and leading zeros when the cell's `format` is of zeros alone, as for a staff number
/// `00123`. Dates are `2026-11-23`, with a time `2026-11-23T08:30:00`, times alone `08:30:00`.
pub(super) fn text(value: &DataRef<'_>, format: Option<&str>) -> (String, Option<ProblemKind>) {
    match value {
        DataRef::Empty => (String::new(), None),
        DataRef::String(text) => (text.clone(), None),
        DataRef::SharedString(text) => ((*text).to_owned(), None),
        DataRef::Bool(yes) => (yes.to_string(), None),
        DataRef::Int(number) => (number.to_string(), None),
        DataRef::Float(number) => decimal(*number, format),
        DataRef::DateTime(moment) => date(*moment),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            let day = text.strip_suffix("T00:00:00").or_else(|| text.strip_suffix("T00:00:00Z"));
            (day.unwrap_or(text).to_owned(), None)
        }
        DataRef::Error(error) => {
            let text = error.to_string();
            let kind = ProblemKind::Other(format!("the cell shows the error {text}"));
            (text, Some(kind))
        }
    }
}

fn decimal(number: f64, format: Option<&str>) -> (String, Option<ProblemKind>) {
    let text = number.to_string();
    if number.abs() >= EXACT {
        let kind = ProblemKind::Other("a number of more than 15 digits, of which Excel keeps 15: make it text".into());
        return (text, Some(kind));
    }
    let zeros = format.filter(|format| format.bytes().all(|byte| byte == b'0')).map_or(0, str::len);
    if zeros > 1 && number >= 0.0 && number.fract() == 0.0 {
        return (format!("{text:0>zeros$}"), None);
    }
    (text, None)
}

fn date(moment: ExcelDateTime) -> (String, Option<ProblemKind>) {
    let serial = moment.as_f64();
    if moment.is_duration() {
        let seconds = (serial * 86_400.0).round();
        let (hours, minutes, seconds) = ((seconds / 3600.0).trunc(), (seconds / 60.0) % 60.0, seconds % 60.0);
        return (format!("{hours}:{:02}:{:02}", minutes.trunc().abs(), seconds.abs()), None);
    }
    if !(0.0..DAYS).contains(&serial) {
        let text = serial.to_string();
        return (text.clone(), Some(ProblemKind::Syntax { value: text, wanted: "date" }));
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    let text = match () {
        () if serial < 1.0 => time,
        () if (hour, minute, second) == (0, 0, 0) => date,
        () => format!("{date}T{time}"),
    };
    (text, None)
}
