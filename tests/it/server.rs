//! Real servers, each started by the test that needs it.

pub mod smtp;
