//! One binary for all integration tests: every file of this folder is a module here.

mod architecture;
mod cli;
mod config;
#[macro_use]
mod contract;
mod intake;
mod ldap;
mod mail;
mod plan;
mod server;
