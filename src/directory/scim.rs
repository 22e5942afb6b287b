//! SCIM 2.0 services (RFC 7643, RFC 7644) as a target.

pub mod transport;
pub mod url;
pub mod wire;
