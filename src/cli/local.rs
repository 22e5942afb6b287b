//! `rosterd local`

use std::io::Read;

use clap::Subcommand;
use serde_json::json;

use super::Format;
use super::list::List;
use super::open;
use super::open::Site;
use crate::config::Config;
use crate::config::Secrets;
use crate::config::TargetKind;
use crate::directory::local::Local;
use crate::directory::local::Verified;
use crate::directory::target::Target;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::fault::Fault;
use crate::roster::secret::Secret;

/// Look into the embedded directory, or prepare groups and channels in it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The target, when there are several of kind local
    #[arg(long, global = true)]
    target: Option<String>,
    /// How to print lists
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
    #[command(subcommand)]
    command: LocalCommand,
}

#[derive(Debug, Subcommand)]
enum LocalCommand {
    /// List accounts
    Users {
        /// A login name, with * and ? for any characters
        #[arg(default_value = "*")]
        pattern: String,
    },
    /// List groups, roles and channels
    Groups,
    /// Add a group, role or channel
    Add {
        /// What to add
        #[arg(value_enum)]
        kind: Kind,
        /// Its name
        name: String,
    },
    /// Check a login; the password is read from standard input
    ///
    /// Exit code 0: it is right; 1: it is not, or the account is switched off.
    Verify {
        /// The login name
        username: String,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    /// A group
    Group,
    /// A role
    Role,
    /// A news channel
    Channel,
}

const USER_COLUMNS: &[&str] = &[
    "username",
    "firstname",
    "surname",
    "email",
    "enabled",
    "change_password_next_time",
    "has_password",
    "groups",
    "roles",
    "channels",
    "created",
    "changed",
];
const GROUP_COLUMNS: &[&str] = &["kind", "name", "members"];

/// Looks into the embedded directory.
pub async fn local(site: &Site, args: Args) -> Result<Exit, Failure> {
    let config = site.config_with(Secrets::None)?;
    let local = open_local(&config, args.target.as_deref()).await?;
    match args.command {
        LocalCommand::Users { pattern } => users(&local, &pattern, args.format).await,
        LocalCommand::Groups => groups(&local, args.format).await,
        LocalCommand::Add { kind, name } => {
            let kind = match kind {
                Kind::Group => GroupKind::Group,
                Kind::Role => GroupKind::Role,
                Kind::Channel => GroupKind::Channel,
            };
            local.add_group(kind, &GroupName::new(&name)).await.map_err(|fault| faulty(&fault))?;
            Ok(Exit::Done)
        }
        LocalCommand::Verify { username } => verify(&local, &username).await,
    }
}

async fn open_local(config: &Config, name: Option<&str>) -> Result<Local, Failure> {
    let mut locals = config.targets.iter().filter(|target| matches!(target.kind, TargetKind::Local(_)));
    let target = match name {
        Some(name) => locals.find(|target| target.name == name),
        None => match (locals.next(), locals.next()) {
            (Some(only), None) => Some(only),
            (Some(_), Some(_)) => {
                return Err(Failure::new(Exit::Usage, "there are several local targets").hint("name one with --target"));
            }
            (None, _) => None,
        },
    };
    let Some(target) = target else {
        return Err(Failure::new(Exit::Usage, "the configuration has no such target of kind local"));
    };
    match open::target(config, &target.name)? {
        Target::Local(local) => Ok(*local),
        Target::Ldap(_) | Target::Scim(_) => {
            Err(Failure::new(Exit::Usage, format!("target `{}` is not of kind local", target.name)))
        }
    }
}

async fn users(local: &Local, pattern: &str, format: Format) -> Result<Exit, Failure> {
    let users = local.users(pattern).await.map_err(|fault| faulty(&fault))?;
    // People do not need fractions of a second.
    let moment = |at: &str| match (format, at.split_once('.')) {
        (Format::Table, Some((seconds, _))) => format!("{seconds}Z"),
        _ => at.to_owned(),
    };
    let rows = users
        .iter()
        .map(|user| {
            vec![
                json!(user.username),
                json!(user.first_name),
                json!(user.surname),
                json!(user.mail),
                json!(user.enabled),
                json!(user.must_change),
                json!(user.has_password),
                names(&user.groups),
                names(&user.roles),
                names(&user.channels),
                json!(moment(&user.created)),
                json!(moment(&user.changed)),
            ]
        })
        .collect();
    List { columns: USER_COLUMNS, rows }.print(format, "There are no such accounts.")?;
    Ok(Exit::Done)
}

async fn groups(local: &Local, format: Format) -> Result<Exit, Failure> {
    let groups = local.all_groups().await.map_err(|fault| faulty(&fault))?;
    let rows = groups
        .iter()
        .map(|group| vec![json!(group.kind.word()), json!(group.name.as_str()), json!(group.n_members)])
        .collect();
    List { columns: GROUP_COLUMNS, rows }.print(format, "There are no groups, roles or channels.")?;
    Ok(Exit::Done)
}

async fn verify(local: &Local, username: &str) -> Result<Exit, Failure> {
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin().take(64 * 1024).read_to_string(&mut text).map_err(|error| {
        Failure::new(Exit::Usage, "the password on standard input cannot be read").caused_by(&error)
    })?;
    let password = Secret::from(text.trim_end_matches(['\r', '\n']));
    let (exit, text) = match local.verify(username, &password).await.map_err(|fault| faulty(&fault))? {
        Verified::Good => (Exit::Done, "The password is right."),
        Verified::MustChange => (Exit::Done, "The password is right, and must be changed at the next login."),
        Verified::Wrong => (Exit::RowsInError, "The password is wrong."),
        Verified::Disabled => (Exit::RowsInError, "The account is switched off."),
        Verified::Unknown => (Exit::RowsInError, "There is no such account."),
    };
    let rows = vec![vec![json!(username), json!(text)]];
    List { columns: &["username", "login"], rows }.print(Format::Table, "")?;
    Ok(exit)
}

fn faulty(fault: &Fault) -> Failure {
    Failure::new(Exit::TryAgain, format!("the local directory cannot be used: {fault}"))
}

fn names(groups: &[GroupName]) -> serde_json::Value {
    groups.iter().map(GroupName::as_str).collect()
}
