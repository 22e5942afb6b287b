//! Several creations in one request (RFC 7644 section 3.7), where the service offers that and is seen to do it.

use std::sync::Arc;

use super::provider::Provider;
use crate::directory::Pace;
use crate::roster::fault::Fault;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;

/// Whether bulk requests are proved to work.
#[derive(Debug, Default)]
pub(super) struct Bulk {}

impl Provider {
    /// Does what of a batch can be done so, and puts the answers that are sure into their places.
    pub(super) async fn in_bulk(
        self: &Arc<Self>,
        _batch: &[Operation],
        _pace: &Pace,
        _answers: &mut [Option<Result<Receipt, Fault>>],
    ) {
    }
}
