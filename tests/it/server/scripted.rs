//! A server that answers searches as a test says, for what no real server at hand does. Whoever binds is welcome.

use std::sync::Arc;

use ldap3::asn1::StructureTag;
use ldap3::asn1::parse_tag;
use ldap3::asn1::parse_uint;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;

/// What a client searches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// In lower case.
    pub base: String,
    /// 0: the base itself; 1: right below; 2: anywhere below.
    pub scope: u64,
    pub attributes: Vec<String>,
}

/// A name, and attributes with their values.
pub type Found = (String, Vec<(String, Vec<String>)>);

/// Listens on a free port until the test's runtime ends. `answer` gives the entries, or `None` where there is no base.
pub async fn listen(answer: impl Fn(&Question) -> Option<Vec<Found>> + Send + Sync + 'static) -> u16 {
    listen_as(None, answer).await
}

/// The same; `identity` is whom it takes everybody for, if it says so when asked (RFC 4532).
pub async fn listen_as(
    identity: Option<&'static str>,
    answer: impl Fn(&Question) -> Option<Vec<Found>> + Send + Sync + 'static,
) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(converse(client, identity, Arc::clone(&answer)));
        }
    });
    port
}

async fn converse(
    mut client: TcpStream,
    identity: Option<&'static str>,
    answer: Arc<impl Fn(&Question) -> Option<Vec<Found>> + Send + Sync>,
) {
    let mut unread = Vec::new();
    loop {
        while let Ok((rest, message)) = parse_tag(&unread) {
            let rest = rest.to_vec();
            let mut parts = message.expect_constructed().expect("a message").into_iter();
            let id = parts.next().and_then(StructureTag::expect_primitive).expect("a message id");
            let operation = parts.next().expect("an operation");
            unread = rest;
            let said = reply(&id, operation, identity, &*answer);
            if client.write_all(&said).await.is_err() {
                return;
            }
        }
        match client.read_buf(&mut unread).await {
            Ok(1..) => {}
            _ => return,
        }
    }
}

/// Operations and their answers by their tags (RFC 4511 section 4.2 and following).
fn reply(
    id: &[u8],
    operation: StructureTag,
    identity: Option<&str>,
    answer: &impl Fn(&Question) -> Option<Vec<Found>>,
) -> Vec<u8> {
    let message = |operation: Vec<u8>| tlv(0x30, &[tlv(0x02, id), operation].concat());
    let outcome = |code: u8| [tlv(0x0a, &[code]), tlv(0x04, b""), tlv(0x04, b"")].concat();
    let result = |tag: u8, code: u8| message(tlv(tag, &outcome(code)));
    match (operation.id, identity) {
        (0, _) => result(0x61, 0),
        (23, Some(identity)) => message(tlv(0x78, &[outcome(0), tlv(0x8b, identity.as_bytes())].concat())),
        // protocolError: no extended operation is known.
        (23, None) => result(0x78, 2),
        (3, _) => {
            let Some(found) = answer(&question(operation)) else { return result(0x65, 32) };
            let entries = found.into_iter().flat_map(|entry| message(entry_of(entry)));
            entries.chain(result(0x65, 0)).collect()
        }
        // busy: nothing is added.
        (8, _) => result(0x69, 51),
        _ => Vec::new(),
    }
}

fn question(search: StructureTag) -> Question {
    let parts = search.expect_constructed().expect("a search");
    let octets = |place: usize| parts[place].clone().expect_primitive().expect("octets");
    let attributes = parts[7].clone().expect_constructed().expect("names of attributes");
    let text = |octets: Vec<u8>| String::from_utf8(octets).expect("text");
    Question {
        base: text(octets(0)).to_lowercase(),
        scope: parse_uint(&octets(1)).expect("a number").1,
        attributes: attributes.into_iter().filter_map(StructureTag::expect_primitive).map(text).collect(),
    }
}

fn entry_of((dn, attributes): Found) -> Vec<u8> {
    let attributes = attributes.into_iter().map(|(name, values)| {
        let values = values.iter().map(|value| tlv(0x04, value.as_bytes())).collect::<Vec<_>>().concat();
        tlv(0x30, &[tlv(0x04, name.as_bytes()), tlv(0x31, &values)].concat())
    });
    let attributes = tlv(0x30, &attributes.collect::<Vec<_>>().concat());
    tlv(0x64, &[tlv(0x04, dn.as_bytes()), attributes].concat())
}

/// Returns one value in BER: a tag, a length of four octets, the contents.
fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u32::try_from(contents.len()).expect("short enough").to_be_bytes();
    [&[tag, 0x84], length.as_slice(), contents].concat()
}
