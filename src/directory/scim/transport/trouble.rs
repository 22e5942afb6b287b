//! What can come of a request but success, told apart by what must be done next.

use crate::directory::scim::wire::ErrorReply;
use crate::directory::scim::wire::ScimType;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;

/// What came of a request that did not succeed. No text holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The service, or something in front of it, answered with a status that is not success.
    #[error("{}", sentence(.0))]
    Refused(ErrorReply),
    /// It was sent, and nobody knows what came of it.
    #[error("{0}")]
    Unanswered(String),
    /// It was certainly not done: it was never sent, or the service was too busy to look at it.
    #[error("{0}")]
    NotSent(String),
    /// The service said success, with a body that is not JSON.
    #[error("the answer is not JSON (HTTP {status}), so it is not the service that answers: look at `url`")]
    NotJson {
        /// The status.
        status: u16,
    },
    /// The service does not take our credentials, or they may not do this (401, 403).
    #[error("{0}")]
    Unauthorized(String),
    /// The answer is larger than what is read.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: usize,
    },
    /// Nothing can be done as configured: a certificate that is not trusted, a redirect to another place.
    #[error("{0}")]
    Unfit(String),
}

impl Trouble {
    /// Returns the fault of a read.
    pub fn fault_of_read(self) -> Fault {
        let reason = self.to_string();
        match self {
            Self::Refused(reply) => {
                let next = if is_passing(reply.status) { Next::Retry } else { Next::StopRun };
                Fault::new(next, reason).with_code(reply.status)
            }
            Self::Unanswered(_) | Self::NotSent(_) => Fault::new(Next::Retry, reason),
            Self::NotJson { status } => Fault::new(Next::StopRun, reason).with_code(status),
            Self::Unauthorized(_) | Self::TooLarge { .. } | Self::Unfit(_) => Fault::new(Next::StopRun, reason),
        }
    }

    /// Returns the fault of a write.
    ///
    /// A code with [`Next::LookAgain`] says that nothing was done. So there is none where that is not sure: after an
    /// answer of 500 and above, and after success that cannot be read.
    pub fn fault_of_write(self) -> Fault {
        let reason = self.to_string();
        match self {
            Self::Refused(reply) => {
                let ErrorReply { status, .. } = reply;
                match status {
                    // Somebody has changed it, it is gone, or it is there already (RFC 7644 section 3.12).
                    404 | 409 | 412 => Fault::new(Next::LookAgain, reason).with_code(status),
                    408 => Fault::new(Next::LookAgain, reason),
                    425 | 429 => Fault::new(Next::Retry, reason).with_code(status),
                    // A service that does not know what was asked has not done it.
                    501 | 505 => Fault::new(Next::RejectRow, reason).with_code(status),
                    500.. => Fault::new(Next::LookAgain, reason),
                    _ => Fault::new(Next::RejectRow, reason).with_code(status),
                }
            }
            Self::Unanswered(_) | Self::NotJson { .. } | Self::TooLarge { .. } => Fault::new(Next::LookAgain, reason),
            Self::NotSent(_) => Fault::new(Next::Retry, reason),
            // Both are said of the request as a whole, before anything is done.
            Self::Unauthorized(_) => Fault::new(Next::StopRun, reason).with_code("denied"),
            Self::Unfit(_) => Fault::new(Next::StopRun, reason).with_code("not sent"),
        }
    }
}

/// Returns whether a status says that the same may go well later.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

fn sentence(reply: &ErrorReply) -> String {
    let ErrorReply { status, scim_type, detail, is_scim } = reply;
    let meaning = match scim_type {
        Some(ScimType::Uniqueness) => "a value is taken already",
        Some(ScimType::Mutability) => "the service does not let this be changed",
        Some(ScimType::TooMany) => "the service finds this too much at once",
        Some(ScimType::NoTarget) => "what was to be changed is not there",
        Some(ScimType::InvalidFilter) => "the service does not take the filter",
        Some(ScimType::InvalidPath) => "the service does not know the attribute",
        Some(ScimType::InvalidValue) => "the service does not take a value",
        Some(ScimType::InvalidSyntax) => "the service does not take the request",
        Some(ScimType::InvalidVers) => "the service does not speak this version of SCIM",
        Some(ScimType::Sensitive) => "the service does not let this be asked",
        _ if !is_scim && *status == 404 => "there is nothing at this address",
        _ => match status {
            400 => "the service refuses the request",
            404 => "the service does not have it",
            405 | 501 => "the service cannot do this",
            409 => "the service says that this conflicts with what it has",
            412 => "somebody else has changed it in the meantime",
            413 => "the service finds the request too large",
            429 => "the service is asked too often",
            500.. => "the service has failed",
            _ => "the service refuses this",
        },
    };
    match detail.as_deref().filter(|detail| !detail.is_empty()) {
        Some(detail) => format!("{meaning}: {detail}"),
        None => meaning.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, is_scim: bool) -> Trouble {
        Trouble::Refused(ErrorReply { status, scim_type: None, detail: None, is_scim })
    }

    #[test]
    fn what_an_answer_means_for_a_write() {
        for (status, next, was_not_done) in [
            (400, Next::RejectRow, true),
            (404, Next::LookAgain, true),
            (405, Next::RejectRow, true),
            (408, Next::LookAgain, false),
            (409, Next::LookAgain, true),
            (412, Next::LookAgain, true),
            (413, Next::RejectRow, true),
            (422, Next::RejectRow, true),
            (429, Next::Retry, true),
            (500, Next::LookAgain, false),
            (501, Next::RejectRow, true),
            (502, Next::LookAgain, false),
            (503, Next::LookAgain, false),
            (504, Next::LookAgain, false),
        ] {
            for is_scim in [true, false] {
                let fault = refused(status, is_scim).fault_of_write();
                assert_eq!((fault.next, fault.code.is_some()), (next, was_not_done), "{status}");
            }
        }
    }

    #[test]
    fn what_an_answer_means_for_a_read() {
        for (status, next) in
            [(400, Next::StopRun), (404, Next::StopRun), (429, Next::Retry), (500, Next::Retry), (501, Next::StopRun)]
        {
            assert_eq!(refused(status, true).fault_of_read().next, next, "{status}");
        }
    }

    #[test]
    fn silence_is_looked_at_and_never_taken_for_an_answer() {
        for trouble in
            [Trouble::Unanswered("cut".into()), Trouble::NotJson { status: 201 }, Trouble::TooLarge { limit: 1 }]
        {
            let fault = trouble.fault_of_write();
            assert_eq!((fault.next, fault.code), (Next::LookAgain, None));
        }
        assert_eq!(Trouble::Unanswered("cut".into()).fault_of_read().next, Next::Retry);
        assert_eq!(Trouble::NotSent("down".into()).fault_of_write().next, Next::Retry);
        assert_eq!(Trouble::NotSent("down".into()).fault_of_read().next, Next::Retry);
        for trouble in [Trouble::Unauthorized("no".into()), Trouble::Unfit("no".into())] {
            assert_eq!(trouble.clone().fault_of_read().next, Next::StopRun);
            let fault = trouble.fault_of_write();
            // What was certainly not done is not in doubt.
            assert_eq!((fault.next, fault.code.is_some()), (Next::StopRun, true));
        }
    }
}
