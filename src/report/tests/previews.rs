use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::time::Duration;

use super::*;
use crate::roster::forecast::Forecast;
use crate::roster::forecast::Rate;
use crate::roster::forecast::Tempo;

#[test]
fn the_preview_on_a_terminal() {
    let (plan, form) = (plan(), form());
    let text = written(|out| preview_table(&subject(&plan, &form), &Look::default(), out));
    insta::assert_snapshot!(text, @r#"
    Preview of starters.csv (feed hr)
    Encoding UTF-8 (likely), delimiter , (certain)
    New 2, Update 1, unchanged 1, Old 2, Error 1
    Seats: 8 of 8 taken now, 9 when this is applied, 1 too many
    Note: column Shoe size: nothing maps it
    Held for approval: 1 accounts to disable or delete of 6, the limit is 0 (`limits.old`)

    Line   Status   Username   First name   Surname   Email            What
    ----------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------
    2      New      User1      Hannah       Bridge    hannah@test.co   groups: Staff | Sales
    3      Update   User2      Lucy         Smith     lucy@test.co     mail: old@test.co -> lucy@test.co; title: Boss -> (none); userPassword: *** -> *** | ***; groups: Staff | Sales -> Staff | IT; enabled: false -> true; password: (generated); change password next time: true
    4      Update   User3      Jenna        Fraser    jenna@test.co    unchanged
    5      New      User4      Peter        Stuart    peter@test.co    not applied: `add` is off for this row
    6      Error               Kevin        Miles     =cmd()           User name: required, but empty; Email: `=cmd()` is not an e-mail address; warning: line 2 has the same value
           Old      User8      Olga         Old       olga@test.co     not in the file: left as it is
           Old      User9      Olga         Old       olga@test.co     to be disabled
    "#);
}

#[test]
fn a_plan_that_is_written_slowly_says_how_long_it_takes() {
    let (plan, form) = (plan(), form());
    let rate = Rate { n: NonZeroU32::MIN, per: Duration::from_secs(60) };
    let tempo = Tempo { rate: Some(rate), batch_size: NonZeroUsize::MIN, pause: Duration::ZERO };
    // Three accounts, and the groups Staff, Sales and IT.
    let subject = Subject { forecast: Forecast::of(&plan, tempo), ..subject(&plan, &form) };
    let text = written(|out| preview_table(&subject, &Look::default(), out));
    assert!(text.contains("\nForecast: 6 writes at 1/min: about 6 min\n"), "{text}");
    let page = written(|out| preview_html(&subject, out));
    assert!(page.contains("<p>Forecast: 6 writes at 1/min: about 6 min</p>"), "{page}");
    let document: serde_json::Value =
        serde_json::from_str(&written(|out| preview_json(&subject, out))).expect("one document");
    let forecast = serde_json::json!({"writes": 6, "seconds": 360, "text": "6 writes at 1/min: about 6 min"});
    assert_eq!(document["forecast"], forecast);
}

#[test]
fn columns_of_which_the_same_is_to_be_said_share_a_note() {
    let (mut plan, form) = (plan(), form());
    let notice = |column: Option<&str>, text: &str| Notice { column: column.map(Box::from), text: text.to_owned() };
    plan.notices = vec![
        notice(Some("Floor"), "not used"),
        notice(Some("user"), "not used either"),
        notice(Some("Room"), "not used"),
        notice(None, "not used"),
    ];
    let text = written(|out| preview_table(&subject(&plan, &form), &Look::default(), out));
    let notes: Vec<&str> = text.lines().filter(|line| line.starts_with("Note")).collect();
    assert_eq!(notes, ["Note: columns Floor, Room: not used", "Note: column user: not used either", "Note: not used"]);
    let page = written(|out| preview_html(&subject(&plan, &form), out));
    assert!(page.contains("<p>Note: columns Floor, Room: not used</p>"), "{page}");
}

#[test]
fn the_preview_as_csv() {
    let (plan, form) = (plan(), form());
    let text = written(|out| preview_csv(&subject(&plan, &form), out));
    assert!(text.starts_with('\u{feff}') && text.ends_with("\r\n"));
    insta::assert_snapshot!(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"), @r#"
    line,status,add,update,sync groups,sync roles,subscribe,username,firstname,surname,email,changes,problems
    2,New,yes,yes,no,no,no,User1,Hannah,Bridge,hannah@test.co,displayName: Hannah Bridge; userPassword: ***; groups: Staff | Sales; password: (from the roster); change password next time: true,
    3,Update,yes,yes,no,no,no,User2,Lucy,Smith,lucy@test.co,mail: old@test.co -> lucy@test.co; title: Boss -> (none); userPassword: *** -> *** | ***; groups: Staff | Sales -> Staff | IT; enabled: false -> true; password: (generated); change password next time: true,
    4,Update,yes,yes,no,no,no,User3,Jenna,Fraser,jenna@test.co,,
    5,New,no,yes,no,no,no,User4,Peter,Stuart,peter@test.co,,not applied: `add` is off for this row
    6,Error,,,,,,,Kevin,Miles,'=cmd(),,"User name: required, but empty; Email: `=cmd()` is not an e-mail address; warning: line 2 has the same value"
    ,Old,,,,,,User8,Olga,Old,olga@test.co,,
    ,Old,,,,,,User9,Olga,Old,olga@test.co,enabled: true -> false,
    "#);
}

#[test]
fn the_preview_as_json() {
    let (plan, form) = (plan(), form());
    let text = written(|out| preview_json(&subject(&plan, &form), out));
    insta::assert_snapshot!(text, @r#"
    {"format":1,"plan":"00112233445566778899aabbccddeeff","feed":"hr","roster":"starters.csv","encoding":"UTF-8","encoding_confidence":"likely","delimiter":",","counts":{"new":2,"update":1,"unchanged":1,"old":2,"error":1},"problems":[
    {"column":"Shoe size","reason":"nothing maps it"}],"holds":[
    {"class":"old","planned":1,"limit":0,"of":6}],"seats":{"limit":8,"taken":8,"after":9},"forecast":null,"remarks":[],"items":[
    {"line":2,"status":"new","username":"User1","changes":[{"attribute":"displayName","old":[],"new":["Hannah Bridge"]},{"attribute":"userPassword","old":[],"new":["***"]},{"attribute":"groups","old":[],"new":["Staff","Sales"]},{"attribute":"password","old":[],"new":["(from the roster)"]},{"attribute":"change password next time","old":[],"new":["true"]}],"problems":[]},
    {"line":3,"status":"update","username":"User2","changes":[{"attribute":"mail","old":["old@test.co"],"new":["lucy@test.co"]},{"attribute":"title","old":["Boss"],"new":[]},{"attribute":"userPassword","old":["***"],"new":["***","***"]},{"attribute":"groups","old":["Staff","Sales"],"new":["Staff","IT"]},{"attribute":"enabled","old":["false"],"new":["true"]},{"attribute":"password","old":[],"new":["(generated)"]},{"attribute":"change password next time","old":[],"new":["true"]}],"problems":[]},
    {"line":4,"status":"update","username":"User3","changes":[],"problems":[]},
    {"line":5,"status":"new","username":"User4","changes":[],"problems":[{"column":null,"reason":"not applied: `add` is off for this row","severity":"warning"}]},
    {"line":6,"status":"error","username":"","changes":[],"problems":[{"column":"User name","reason":"required, but empty","severity":"error"},{"column":"Email","reason":"`=cmd()` is not an e-mail address","severity":"error"},{"column":null,"reason":"line 2 has the same value","severity":"warning"}]},
    {"line":null,"status":"old","username":"User8","changes":[],"problems":[]},
    {"line":null,"status":"old","username":"User9","changes":[{"attribute":"enabled","old":["true"],"new":["false"]}],"problems":[]}]}
    "#);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["items"].as_array().unwrap().len(), plan.items.len());
}

#[test]
fn a_plan_without_people_is_a_whole_document() {
    let mut plan = plan();
    plan.items.clear();
    plan.seats = None;
    let form = form();
    let text = written(|out| preview_json(&subject(&plan, &form), out));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&document["items"], &document["seats"]), (&serde_json::json!([]), &serde_json::Value::Null));
    let text = written(|out| preview_table(&subject(&plan, &form), &Look::default(), out));
    assert!(text.ends_with("(`limits.old`)\n"), "{text}");
}

#[test]
fn the_preview_as_a_page() {
    let (plan, form) = (plan(), form());
    let text = written(|out| preview_html(&subject(&plan, &form), out));
    let body = &text[text.find("<h1>").unwrap()..];
    insta::assert_snapshot!(body, @r#"
    <h1>Preview of starters.csv</h1>
    <p>Feed hr. Nothing has been changed yet. Plan 00112233445566778899aabbccddeeff.</p>
    <p>Encoding UTF-8 (likely), delimiter , (certain)</p>
    <p>Seats: 8 of 8 taken now, 9 when this is applied, 1 too many</p>
    <p>Note: column Shoe size: nothing maps it</p>
    <p>Held for approval: 1 accounts to disable or delete of 6, the limit is 0 (`limits.old`)</p>
    <input type="radio" name="show" id="all" checked><label for="all">All 7</label>
    <input type="radio" name="show" id="new"><label for="new">New 2</label>
    <input type="radio" name="show" id="update"><label for="update">Update 1</label>
    <input type="radio" name="show" id="unchanged"><label for="unchanged">unchanged 1</label>
    <input type="radio" name="show" id="old"><label for="old">Old 2</label>
    <input type="radio" name="show" id="error"><label for="error">Error 1</label>
    <table>
    <thead><tr><th scope="col">Line<th scope="col">Status<th scope="col">Username<th scope="col">First name<th scope="col">Surname<th scope="col">Email<th scope="col">What</thead>
    <tbody>
    <tr class="new"><td>2<td>New<td>User1<td>Hannah<td>Bridge<td>hannah@test.co<td><div><b>displayName</b> <ins>Hannah Bridge</ins></div><div><b>userPassword</b> <ins>***</ins></div><div><b>groups</b> <i>none</i> → <ins>Staff</ins> <ins>Sales</ins></div><div><b>password</b> <ins>(from the roster)</ins></div><div><b>change password next time</b> <ins>true</ins></div>
    <tr class="update"><td>3<td>Update<td>User2<td>Lucy<td>Smith<td>lucy@test.co<td><div><b>mail</b> <del>old@test.co</del> → <ins>lucy@test.co</ins></div><div><b>title</b> <del>Boss</del> → <i>none</i></div><div><b>userPassword</b> <del>***</del> → <ins>***</ins> <ins>***</ins></div><div><b>groups</b> <del>Staff</del> <del>Sales</del> → <ins>Staff</ins> <ins>IT</ins></div><div><b>enabled</b> <del>false</del> → <ins>true</ins></div><div><b>password</b> <ins>(generated)</ins></div><div><b>change password next time</b> <ins>true</ins></div>
    <tr class="unchanged"><td>4<td>Update<td>User3<td>Jenna<td>Fraser<td>jenna@test.co<td><div class="remark">unchanged</div>
    <tr class="new"><td>5<td>New<td>User4<td>Peter<td>Stuart<td>peter@test.co<td><div class="remark">not applied: `add` is off for this row</div>
    <tr class="error"><td>6<td>Error<td><td>Kevin<td>Miles<td>=cmd()<td><div class="remark">User name: required, but empty; Email: `=cmd()` is not an e-mail address; warning: line 2 has the same value</div>
    <tr class="old"><td><td>Old<td>User8<td>Olga<td>Old<td>olga@test.co<td><div class="remark">not in the file: left as it is</div>
    <tr class="old"><td><td>Old<td>User9<td>Olga<td>Old<td>olga@test.co<td><div><b>enabled</b> <del>true</del> → <ins>false</ins></div><div class="remark">to be disabled</div>
    </tbody>
    </table>
    </body>
    </html>
    "#);
}

#[test]
fn a_long_plan_shows_errors_first_and_says_where_the_rest_is() {
    let mut plan = plan();
    let error = plan.items.remove(4);
    plan.items = (2..102).map(|line| item(line, Status::New, 0, create(&[]))).collect();
    plan.items.push(error);
    let form = form();
    let look = Look { rows: Rows::AtMost(40), ..Look::default() };
    let text = written(|out| preview_table(&subject(&plan, &form), &look, out));
    assert_eq!(text.matches("  New  ").count(), 5);
    assert_eq!(text.matches("  Error  ").count(), 1);
    let last = text.lines().last().unwrap();
    assert_eq!(last, "95 more are not shown here (95 New); starters.preview.csv has all of them.");
    let page = written(|out| html::preview::page(&subject(&plan, &form), Rows::AtMost(40), out));
    assert_eq!(page.matches("<tr class=\"new\">").count(), 5);
    assert!(page.contains(last));
}

#[test]
fn all_rows_of_a_long_plan_are_shown_when_asked() {
    let mut plan = plan();
    plan.items = (2..902).map(|line| item(line, Status::New, 0, create(&[]))).collect();
    let form = form();
    let look = Look { rows: Rows::All, ..Look::default() };
    let text = written(|out| preview_table(&subject(&plan, &form), &look, out));
    assert_eq!(text.matches("  New  ").count(), 900);
}

#[test]
fn colours_come_only_when_asked() {
    let (plan, form) = (plan(), form());
    let shown = |colour| {
        let look = Look { colour, width: Some(120), ..Look::default() };
        written(|out| preview_table(&subject(&plan, &form), &look, out))
    };
    assert!(!shown(Colour::Plain).contains('\u{1b}'));
    assert!(shown(Colour::Ansi).contains('\u{1b}'));
}

#[test]
fn a_narrow_terminal_gets_narrow_lines() {
    let (plan, form) = (plan(), form());
    let look = Look { width: Some(100), ..Look::default() };
    let text = written(|out| preview_table(&subject(&plan, &form), &look, out));
    let (_, table) = text.split_once("\n\n").unwrap();
    assert!(table.lines().count() > plan.items.len());
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
}

#[test]
fn a_guess_asks_for_a_second_look_and_a_workbook_has_no_delimiter() {
    let plan = plan();
    let mut form = form();
    form.encoding = "windows-1252";
    form.encoding_sure = Sure::Guess;
    form.delimiter = b'\t';
    form.delimiter_sure = Sure::Configured;
    let text = written(|out| preview_table(&subject(&plan, &form), &Look::default(), out));
    let sentence = "Encoding windows-1252 (guess; look at names with accents), delimiter tab (configured)";
    assert_eq!(text.lines().nth(1), Some(sentence));
    form.kind = "XLSX";
    let text = written(|out| preview_table(&subject(&plan, &form), &Look::default(), out));
    assert_eq!(text.lines().nth(1), Some("XLSX workbook"));
}
