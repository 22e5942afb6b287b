//! One binary for all integration tests: every file of this folder is a module here.

mod architecture;
mod intake;
