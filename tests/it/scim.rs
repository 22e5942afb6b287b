//! SCIM services as directories.

mod services;
mod transport;
