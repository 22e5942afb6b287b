//! SCIM services as directories.

mod fault_server;
mod services;
mod transport;
