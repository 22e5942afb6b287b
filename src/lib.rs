//! rosterd carries people from CSV rosters into directories: planned, shown, then applied as shown.

pub mod daemon;
pub mod directory;
pub mod intake;
pub mod mail;
pub mod report;
pub mod roster;
pub mod sqlite;
pub mod state;
pub mod systemd;
pub mod telemetry;
pub mod tls;
