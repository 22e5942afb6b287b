//! Several creations in one request (RFC 7644 section 3.7).

/// Whether bulk requests are proved to work.
#[derive(Debug, Default)]
pub(super) struct Bulk {}
