//! One binary for all integration tests: every file of this folder is a module here.

mod architecture;
mod cli;
mod config;
#[macro_use]
mod contract;
mod intake;
mod ldap;
mod letters;
mod mail;
mod provision;
mod resume;
mod plan;
mod server;
mod world;
