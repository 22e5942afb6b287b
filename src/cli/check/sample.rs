//! `rosterd check --sample`: one row goes the whole way, and nothing is written.

use std::path::Path;

use futures_util::TryStreamExt;

use super::super::Format;
use super::super::open;
use super::super::progress::Console;
use super::super::progress::Parts;
use crate::config::Config;
use crate::config::FeedConfig;
use crate::directory::Directory;
use crate::directory::Finding;
use crate::directory::Lookup;
use crate::directory::Verdict;
use crate::directory::Which;
use crate::directory::ldap::Example;
use crate::directory::ldap::Sample;
use crate::directory::ldap::Written;
use crate::directory::target::Target;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::intake::claim::Claim;
use crate::report;
use crate::roster::account::Account;
use crate::roster::account::GroupKind;
use crate::roster::account::LineNo;
use crate::roster::account::MatchBy;
use crate::roster::attribute::Schema;
use crate::roster::letter::LetterFields;
use crate::roster::operation::Create;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::Plan;
use crate::roster::plan::Status;
use crate::roster::problem::Severity;
use crate::roster::secret::Secret;
use crate::run::Errand;
use crate::run::Order;
use crate::run::feed::Feed;
use crate::run::planning;
use crate::run::planning::Resume;
use crate::run::reading;
use crate::state::State;

/// Which row is to be tried.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The roster.
    pub roster: &'a Path,
    /// The feed that it is for.
    pub feed: &'a FeedConfig,
    /// The line where the row starts; without it the first row that is not in error.
    pub line: Option<LineNo>,
}

/// Sends one row the whole way short of writing. Returns what a probe has to be like to be like that row, when the row
/// would come to something.
pub async fn sample(
    config: &Config,
    wanted: Wanted<'_>,
    directory: &Target,
    findings: &mut Vec<Finding>,
) -> Result<Option<Example>, Failure> {
    let (spool, _lock) = open::preview_spool(config)?;
    let claim = open::claim_one(&spool, wanted.feed, wanted.roster)?;
    let tried = try_row(config, wanted, directory, &claim, findings).await;
    claim.close().map_err(|error| Failure::new(Exit::TryAgain, "cannot remove the spool copy").caused_by(&error))?;
    tried
}

async fn try_row(
    config: &Config,
    wanted: Wanted<'_>,
    directory: &Target,
    claim: &Claim,
    findings: &mut Vec<Finding>,
) -> Result<Option<Example>, Failure> {
    let feed = &wanted.feed.feed;
    let state = state(config)?;
    let console = Console::new(Format::Table, Parts::Nothing, false);
    let run = open::new_run(claim, wanted.feed);
    let errand = Errand { run, feed, directory, order: Order::AsTheFeedSays, audience: &console };
    let subject = format!("sample: read {}", claim.name);
    let planned = planning::plan(&errand, &state, &Resume::default(), false, &open::now()).await;
    let planned = match planned.map_err(|error| error.failure(&errand.run)) {
        Ok(planned) => planned,
        Err(failure) => {
            findings.push(bad(subject, failure.sentence(), &failure.hints().join("; ")));
            return Ok(None);
        }
    };
    let plan = &planned.plan;
    let n_rows = plan.items.iter().filter(|item| item.line.is_some()).count();
    let n_errors = plan.counts().error;
    let text = format!("{}; {n_rows} rows, {n_errors} of them in error", report::form_sentence(&planned.form));
    findings
        .push(Finding { subject, verdict: if n_errors == 0 { Verdict::Good(text) } else { Verdict::Warning(text) } });
    let Some(item) = picked(plan, wanted.line, findings) else { return Ok(None) };
    let Some(account) = plan.account(item) else { return Ok(None) };
    if item.status == Status::Update {
        findings.push(located(directory, feed, account).await);
    }
    let lines = report::planned_lines(plan, item);
    if lines.is_empty() {
        let why = match item.intent {
            Intent::Skip(why) => why,
            _ => "the directory has it already",
        };
        findings.push(good("sample: would write".to_owned(), format!("nothing: {why}")));
    }
    findings.extend(lines.into_iter().map(|line| good("sample: would write".to_owned(), line)));
    if let Target::Ldap(ldap) = directory {
        findings.extend(ldap.check_sample(&of_item(directory, feed, account, &item.intent).await).await);
    }
    findings.extend(letter(feed, account, &item.intent));
    example(claim, feed, account, item).await.map_err(|error| error.failure(&errand.run)).map(|example| match example {
        Ok(example) => Some(example),
        Err(why) => {
            let text = format!("its row cannot be that of a probe, which is made up instead: {why}");
            findings.push(Finding { subject: "sample: probe".to_owned(), verdict: Verdict::Warning(text) });
            None
        }
    })
}

/// Opens the journal if there is one: whom rosterd has disabled decides what becomes of who comes back. It is not
/// created, since the daemon's user has to own it: then an empty one, elsewhere, takes its place.
fn state(config: &Config) -> Result<State, Failure> {
    if config.data_dir.join("state.sqlite").exists() {
        return open::state(&config.data_dir);
    }
    let folder = config.data_dir.join("check");
    open::make_private_folder(&folder)?;
    State::open(&folder)
        .map_err(|error| Failure::new(Exit::Config, "cannot open a journal for the sample").caused_by(&error))
}

/// Picks the row, and tells who it is and what is wrong with it.
fn picked<'p>(plan: &'p Plan, line: Option<LineNo>, findings: &mut Vec<Finding>) -> Option<&'p Item> {
    let mut rows = plan.items.iter().filter(|item| item.line.is_some());
    let item = match line {
        Some(line) => rows.find(|item| item.line == Some(line)),
        None => rows.find(|item| item.status != Status::Error),
    };
    let Some(item) = item else {
        let hint = "choose another row with --sample-row, or another roster";
        let text = match line {
            Some(line) => format!("no row starts at line {line}"),
            None => "every row is in error; `rosterd preview` says why".to_owned(),
        };
        findings.push(bad("sample: row".to_owned(), &text, hint));
        return None;
    };
    let person = plan.person(item).map(|person| format!("{} {}", person.first(), person.surname()));
    let who = format!("{} ({})", plan.username(item), person.unwrap_or_default().trim());
    let subject = format!("sample: line {}", item.line.unwrap_or(LineNo(0)));
    for problem in &item.problems {
        let text = problem.to_string();
        findings.push(match problem.severity {
            Severity::Error => bad(subject.clone(), &text, "correct the row, or the rules of the feed"),
            Severity::Warning => Finding { subject: subject.clone(), verdict: Verdict::Warning(text) },
        });
    }
    if item.status == Status::Error {
        return None;
    }
    let status = if item.is_unchanged() { "unchanged" } else { item.status.word() };
    findings.push(good(subject, format!("{who} is {status}")));
    Some(item)
}

/// Says which entry the row is about.
async fn located(directory: &Target, feed: &Feed, account: &Account) -> Finding {
    let subject = "sample: account".to_owned();
    let first = (feed.matching.by.clone(), account.match_value());
    let second = feed.matching.then_by_username.then_some((MatchBy::Username, &*account.username));
    let mut tried = Vec::new();
    for (by, value) in std::iter::once(first).chain(second) {
        tried.push(match &by {
            MatchBy::Username => "username".to_owned(),
            MatchBy::Attribute(name) => name.to_string(),
        });
        let which = Which::Matching { by, values: vec![value.into()] };
        let found = directory.existing(Lookup { which, attributes: feed.attributes.clone() });
        match found.try_collect::<Vec<_>>().await {
            Ok(found) => {
                if let (Some(entry), Some(by)) = (found.first(), tried.last()) {
                    return good(subject, format!("it is {}, by its {by}", entry.id.locator));
                }
            }
            Err(fault) => return bad(subject, &fault.to_string(), ""),
        }
    }
    bad(subject, &format!("no account has its {} any more", tried.join(" or its ")), "try again")
}

/// Returns what the row comes to, as far as the directory is asked about it.
async fn of_item(directory: &Target, feed: &Feed, account: &Account, intent: &Intent) -> Sample {
    let capabilities = directory.capabilities().await.ok();
    let written = match intent {
        Intent::Create(create) => Written::New(Box::new(Create {
            username: account.username.clone(),
            locator: account.locator.clone(),
            attributes: account.attributes.clone(),
            // It is neither sent nor shown.
            password: Some(Secret::from("a password in its place")),
            must_change: create.must_change && capabilities.is_none_or(|can| can.must_change),
        })),
        Intent::Update(update) => {
            let values = |change: &crate::roster::change::Change| (change.attribute.clone(), change.new.to_vec());
            Written::Changed(update.changes.iter().map(values).collect())
        }
        _ => Written::Nothing,
    };
    let has = |kind| match kind {
        GroupKind::Group => capabilities.is_some_and(|can| can.groups),
        GroupKind::Role => capabilities.is_some_and(|can| can.roles),
        GroupKind::Channel => capabilities.is_some_and(|can| can.channels),
    };
    let of_row = [(GroupKind::Group, &account.groups, &feed.groups), (GroupKind::Role, &account.roles, &feed.roles)];
    let mut groups: Vec<_> = of_row
        .into_iter()
        .flat_map(|(kind, names, rules)| names.iter().flatten().map(move |name| (kind, name.clone(), rules.create)))
        .collect();
    let channels = intent.memberships().iter().filter(|change| change.kind == GroupKind::Channel);
    groups.extend(channels.flat_map(|change| &change.add).map(|name| (GroupKind::Channel, name.clone(), false)));
    groups.retain(|(kind, ..)| has(*kind));
    Sample { written, groups }
}

/// Fills the letter in, and sends it to nobody.
fn letter(feed: &Feed, account: &Account, intent: &Intent) -> Option<Finding> {
    let letters = feed.letters.as_ref()?;
    let (created, must_change) = match intent {
        Intent::Create(create) => (true, create.must_change),
        Intent::Update(update) if update.password.is_some() => (false, update.must_change.unwrap_or(false)),
        _ => return None,
    };
    let subject = "sample: letter".to_owned();
    if account.person.email().is_empty() {
        let text = "there is none: the person has no mail address".to_owned();
        return Some(Finding { subject, verdict: Verdict::Warning(text) });
    }
    let password = feed.passwords.generate_without(&mut rand::rng(), &[&account.username]);
    let fields = LetterFields {
        username: &account.username,
        password: &password,
        first: account.person.first(),
        surname: account.person.surname(),
        email: account.person.email(),
        must_change,
        created,
    };
    Some(match letters.template.render(&fields) {
        Ok(letter) => {
            let n_lines = letter.text().expose().lines().count();
            let html = if letter.html().is_some() { ", and HTML" } else { "" };
            let text = format!("to {}: \"{}\", {n_lines} lines{html}; sent to nobody", letter.to(), letter.subject());
            good(subject, text)
        }
        Err(error) => bad(subject, &error.to_string(), "correct the row, or the template of [feed.letters]"),
    })
}

/// Returns the row under a probe's name, or why that cannot be.
async fn example(
    claim: &Claim,
    feed: &Feed,
    account: &Account,
    item: &Item,
) -> Result<Result<Example, String>, planning::PlanningError> {
    let nobody = Example::nobody();
    let read = reading::read_as(claim.spool.clone(), feed, account.line, &nobody.username).await?;
    let row = match read {
        Ok(row) => row,
        Err(problems) => {
            return Ok(Err(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")));
        }
    };
    // People to whom the row refers, as far as they are there.
    let referred = item.intent.deferred().iter().filter_map(|change| {
        let people = change.new.iter().filter_map(|value| value.person()?.value.as_deref());
        let values: Vec<Vec<u8>> = people.map(|value| value.as_bytes().to_vec()).collect();
        (!values.is_empty()).then(|| (change.attribute.as_str(), values))
    });
    let own = row.attributes.iter().map(|(name, values)| (name.as_str(), values.to_vec()));
    let all: Vec<(&str, Vec<Vec<u8>>)> = own.chain(referred).filter(|(_, values)| !values.is_empty()).collect();
    let schema = Schema::new(all.iter().map(|(name, _)| (*name).into()));
    let attributes = schema.pack(all.iter().map(|(name, values)| (*name, values.iter().map(Vec::as_slice))));
    let matched = match &feed.matching.by {
        MatchBy::Username => None,
        MatchBy::Attribute(name) => Some(name),
    };
    let only_its_own = matched.into_iter().chain(&feed.matching.unique).cloned().collect();
    Ok(Ok(Example { locator: row.locator, attributes, only_its_own, ..nobody }))
}

fn good(subject: String, text: String) -> Finding {
    Finding { subject, verdict: Verdict::Good(text) }
}

fn bad(subject: String, text: &str, hint: &str) -> Finding {
    Finding { subject, verdict: Verdict::Bad(text.to_owned(), hint.to_owned()) }
}
