//! SCIM services as directories.

mod services;
