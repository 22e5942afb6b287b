//! One binary for all integration tests: every file of this folder is a module here.

mod ad;
mod architecture;
mod cli;
mod config;
#[macro_use]
mod contract;
mod ds389;
mod intake;
mod ldap;
mod letters;
mod mail;
mod page;
mod plan;
mod provision;
mod resume;
mod scim;
mod server;
mod told;
mod world;
