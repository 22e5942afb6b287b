//! `rosterd check`

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Format;
use super::list::List;
use super::open;
use super::open::Site;
use crate::directory::Directory;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::directory::ldap::MappedAttribute;
use crate::directory::target::Target;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::mail::Mailer;
use crate::roster::account::Action;
use crate::roster::attribute::AttributeName;
use crate::roster::mapping::Means;
use crate::roster::mapping::Target as To;
use crate::run::feed::Feed;

/// Prove the configuration against the live directories, mail server and folders
///
/// Nothing is written, unless --write-probe says so.
///
/// Exit code 0: everything works; 78: something must be put right first.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Prove the rights to write too: in every LDAP target create an account `rosterd-probe-...`, log in with it, change
    /// it, put it into groups, disable it, enable it, and delete it
    #[arg(long)]
    write_probe: bool,
}

const COLUMNS: &[&str] = &["verdict", "where", "what", "finding", "hint"];

/// Checks everything that the configuration names.
pub async fn check(site: &Site, args: Args) -> Result<Exit, Failure> {
    let config = site.config()?;
    let mut found: Vec<(String, Finding)> = Vec::new();
    let stop = CancellationToken::new();
    if args.write_probe {
        // An account that was created must be deleted again.
        open::obey_signals(&stop)?;
    }
    for target in &config.targets {
        let place = format!("target {}", target.name);
        match open::target(&config, &target.name) {
            Ok(directory) => {
                let mut findings = directory.check().await;
                if let Target::Ldap(ldap) = &directory {
                    let feeds = config.feeds.iter().filter(|feed| feed.feed.target == target.name);
                    let names: BTreeSet<_> = feeds.flat_map(|feed| feed.feed.mapped.iter().cloned()).collect();
                    findings.extend(ldap.check_attributes(&Vec::from_iter(names)).await);
                    for feed in config.feeds.iter().filter(|feed| feed.feed.target == target.name) {
                        let creates = feed.feed.mapping.settings().choices.add;
                        let misfits = ldap.check_mapping(&mapped(&feed.feed), creates).await;
                        let place = format!("feed {}", feed.feed.name);
                        found.extend(misfits.into_iter().map(|finding| (place.clone(), finding)));
                    }
                    if args.write_probe {
                        let feed = config.feeds.iter().find(|feed| feed.feed.target == target.name);
                        findings.extend(ldap.probe(feed.map(|feed| &feed.feed.passwords), &stop).await);
                    } else {
                        findings.push(unproved_rights());
                    }
                }
                found.extend(findings.into_iter().map(|finding| (place.clone(), finding)));
            }
            Err(failure) => found.push((
                place,
                Finding { subject: "open".to_owned(), verdict: Verdict::Bad(failure.to_string(), String::new()) },
            )),
        }
    }
    if let Some(settings) = &config.mail {
        found.push(("mail".to_owned(), mail_finding(settings).await));
    }
    for feed in &config.feeds {
        let choices = feed.feed.mapping.settings().choices;
        let creates = choices.add && choices.action == Action::Auto;
        if creates && feed.feed.plan.passwords.generate_for_new && feed.feed.letters.is_none() {
            found.push((format!("feed {}", feed.feed.name), untold_passwords()));
        }
        if let Some(folder) = &feed.folder {
            found.push((format!("feed {}", feed.feed.name), folder_finding(folder, &config.data_dir)));
        }
    }
    let bad = found.iter().any(|(_, finding)| matches!(finding.verdict, Verdict::Bad(..)));
    let rows = found.into_iter().map(|(place, finding)| row(&place, finding)).collect();
    List { columns: COLUMNS, rows }.print(args.format, "There is nothing to check.")?;
    Ok(if bad { Exit::Config } else { Exit::Done })
}

fn row(place: &str, finding: Finding) -> Vec<serde_json::Value> {
    let (verdict, text, hint) = match finding.verdict {
        Verdict::Good(text) => ("good", text, String::new()),
        Verdict::Warning(text) => ("warning", text, String::new()),
        Verdict::Bad(text, hint) => ("BAD", text, hint),
    };
    vec![json!(verdict), json!(place), json!(finding.subject), json!(text), json!(hint)]
}

async fn mail_finding(settings: &crate::mail::MailSettings) -> Finding {
    let subject = format!("reach {}", settings.server);
    let verdict = match Mailer::smtp(settings) {
        Err(faults) => {
            let text: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Verdict::Bad(text.join("; "), "correct [mail]".to_owned())
        }
        Ok(mailer) => match mailer.check().await {
            Ok(text) => Verdict::Good(text),
            Err(fault) => Verdict::Bad(fault.to_string(), "correct [mail], or start the mail server".to_owned()),
        },
    };
    Finding { subject, verdict }
}

/// Returns what a feed maps, and how.
fn mapped(feed: &Feed) -> Vec<MappedAttribute> {
    let rules = &feed.mapping.settings().rules;
    let as_mapped = |name: &AttributeName| {
        let rule = rules.iter().find(|rule| matches!(&rule.target, To::Attribute(own) if own == name));
        MappedAttribute {
            name: name.clone(),
            multi: rule.is_some_and(|rule| rule.multi),
            refers: rule.is_some_and(|rule| matches!(rule.means, Means::Person(_))),
        }
    };
    feed.mapped.iter().map(as_mapped).collect()
}

fn unproved_rights() -> Finding {
    let text = "not tried; `rosterd check --write-probe` tries them with an account that it creates and deletes again";
    Finding { subject: "rights to write".to_owned(), verdict: Verdict::Warning(text.to_owned()) }
}

fn untold_passwords() -> Finding {
    let text = "new accounts get random passwords that nobody learns; set `email_credentials` in [feed.letters], or let people reset them by other means";
    Finding { subject: "passwords".to_owned(), verdict: Verdict::Warning(text.to_owned()) }
}

fn folder_finding(folder: &Path, data_dir: &Path) -> Finding {
    let subject = format!("drop folder {}", folder.display());
    let hint = "rosterd's user must be able to list the folder and to write reports into it".to_owned();
    let verdict = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound && folder.starts_with(data_dir) => {
            Verdict::Good("is not there yet; `rosterd run` makes it".to_owned())
        }
        Err(error) => Verdict::Bad(format!("cannot be read: {error}"), hint),
        Ok(_) if rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_err() => {
            Verdict::Bad("cannot be written to, so no report can be left there".to_owned(), hint)
        }
        Ok(_) => Verdict::Good("can be read and written".to_owned()),
    };
    Finding { subject, verdict }
}
