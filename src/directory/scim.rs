//! A SCIM 2.0 service as a directory (RFC 7643, RFC 7644).

pub mod filter;
pub mod path;
pub mod wire;
