use super::*;

#[test]
fn the_result_on_a_terminal() {
    let (plan, form, results) = (plan(), form(), results());
    let text = written(|out| result_lines(&subject(&plan, &form), &ending(&plan, &results), Rows::All, out));
    insta::assert_snapshot!(text, @"
    Synchronization finished with errors

    User1 (First Name: Hannah, Surname: Bridge) New user added successfully
    User2 (First Name: Lucy, Surname: Smith) User updated successfully
      the mail server refuses lucy@test.co: no such mailbox
    User4 (First Name: Peter, Surname: Stuart) Not attempted (line 5): `add` is off for this row
    Line 6 (First Name: Kevin, Surname: Miles) Rejected: User name: required, but empty; Email: `=cmd()` is not an e-mail address
    User8 (First Name: Olga, Surname: Old) Old user, not in the file: left as it is
    User9 (First Name: Olga, Surname: Old) Not attempted: held for approval
    Held for approval: 1 accounts to disable or delete of 6, the limit is 0 (`limits.old`)
    Number of new users 1
    Number of updated users 1
    Number of unchanged users 1
    Number of old users left as they are 1
    Number of rejected users 1
    Number of users not attempted 2
    Number of credential letters sent 1
    Number of credential letters that cannot be sent 1
    ");
}

#[test]
fn the_manuals_own_example() {
    let (mut plan, form) = (plan(), form());
    plan.accounts = vec![
        account(2, "User1", "Hannah", "Bridge", "test@test.co"),
        account(3, "User2", "Lucy", "Smith", "test@test.co"),
        account(4, "User3", "Jenna", "Fraser", "test@test.co"),
    ];
    plan.items = (0..3).map(|index| item(index + 2, Status::New, index, create(&[]))).collect();
    plan.holds.clear();
    let results = [came(Outcome::Created), came(Outcome::Created), came(Outcome::Created)];
    let text = written(|out| result_lines(&subject(&plan, &form), &ending(&plan, &results), Rows::All, out));
    insta::assert_snapshot!(text, @"
    Synchronization successful

    User1 (First Name: Hannah, Surname: Bridge) New user added successfully
    User2 (First Name: Lucy, Surname: Smith) New user added successfully
    User3 (First Name: Jenna, Surname: Fraser) New user added successfully
    Number of new users 3
    ");
}

#[test]
fn the_verdict_is_the_honest_one() {
    let mut plan = plan();
    plan.items.truncate(4);
    let outcomes = |outcomes: [Outcome; 4]| outcomes.map(came);
    let skipped = || Outcome::NotAttempted("`add` is off".into());
    let fine = || outcomes([Outcome::Created, Outcome::Updated, Outcome::Unchanged, skipped()]);
    let judge = |results: &[ItemResult], change: fn(&mut Ending<'_>)| {
        let mut ending = ending(&plan, results);
        ending.holds = &[];
        change(&mut ending);
        Tally::of(&plan, &ending).verdict(&ending)
    };
    let holds = &plan.holds;
    assert_eq!(judge(&fine(), |_| {}), Verdict::Successful);
    let early: fn(&mut Ending<'_>) = |ending| ending.ended_early = Some("the server is gone");
    assert_eq!(judge(&fine(), early), Verdict::EndedEarly("the server is gone".into()));
    let idle = outcomes([Outcome::Unchanged, Outcome::Unchanged, Outcome::Unchanged, Outcome::Unchanged]);
    assert_eq!(judge(&idle, |_| {}), Verdict::NothingToChange);
    let left_out = outcomes([Outcome::Unchanged, Outcome::Unchanged, Outcome::Unchanged, skipped()]);
    assert_eq!(judge(&left_out, |_| {}), Verdict::LeftOut);
    for bad in [Outcome::Failed("x".into()), Outcome::Rejected("x".into()), Outcome::NotAttempted("x".into())] {
        let results = outcomes([bad, Outcome::Updated, Outcome::Unchanged, skipped()]);
        assert_eq!(judge(&results, |_| {}), Verdict::WithErrors);
    }
    let mut incomplete = fine();
    incomplete[0].incomplete = true;
    assert_eq!(judge(&incomplete, |_| {}), Verdict::WithErrors);
    let mut no_letter = fine();
    no_letter[0].letter = LetterOutcome::Failed;
    assert_eq!(judge(&no_letter, |_| {}), Verdict::WithErrors);
    no_letter[0].letter = LetterOutcome::Owed;
    assert_eq!(judge(&no_letter, |_| {}), Verdict::Successful);
    let held = outcomes([Outcome::NotAttempted("held".into()), Outcome::Updated, Outcome::Unchanged, skipped()]);
    let held_ending = Ending { holds, ..ending(&plan, &held) };
    assert_eq!(Tally::of(&plan, &held_ending).verdict(&held_ending), Verdict::Held);
}

#[test]
fn nobody_is_lost_when_a_result_is_missing() {
    let (plan, form) = (plan(), form());
    let results = &results()[..2];
    let ending = ending(&plan, results);
    let tally = Tally::of(&plan, &ending);
    assert_eq!((tally.created, tally.updated, tally.not_attempted), (1, 1, 5));
    let csv = written(|out| result_csv(&subject(&plan, &form), &ending, out));
    assert_eq!(csv.lines().count(), 1 + plan.items.len());
}

#[test]
fn the_result_as_csv() {
    let (plan, form, results) = (plan(), form(), results());
    let text = written(|out| result_csv(&subject(&plan, &form), &ending(&plan, &results), out));
    insta::assert_snapshot!(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"), @r#"
    line,status,outcome,letter,username,firstname,surname,email,changes,reason,problems,notes
    2,New,created,sent,User1,Hannah,Bridge,hannah@test.co,displayName: Hannah Bridge; userPassword: ***; groups: Staff | Sales; password: (from the roster); change password next time: true,,,
    3,Update,updated,failed,User2,Lucy,Smith,lucy@test.co,mail: old@test.co -> lucy@test.co; title: Boss -> (none); userPassword: *** -> *** | ***; groups: Staff | Sales -> Staff | IT; enabled: false -> true; password: (generated); change password next time: true,,,the mail server refuses lucy@test.co: no such mailbox
    4,Update,unchanged,none,User3,Jenna,Fraser,jenna@test.co,,,,
    5,New,not_attempted,none,User4,Peter,Stuart,peter@test.co,,`add` is off for this row,,
    6,Error,rejected,none,,Kevin,Miles,'=cmd(),,the row is in error,"User name: required, but empty; Email: `=cmd()` is not an e-mail address; warning: line 2 has the same value",
    ,Old,reported,none,User8,Olga,Old,olga@test.co,,,,
    ,Old,not_attempted,none,User9,Olga,Old,olga@test.co,,held for approval,,
    "#);
}

#[test]
fn the_result_as_json() {
    let (mut plan, form, mut results) = (plan(), form(), results());
    plan.items.drain(2..5);
    results.drain(2..5);
    let text = written(|out| result_json(&subject(&plan, &form), &ending(&plan, &results), out));
    insta::assert_snapshot!(text, @r#"
    {"format":1,"run":"0192-run","plan":"00112233445566778899aabbccddeeff","feed":"hr","roster":"starters.csv","started":"2026-11-22T02:15:00Z","ended":"2026-11-22T02:15:09Z","ended_early":null,"counts":{"created":1,"updated":1,"unchanged":0,"disabled":0,"moved":0,"enabled":0,"deleted":0,"old":1,"rejected":0,"failed":0,"not_attempted":1,"letters_sent":1,"letters_owed":0,"letters_failed":1},"holds":[
    {"class":"old","planned":1,"limit":0,"of":6}],"problems":[
    {"column":"Shoe size","reason":"nothing maps it"}],"notes":[],"remarks":[],"items":[
    {"line":2,"status":"new","outcome":"created","username":"User1","reason":null,"letter":"sent","incomplete":false,"changes":[{"attribute":"displayName","old":[],"new":["Hannah Bridge"]},{"attribute":"userPassword","old":[],"new":["***"]},{"attribute":"groups","old":[],"new":["Staff","Sales"]},{"attribute":"password","old":[],"new":["(from the roster)"]},{"attribute":"change password next time","old":[],"new":["true"]}],"problems":[],"notes":[]},
    {"line":3,"status":"update","outcome":"updated","username":"User2","reason":null,"letter":"failed","incomplete":false,"changes":[{"attribute":"mail","old":["old@test.co"],"new":["lucy@test.co"]},{"attribute":"title","old":["Boss"],"new":[]},{"attribute":"userPassword","old":["***"],"new":["***","***"]},{"attribute":"groups","old":["Staff","Sales"],"new":["Staff","IT"]},{"attribute":"enabled","old":["false"],"new":["true"]},{"attribute":"password","old":[],"new":["(generated)"]},{"attribute":"change password next time","old":[],"new":["true"]}],"problems":[],"notes":["the mail server refuses lucy@test.co: no such mailbox"]},
    {"line":null,"status":"old","outcome":"reported","username":"User8","reason":null,"letter":"none","incomplete":false,"changes":[],"problems":[],"notes":[]},
    {"line":null,"status":"old","outcome":"not_attempted","username":"User9","reason":"held for approval","letter":"none","incomplete":false,"changes":[],"problems":[],"notes":[]}]}
    "#);
}

#[test]
fn what_is_held_is_not_reported_as_done() {
    let (mut plan, form) = (plan(), form());
    plan.items.truncate(2);
    plan.items.remove(0);
    plan.holds = [HoldClass::Removals, HoldClass::Clears, HoldClass::Passwords]
        .map(|class| Hold { class, planned: 1, limit: 0, of: 1 })
        .into();
    let results = [came(Outcome::Updated)];
    let text = written(|out| result_json(&subject(&plan, &form), &ending(&plan, &results), out));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let changes = document["items"][0]["changes"].as_array().unwrap();
    let names: Vec<_> = changes.iter().map(|change| change["attribute"].as_str().unwrap()).collect();
    assert_eq!(names, ["mail", "userPassword", "groups", "enabled"]);
    assert_eq!(changes[2]["new"], serde_json::json!(["Staff", "Sales", "IT"]));
}

#[test]
fn a_password_whose_letter_is_owed_is_not_held() {
    let (mut plan, form) = (plan(), form());
    plan.items.truncate(2);
    let Intent::Update(update) = &mut plan.items[1].intent else { panic!("line 3 is an update") };
    update.letter_owed = true;
    plan.holds = vec![Hold { class: HoldClass::Passwords, planned: 1, limit: 0, of: 1 }];
    let results = [came(Outcome::Created), came(Outcome::Updated)];
    let text = written(|out| result_csv(&subject(&plan, &form), &ending(&plan, &results), out));
    assert!(text.lines().nth(2).unwrap().contains("password: (generated); change password next time: true"));
}

#[test]
fn memberships_that_were_not_all_written_are_not_reported_as_done() {
    let (mut plan, form) = (plan(), form());
    plan.items.truncate(1);
    let mut results = [came(Outcome::Created)];
    results[0].incomplete = true;
    results[0].notes = vec!["group Staff: no such group".into()];
    let (subject, ending) = (subject(&plan, &form), ending(&plan, &results));
    let json = written(|out| result_json(&subject, &ending, out));
    assert!(json.contains("displayName") && !json.contains("\"groups\"") && json.contains("\"incomplete\":true"));
    let page = written(|out| result_html(&subject, &ending, out));
    assert!(page.contains("not all references, groups or roles could be written"));
    let told = written(|out| result_lines(&subject, &ending, Rows::All, out));
    assert!(told.starts_with("Synchronization finished with errors\n"));
    assert!(told.contains("\n  group Staff: no such group\n"));
}

#[test]
fn the_result_as_a_page() {
    let (plan, form, results) = (plan(), form(), results());
    let text = written(|out| result_html(&subject(&plan, &form), &ending(&plan, &results), out));
    let body = &text[text.find("<h1>").unwrap()..];
    insta::assert_snapshot!(body, @r#"
    <h1>Report on starters.csv</h1>
    <p>Synchronization finished with errors</p>
    <p>Feed hr, run 0192-run, from 2026-11-22T02:15:00Z to 2026-11-22T02:15:09Z. Plan 00112233445566778899aabbccddeeff.</p>
    <p>Held for approval: 1 accounts to disable or delete of 6, the limit is 0 (`limits.old`)</p>
    <p>Number of new users 1</p>
    <p>Number of updated users 1</p>
    <p>Number of unchanged users 1</p>
    <p>Number of old users left as they are 1</p>
    <p>Number of rejected users 1</p>
    <p>Number of users not attempted 2</p>
    <p>Number of credential letters sent 1</p>
    <p>Number of credential letters that cannot be sent 1</p>
    <input type="radio" name="show" id="all" checked><label for="all">All 7</label>
    <input type="radio" name="show" id="created"><label for="created">created 1</label>
    <input type="radio" name="show" id="updated"><label for="updated">updated 1</label>
    <input type="radio" name="show" id="unchanged"><label for="unchanged">unchanged 1</label>
    <input type="radio" name="show" id="reported"><label for="reported">old 1</label>
    <input type="radio" name="show" id="rejected"><label for="rejected">rejected 1</label>
    <input type="radio" name="show" id="undone"><label for="undone">not attempted 2</label>
    <table>
    <thead><tr><th scope="col">Line<th scope="col">Outcome<th scope="col">Username<th scope="col">First name<th scope="col">Surname<th scope="col">Email<th scope="col">What</thead>
    <tbody>
    <tr class="created"><td>2<td>created<td>User1<td>Hannah<td>Bridge<td>hannah@test.co<td><div><b>displayName</b> <ins>Hannah Bridge</ins></div><div><b>userPassword</b> <ins>***</ins></div><div><b>groups</b> <i>none</i> → <ins>Staff</ins> <ins>Sales</ins></div><div><b>password</b> <ins>(from the roster)</ins></div><div><b>change password next time</b> <ins>true</ins></div><div class="remark">credential letter sent</div>
    <tr class="updated"><td>3<td>updated<td>User2<td>Lucy<td>Smith<td>lucy@test.co<td><div><b>mail</b> <del>old@test.co</del> → <ins>lucy@test.co</ins></div><div><b>title</b> <del>Boss</del> → <i>none</i></div><div><b>userPassword</b> <del>***</del> → <ins>***</ins> <ins>***</ins></div><div><b>groups</b> <del>Staff</del> <del>Sales</del> → <ins>Staff</ins> <ins>IT</ins></div><div><b>enabled</b> <del>false</del> → <ins>true</ins></div><div><b>password</b> <ins>(generated)</ins></div><div><b>change password next time</b> <ins>true</ins></div><div class="remark">credential letter cannot be sent</div><div class="remark">the mail server refuses lucy@test.co: no such mailbox</div>
    <tr class="unchanged"><td>4<td>unchanged<td>User3<td>Jenna<td>Fraser<td>jenna@test.co<td>
    <tr class="undone"><td>5<td>not attempted<td>User4<td>Peter<td>Stuart<td>peter@test.co<td><div class="remark">`add` is off for this row</div>
    <tr class="rejected"><td>6<td>rejected<td><td>Kevin<td>Miles<td>=cmd()<td><div class="remark">User name: required, but empty; Email: `=cmd()` is not an e-mail address; warning: line 2 has the same value</div>
    <tr class="reported"><td><td>reported<td>User8<td>Olga<td>Old<td>olga@test.co<td>
    <tr class="undone"><td><td>not attempted<td>User9<td>Olga<td>Old<td>olga@test.co<td><div class="remark">held for approval</div>
    </tbody>
    </table>
    </body>
    </html>
    "#);
}

#[test]
fn what_is_true_of_the_run_is_in_every_form_once_with_what_to_do() {
    let (plan, form, results) = (plan(), form(), results());
    let remarks = [Remark::WithoutTransactions(NoTransactions::LostDuring), Remark::LookedUp];
    let subject = Subject { remarks: &remarks, ..subject(&plan, &form) };
    let ending = ending(&plan, &results);
    for text in [
        written(|out| preview_table(&subject, &Look::default(), out)),
        written(|out| preview_html(&subject, out)),
        written(|out| preview_json(&subject, out)),
        written(|out| result_lines(&subject, &ending, Rows::All, out)),
        written(|out| result_html(&subject, &ending, out)),
    ] {
        for remark in &remarks {
            assert_eq!(text.matches(&remark.to_string()).count(), 1, "{text}");
            assert_eq!(text.matches(&remark.hint().replace('"', "\\\"")).count(), 1, "{text}");
        }
    }
    let result: serde_json::Value = serde_json::from_str(&written(|out| result_json(&subject, &ending, out))).unwrap();
    assert_eq!(result["notes"][0], "the run has gone on without transactions: the connection was lost during one");
    assert_eq!(result["remarks"][0]["kind"], "without_transactions");
    assert_eq!(result["remarks"][0]["detail"], "lost_during");
}
