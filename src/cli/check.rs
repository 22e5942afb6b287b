//! `rosterd check`

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::path::PathBuf;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Format;
use super::list::List;
use super::open;
use super::open::Site;
use crate::config::Config;
use crate::directory::Directory;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::directory::ldap::Example;
use crate::directory::ldap::MappedAttribute;
use crate::directory::target::Target;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::mail::Mailer;
use crate::roster::account::Action;
use crate::roster::account::LineNo;
use crate::roster::attribute::AttributeName;
use crate::roster::mapping::Means;
use crate::roster::mapping::Source;
use crate::roster::mapping::Target as To;
use crate::run::feed::Feed;

use self::sample::Wanted;

mod needs;
mod sample;

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
    /// Prove the rights to write too: in every LDAP and SCIM target create an account `rosterd-probe-...`, change it,
    /// disable it, enable it, and delete it; on LDAP also log in with it and put it into groups
    #[arg(long)]
    write_probe: bool,
    /// Send one row of this roster the whole way, and write nothing; with --write-probe the probe is made like that row
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,
    /// The line where the row starts; else the first row that is not in error
    #[arg(long, value_name = "LINE", requires = "sample")]
    sample_row: Option<u32>,
    /// The feed that the roster is for; needed when it is in no feed's folder and there are several feeds
    #[arg(long, requires = "sample")]
    feed: Option<String>,
}

const COLUMNS: &[&str] = &["verdict", "where", "what", "finding", "hint"];

/// What was found, each with where.
type Found = Vec<(String, Finding)>;

/// Checks everything that the configuration names.
pub async fn check(site: &Site, args: Args) -> Result<Exit, Failure> {
    let config = site.config()?;
    let mut found = Found::new();
    let stop = CancellationToken::new();
    if args.write_probe {
        // An account that was created must be deleted again.
        open::obey_signals(&stop)?;
    }
    let sampled = match &args.sample {
        None => None,
        Some(roster) => {
            let feed = open::feed(&config.feeds, args.feed.as_deref(), roster)?;
            Some(Wanted { roster, feed, line: args.sample_row.map(LineNo) })
        }
    };
    for target in &config.targets {
        let place = format!("target {}", target.name);
        match open::target(&config, &target.name) {
            Ok(directory) => {
                let sampled = sampled.filter(|sampled| sampled.feed.feed.target == target.name);
                let probes = args.write_probe.then_some(&stop);
                check_target(&config, (&target.name, &directory), sampled, probes, &mut found).await?;
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

/// Checks one target with its feeds; writes a probe if there is something to stop it by.
async fn check_target(
    config: &Config,
    (name, directory): (&str, &Target),
    sampled: Option<Wanted<'_>>,
    probes: Option<&CancellationToken>,
    found: &mut Found,
) -> Result<(), Failure> {
    let feeds = || config.feeds.iter().filter(|feed| feed.feed.target == name);
    let mut findings = directory.check().await;
    if let Target::Ldap(ldap) = directory {
        let mapped_names: BTreeSet<_> = feeds().flat_map(|feed| feed.feed.mapped.iter().cloned()).collect();
        findings.extend(ldap.check_attributes(&Vec::from_iter(mapped_names)).await);
        // Where the server does not tell rights, a probe is the proof.
        if feeds().next().is_some() && (probes.is_none() || ldap.tells_rights().await) {
            findings.extend(ldap.check_rights(&needs::of_feeds(feeds())).await);
        }
    }
    if let Target::Scim(scim) = directory {
        let mapped_names: BTreeSet<_> = feeds().flat_map(|feed| feed.feed.mapped.iter().cloned()).collect();
        findings.extend(scim.check_attributes(&Vec::from_iter(mapped_names)).await);
        if probes.is_none() {
            findings.push(unproved_rights());
        }
    }
    let place = format!("target {name}");
    found.extend(findings.into_iter().map(|finding| (place.clone(), finding)));
    if !matches!(directory, Target::Local(_)) {
        for feed in feeds() {
            let creates = feed.feed.mapping.settings().choices.add;
            let misfits = match directory {
                Target::Local(_) => Vec::new(),
                Target::Ldap(ldap) => ldap.check_mapping(&mapped(&feed.feed), creates).await,
                Target::Scim(scim) => scim.check_mapping(&mapped(&feed.feed), creates).await,
            };
            let place = format!("feed {}", feed.feed.name);
            found.extend(misfits.into_iter().map(|finding| (place.clone(), finding)));
        }
    }
    let mut example = None;
    if let Some(sampled) = sampled {
        let mut findings = Vec::new();
        example = sample::sample(config, sampled, directory, &mut findings).await?;
        let place = format!("feed {}", sampled.feed.feed.name);
        found.extend(findings.into_iter().map(|finding| (place.clone(), finding)));
    }
    if let (Target::Scim(scim), Some(stop)) = (directory, probes) {
        let feed = sampled.map(|sampled| sampled.feed).or_else(|| feeds().next()).map(|feed| &feed.feed);
        let findings = scim.probe(feed.map(|feed| &feed.passwords), example.take(), stop).await;
        found.extend(findings.into_iter().map(|finding| (place.clone(), finding)));
    }
    if let (Target::Ldap(ldap), Some(stop)) = (directory, probes) {
        let feed = sampled.map(|sampled| sampled.feed).or_else(|| feeds().next()).map(|feed| &feed.feed);
        if example.is_none()
            && let Some(feed) = feed
        {
            match placed(feed) {
                Placed::AsTheTargetDoes => {}
                Placed::Here(own) => example = Some(own),
                Placed::ByItsRow => found.push((place.clone(), untried_place(&feed.name))),
            }
        }
        let findings = ldap.probe(feed.map(|feed| &feed.passwords), example, stop).await;
        found.extend(findings.into_iter().map(|finding| (place.clone(), finding)));
    }
    Ok(())
}

/// Where a feed wants a probe of which there is no row.
enum Placed {
    /// It says nothing.
    AsTheTargetDoes,
    /// As the username alone decides.
    Here(Example),
    /// As other columns decide.
    ByItsRow,
}

fn placed(feed: &Feed) -> Placed {
    let rule = feed.mapping.settings().rules.iter().find(|rule| rule.target == To::Dn);
    let Some(rule) = rule else { return Placed::AsTheTargetDoes };
    let Source::Template(template) = &rule.source else { return Placed::ByItsRow };
    let nobody = Example::nobody();
    let mut parts = template.split("{{");
    let mut dn = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let Some(("username", after)) = part.split_once("}}").map(|(name, after)| (name.trim(), after)) else {
            return Placed::ByItsRow;
        };
        // A probe's name has nothing that would have to be escaped.
        dn.push_str(&nobody.username);
        dn.push_str(after);
    }
    if dn.contains("{%") || dn.contains("{#") {
        return Placed::ByItsRow;
    }
    Placed::Here(Example { locator: Some(dn.into()), ..nobody })
}

fn untried_place(feed: &str) -> Finding {
    let text = format!(
        "feed {feed} puts new accounts where columns of the roster say (`dn` in [feed.map]): the probe is made in \
         `people_base`; with --sample FILE it is made where a row belongs"
    );
    Finding { subject: "probe: place".to_owned(), verdict: Verdict::Warning(text) }
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
