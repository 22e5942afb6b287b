//! The pure core: what a roster says, what a directory holds, and the plan that leads from one to the other.
//!
//! Nothing below this module performs IO, reads a clock, draws randomness, logs, or is async; `tests/it/architecture.rs`
//! holds that. Bytes come in as `std::io::Read`, random numbers as an argument.

pub mod account;
pub mod attribute;
pub mod change;
pub mod checks;
pub mod claim;
pub mod collision;
pub mod columns;
pub mod deferred;
pub mod diff;
pub mod earlier;
pub mod enclosed;
pub mod fault;
pub mod forecast;
pub mod guard;
pub mod leaver;
pub mod letter;
pub mod mapping;
pub mod matching;
pub mod memberships;
pub mod name_key;
pub mod operation;
pub mod outcome;
pub mod owners;
pub mod password;
pub mod place;
pub mod plan;
pub mod plan_id;
pub mod planner;
pub mod problem;
pub mod read;
pub mod reference;
pub mod remark;
pub mod rows;
pub mod seats;
pub mod secret;
pub mod takeover;
pub mod turns;
