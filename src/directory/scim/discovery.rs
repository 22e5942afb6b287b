//! Asking a service what it is (RFC 7644 section 4).
//!
//! Each of the three documents may be missing, need other rights, or be a page for people. None of that ends a run:
//! what is not said is known beforehand, or tried. Only a service that cannot be reached at all is a fault.

use serde_json::Value;

use super::service::Absent;
use super::service::Documents;
use super::service::Service;
use super::settings::ScimSettings;
use super::transport::Request;
use super::transport::Transport;
use super::transport::Trouble;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;

/// Asks the service what it is, unless the configuration says not to.
pub async fn discover(transport: &Transport, settings: &ScimSettings) -> Result<Service, Fault> {
    if settings.overrides.discover == Some(false) {
        return Ok(Service::of(settings, Documents::default()));
    }
    let mut config = document(transport, "ServiceProviderConfig").await?;
    if config.is_err() {
        // The name that SCIM 1.1 had; some kept it.
        let older = document(transport, "ServiceProviderConfigs").await?;
        config = older.or(config);
    }
    let types = document(transport, "ResourceTypes").await?;
    let schemas = document(transport, "Schemas").await?;
    let service = Service::of(settings, Documents { config, types, schemas });
    for note in &service.found {
        tracing::debug!(subject = note.subject, "The service: {} ({})", note.text, note.origin);
    }
    Ok(service)
}

async fn document(transport: &Transport, name: &str) -> Result<Result<Value, Absent>, Fault> {
    let endpoint = transport.settings().base.endpoint(name);
    let endpoint = endpoint.map_err(|fault| Fault::new(Next::StopRun, fault.to_string()))?;
    match transport.send(Request::get(endpoint.url()).probing(), None).await {
        Ok(reply) => Ok(reply.body.ok_or_else(|| Absent::Answer("the answer is empty".to_owned()))),
        Err(trouble) => absent(trouble).map(Err),
    }
}

/// Tells an answer that says no from none at all. A service that is overloaded has not said that it cannot do anything.
fn absent(trouble: Trouble) -> Result<Absent, Fault> {
    match trouble {
        Trouble::Unanswered(_) | Trouble::NotSent(_) | Trouble::Unfit(_) => Err(trouble.fault_of_read()),
        Trouble::Refused(reply) if matches!(reply.status, 408 | 425 | 429 | 502..=504) => {
            Err(Trouble::Refused(reply).fault_of_read())
        }
        Trouble::Refused(reply) => {
            let status = reply.status;
            Ok(Absent::Answer(format!("{} (HTTP {status})", Trouble::Refused(reply))))
        }
        Trouble::NotJson { .. } | Trouble::Unauthorized(_) | Trouble::TooLarge { .. } => {
            Ok(Absent::Answer(trouble.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::scim::wire::error::ErrorReply;

    fn refused(status: u16) -> Trouble {
        Trouble::Refused(ErrorReply { status, scim_type: None, detail: None, is_scim: false })
    }

    #[test]
    fn an_answer_that_says_no_ends_no_run() {
        for trouble in
            [refused(404), refused(400), refused(405), refused(500), refused(501), Trouble::NotJson { status: 200 }]
        {
            assert!(absent(trouble.clone()).is_ok(), "{trouble}");
        }
        assert!(absent(Trouble::Unauthorized("HTTP 401".to_owned())).is_ok());
    }

    #[test]
    fn silence_and_overload_say_nothing_about_the_service() {
        for status in [408, 425, 429, 502, 503, 504] {
            assert_eq!(absent(refused(status)).expect_err("a fault").next, Next::Retry, "{status}");
        }
        assert_eq!(absent(Trouble::NotSent("refused".to_owned())).expect_err("a fault").next, Next::Retry);
        assert_eq!(absent(Trouble::Unanswered("timed out".to_owned())).expect_err("a fault").next, Next::Retry);
        assert_eq!(absent(Trouble::Unfit("certificate".to_owned())).expect_err("a fault").next, Next::StopRun);
    }
}
