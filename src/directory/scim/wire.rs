//! What is sent to a service and what comes back.

pub mod error;
pub mod resource;
