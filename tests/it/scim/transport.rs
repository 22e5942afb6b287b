//! Everything between a request and its answer, against services that answer as each test says.

mod answers;
mod busy;
mod desk;
mod doors;
mod identity;
mod origin;
mod secrets;
mod silence;
mod streams;

use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::time::Duration;

use rosterd::directory::scim::transport::Auth;
use rosterd::directory::scim::transport::Timeouts;
use rosterd::directory::scim::transport::Transport;
use rosterd::directory::scim::transport::TransportSettings;
use rosterd::directory::scim::url::BaseUrl;
use rosterd::directory::scim::wire::ResourceId;
use rosterd::roster::forecast::Rate;
use rosterd::roster::secret::Secret;
use url::Url;

const TOKEN: &str = "t0ken-Of-The-Test";

fn base(port: u16) -> BaseUrl {
    BaseUrl::parse(&format!("http://127.0.0.1:{port}/scim/v2")).expect("a base")
}

/// The settings for a service on a port: fast, and not patient.
fn settings(port: u16) -> TransportSettings {
    TransportSettings {
        rate: None,
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(5),
            whole: Duration::from_secs(10),
        },
        ..TransportSettings::new(base(port), Auth::Bearer(Secret::from(TOKEN)))
    }
}

fn transport(settings: &TransportSettings) -> Transport {
    Transport::new(settings).expect("a transport")
}

fn users(port: u16) -> Url {
    base(port).endpoint("Users").expect("an endpoint").url()
}

fn user(port: u16, id: &str) -> Url {
    base(port).endpoint("Users").expect("an endpoint").resource(&ResourceId::new(id).expect("an id"))
}

fn limit(n: u32) -> Option<Rate> {
    Some(Rate::per_second(NonZeroU32::new(n).expect("not zero")))
}

fn at_most(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("not zero")
}
