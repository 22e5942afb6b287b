//! The command line: harmless commands first. Results go to stdout, talk and progress to stderr.

pub mod approve;
pub mod check;
pub mod import;
pub mod list;
pub mod local;
pub mod open;
pub mod preview;
pub mod progress;
pub mod run;
pub mod status;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;

use crate::exit::Exit;
use crate::exit::Failure;

/// Carry people from CSV rosters into a directory
///
/// rosterd reads a roster (CSV or XLSX), compares it with the directory, shows what it would do to every person (New,
/// Update, Old or Error), and does just that, in throttled batches, with reports next to the roster.
#[derive(Debug, Parser)]
#[command(name = "rosterd", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// Configuration file
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        env = "ROSTERD_CONFIG",
        hide_env_values = true,
        default_value = open::DEFAULT_CONFIG
    )]
    config: PathBuf,
    /// Keep journal, spool and local directory here, whatever the configuration says
    #[arg(long, value_name = "DIR", global = true, env = "ROSTERD_DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  rosterd --config config/quickstart.toml preview config/samples/starters.csv
  rosterd --config config/quickstart.toml import config/samples/starters.csv
  rosterd --config /etc/rosterd/rosterd.toml check
  rosterd --config /etc/rosterd/rosterd.toml run

Exit codes:
   0  done
   1  some rows in error, the rest done
   2  usage
   3  the whole roster refused, or something held for approval
  75  temporary: try again
  78  configuration";

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a roster would change, and change nothing
    Preview(preview::Args),
    /// Carry one roster through now
    Import(import::Args),
    /// Watch the drop folders of all feeds
    Run(run::Args),
    /// Prove the configuration against the live directories
    Check(check::Args),
    /// List rosters that are under way, waiting, or done
    Status(status::Args),
    /// Apply what waits for approval
    Approve(approve::ApproveArgs),
    /// Drop what waits for approval
    Reject(approve::RejectArgs),
    /// Look into the embedded directory
    Local(local::Args),
}

/// How lists are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// One JSON document
    Json,
    /// Comma-separated values
    Csv,
}

/// Runs the command line and returns the exit code. Failures are printed to stderr.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no failures; clap knows where each goes.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            let _ = error.print();
            return exit;
        }
    };
    match carry_out(cli) {
        Ok(exit) => exit,
        Err(failure) => {
            // Nobody may be listening any more; the exit code says it too.
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.exit
        }
    }
}

fn carry_out(cli: Cli) -> Result<Exit, Failure> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // The daemon does many things at a time. Everything else does one, and is quicker when no other thread need be woken
    // for each answer of a directory.
    let mut runtime = match cli.command {
        Command::Run(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    let runtime =
        runtime.enable_all().build().map_err(|error| Failure::new(Exit::TryAgain, "cannot start").caused_by(&error))?;
    let site = open::Site { config: cli.config, data_dir: cli.data_dir };
    runtime.block_on(async move {
        match cli.command {
            Command::Preview(args) => preview::preview(&site, args).await,
            Command::Import(args) => import::import(&site, args).await,
            Command::Run(args) => run::run(&site, args).await,
            Command::Check(args) => check::check(&site, args).await,
            Command::Status(args) => status::status(&site, args).await,
            Command::Approve(args) => approve::approve(&site, args).await,
            Command::Reject(args) => approve::reject(&site, args).await,
            Command::Local(args) => local::local(&site, args).await,
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
