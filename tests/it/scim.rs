//! SCIM services as directories.

mod checked;
mod fault_server;
mod services;
mod transport;
