//! From settings to an authenticated connection: nothing is sent in clear, and nobody else is spoken to.

use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ldap3::LdapConnAsync;
use ldap3::LdapConnSettings;
use ldap3::LdapError;
use ldap3::StdStream;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use socket2::TcpKeepalive;
use tokio::net::TcpStream;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::connection::Connection;
use super::fault::During;
use super::fault::Trouble;
use super::fault::refused;
use super::filter::Filter;
use super::name::Dn;
use super::server::RootDse;
use super::settings::Access;
use super::settings::Identity;
use super::settings::Link;
use super::tap::Tap;
use super::unreached::Unresolved;
use super::unreached::no_answer;
use super::unreached::not_connected;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;

/// Connects, secures the connection, authenticates, and asks the server what it can do.
pub async fn dial(access: &Access) -> Result<Connection, Fault> {
    introduce(access, link(access).await?).await
}

/// The same for a connection that whole directories are read over: with a [`Tap`], except where StartTLS secures it,
/// which is between the library and the server.
pub async fn dial_tapped(access: &Access) -> Result<Connection, Fault> {
    if matches!(access.link, Link::Tls { starttls: true, .. }) {
        return dial(access).await;
    }
    introduce(access, opened(access, open_tapped(access)).await?).await
}

async fn introduce(access: &Access, mut connection: Connection) -> Result<Connection, Fault> {
    connection.who = bind(access, &connection).await?;
    connection.root = root_dse(&connection).await?;
    Ok(connection)
}

/// Connects and secures the connection. No bind has been sent.
pub async fn link(access: &Access) -> Result<Connection, Fault> {
    opened(access, async { Ok((open(access).await?, None)) }).await
}

type Opened = ((LdapConnAsync, ldap3::Ldap), Option<Tap>);

async fn opened(access: &Access, open: impl Future<Output = Result<Opened, LdapError>>) -> Result<Connection, Fault> {
    let fresh = timeout(access.connect_timeout, AssertUnwindSafe(open).catch_unwind()).await;
    let (pair, tap) = match fresh {
        Err(_elapsed) => {
            return Err(no_answer(access));
        }
        Ok(Err(_panic)) => {
            return Err(Fault::new(Next::StopRun, format!("{} does not speak LDAP", access.url)));
        }
        Ok(Ok(Err(error))) => return Err(not_connected(access, &error)),
        Ok(Ok(Ok(opened))) => opened,
    };
    Ok(Connection::start(pair, tap, access.timeout))
}

/// Authenticates, makes sure that the server has understood who, and returns the entry that it takes rosterd for.
pub async fn bind(access: &Access, connection: &Connection) -> Result<Option<Dn>, Fault> {
    let unanswered = |trouble| match trouble {
        Trouble::Unsent(cause) | Trouble::Unknown(cause) | Trouble::HungUp(cause) => {
            Fault::new(Next::Retry, format!("the bind was not answered: {cause}"))
        }
        Trouble::Unfit(cause) => Fault::new(Next::StopRun, cause),
    };
    let (answer, secret) = match &access.identity {
        Identity::Simple(dn, password) => {
            (connection.simple_bind(&dn.to_string(), password.expose()).await, Some(password))
        }
        Identity::External => (connection.external_bind().await, None),
    };
    let answer = answer.map_err(unanswered)?;
    if answer.rc != 0 {
        return Err(refused(During::Bind, &answer, secret));
    }
    let (answer, identity) = connection.who_am_i().await.map_err(unanswered)?;
    match answer.rc {
        0 => recognised(&access.identity, &identity),
        // A server without the extension (RFC 4532) has accepted the bind all the same.
        2 => Ok(None),
        // The password of the account itself has expired or must be changed: it can do nothing else.
        _ => Err(refused(During::Bind, &answer, secret)),
    }
}

fn recognised(wanted: &Identity, authzid: &str) -> Result<Option<Dn>, Fault> {
    let stop = |reason: String| Err(Fault::new(Next::StopRun, reason));
    if authzid.is_empty() || authzid == "dn:" {
        return stop("the server took the bind for an anonymous one".to_owned());
    }
    let Some(seen) = authzid.strip_prefix("dn:") else { return Ok(None) };
    let who = Dn::parse(seen).ok();
    let Identity::Simple(dn, _) = wanted else { return Ok(who) };
    match who {
        Some(who) if who.key() == dn.key() => Ok(Some(who)),
        _ => stop(format!("the server takes the bind DN {dn} for {seen}")),
    }
}

pub async fn root_dse(connection: &Connection) -> Result<RootDse, Fault> {
    let answer =
        connection.read("", &Filter::present("objectClass"), RootDse::ATTRIBUTES).await.map_err(Trouble::of_read)?;
    // An unreadable root DSE only means that nothing optional is used.
    Ok(answer.entries.first().map(RootDse::of).unwrap_or_default())
}

async fn open(access: &Access) -> Result<(LdapConnAsync, ldap3::Ldap), LdapError> {
    let settings = match &access.link {
        Link::Local => LdapConnSettings::new(),
        Link::Clear => LdapConnSettings::new().set_std_stream(StdStream::Tcp(tcp(access).await?.into_std()?)),
        Link::Tls { config, starttls, .. } => LdapConnSettings::new()
            .set_config(config.clone())
            .set_starttls(*starttls)
            .set_std_stream(StdStream::Tcp(tcp(access).await?.into_std()?)),
    };
    LdapConnAsync::from_url_with_settings(settings, &access.url).await
}

/// Secures the connection here, so that the tap is between the security and the library.
async fn open_tapped(access: &Access) -> Result<Opened, LdapError> {
    let (library, tap) = match &access.link {
        Link::Local => {
            let path = access.url.host_str().unwrap_or_default();
            let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
            Tap::on(UnixStream::connect(&*path).await?)?
        }
        Link::Clear => Tap::on(tcp(access).await?)?,
        Link::Tls { config, .. } => {
            let host = ServerName::try_from(access.url.host_str().unwrap_or_default())?.to_owned();
            Tap::on(TlsConnector::from(Arc::clone(config)).connect(host, tcp(access).await?).await?)?
        }
    };
    let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(library));
    let pair = LdapConnAsync::with_settings(settings, "ldapi://tapped").await?;
    Ok((pair, Some(tap)))
}

/// Connects to the first address that answers. A peer that vanishes without a word is noticed within the deadline.
async fn tcp(access: &Access) -> Result<TcpStream, LdapError> {
    let host = access.url.host_str().unwrap_or_default();
    let port = access.url.port().unwrap_or(if access.url.scheme() == "ldaps" { 636 } else { 389 });
    let addresses =
        tokio::net::lookup_host((host, port)).await.map_err(|error| Unresolved(error.to_string()).into_io())?;
    let addresses: Vec<SocketAddr> = addresses.collect();
    let stream = TcpStream::connect(&*addresses).await?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_nodelay(true)?;
    let probes = TcpKeepalive::new().with_time(Duration::from_secs(30)).with_interval(Duration::from_secs(10));
    socket.set_tcp_keepalive(&probes)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(access.timeout))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::secret::Secret;

    #[test]
    fn whom_the_server_takes_us_for() {
        let dn = Dn::parse("cn=rosterd,o=x").expect("valid");
        let simple = Identity::Simple(dn, Secret::from("secret"));
        assert!(recognised(&simple, "dn:CN=Rosterd,O=X").is_ok());
        assert!(recognised(&simple, "u:rosterd").is_ok());
        assert!(recognised(&Identity::External, "dn:cn=anybody,o=x").is_ok());
        for seen in ["", "dn:", "dn:cn=other,o=x"] {
            let fault = recognised(&simple, seen).expect_err(seen);
            assert_eq!(fault.next, Next::StopRun, "{seen}");
        }
        assert!(recognised(&Identity::External, "").is_err());
    }
}
