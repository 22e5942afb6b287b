//! Real servers, each started by the test that needs it.

pub mod door;
pub mod ds389;
pub mod eavesdropper;
pub mod listener;
pub mod posix;
pub mod samba;
pub mod scim;
pub mod scim_faults;
pub mod scripted;
pub mod slapd;
pub mod smtp;
