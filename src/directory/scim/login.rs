//! What a login comes to: nobody can tell.

use crate::directory::Login;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;

/// Says why no login can be tried: SCIM writes accounts, and people log in elsewhere (RFC 7644 section 1).
pub(super) fn login() -> Result<Login, Fault> {
    let reason = "SCIM has no way to try a login, so that nothing proves the password (see `prove_login` of the feed)";
    Err(Fault::new(Next::RejectRow, reason))
}
