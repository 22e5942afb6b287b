//! rosterd carries people from CSV rosters into directories: planned, shown, then applied as shown.

pub mod cli;
pub mod config;
pub mod daemon;
pub mod directory;
pub mod enclosure;
pub mod exit;
pub mod intake;
pub mod mail;
pub mod provision;
pub mod report;
pub mod roster;
pub mod run;
pub mod sqlite;
pub mod state;
pub mod systemd;
pub mod telemetry;
pub mod tls;
